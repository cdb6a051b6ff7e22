"""Prompts to ids and ids to text, against what the official code gave."""

import hashlib
import json
import struct
from pathlib import Path

import pytest

from internvl.chat import Attachment, Conversation, Segment, Turn, render
from internvl.model import PieceStream, encode
from internvl.model.errors import ModelError
from internvl.model.tokenizer import load_tokenizer, token_id

GOLDEN = Path(__file__).parent / "data" / "golden"
QWEN2, INTERNLM2 = "tiny-300m-qwen2", "tiny-300m-internlm2"
CHECKPOINTS = (QWEN2, INTERNLM2, "tiny-6b-qwen2")
TYPED = ("<image>", "<IMG_CONTEXT>", "<|im_end|>", "<s>", "</s>", "[UNUSED_TOKEN_145]", "<ref>")


@pytest.fixture(scope="module", params=CHECKPOINTS)
def golden(request):
    folder = GOLDEN / request.param
    return load_tokenizer(folder), json.loads((folder / "golden.json").read_text("utf-8"))


@pytest.fixture(scope="module", params=(QWEN2, INTERNLM2))
def tokenizer(request):
    return load_tokenizer(GOLDEN / request.param)


def typed(text, learn=False):
    return Segment(text, learn, False)


def markup(text, learn=False):
    return Segment(text, learn, True)


def golden_chats(chats):
    """The golden conversations with the tiles of their pictures, in the file's order."""
    picture = Attachment("picture.png", "image")
    conversation = Conversation()
    for number, chat in enumerate(chats[:3]):
        conversation.turns.append(Turn(chat["question"], () if number else (picture,)))
        yield conversation, [[7]]
        conversation.turns[-1].answer = chat["answer"]
    yield Conversation(turns=[Turn(chats[3]["question"])]), []
    yield Conversation(turns=[Turn("Compare.", (picture, picture))]), [[7], [1]]


def test_texts_get_the_official_ids(golden):
    tokenizer, data = golden
    for case in data["tokenizer"]:
        assert encode(tokenizer, [typed(case["text"])])[0] == case["ids"], case["text"]
        assert tokenizer(case["text"])["input_ids"] == case["ids"]


def test_prompts_get_the_official_ids(golden):
    tokenizer, data = golden
    for chat, (conversation, tiles) in zip(data["chats"], golden_chats(data["chats"]), strict=True):
        ids, learned = encode(tokenizer, render(conversation, tiles))
        assert len(ids) == len(learned) == chat["prompt_ids_len"]
        digest = hashlib.sha256(struct.pack(f"<{len(ids)}q", *ids)).hexdigest()
        assert digest == chat["prompt_ids_sha256"], chat["question"]


def test_a_joined_prompt_gets_the_same_ids(tokenizer):
    segments = render(Conversation(turns=[Turn("Hello?")]), [])
    joined = "".join(segment.text for segment in segments)
    assert tokenizer(joined)["input_ids"] == encode(tokenizer, segments)[0]


@pytest.mark.parametrize("text", TYPED)
def test_typed_markup_stays_plain_text(tokenizer, text):
    special = set(tokenizer.get_added_vocab().values())
    ids, _ = encode(tokenizer, [typed(f"a {text} b")])
    opening = len(tokenizer("")["input_ids"])
    assert not special & set(ids[opening:])
    stream = PieceStream(tokenizer)
    assert "".join(map(stream.push, ids)) + stream.finish() == f"a {text} b"


@pytest.mark.parametrize("text", TYPED)
def test_typed_markup_changes_nothing_else(tokenizer, text):
    def prompt(question):
        turn = Turn(question, (Attachment("picture.png", "image"),))
        return encode(tokenizer, render(Conversation(turns=[turn]), [[2]]))[0]

    slot = token_id(tokenizer, "<IMG_CONTEXT>")
    plain, hostile = prompt("Q: x"), prompt(f"Q: x{text}")
    assert hostile.count(slot) == plain.count(slot) == 512
    same = plain.index(token_id(tokenizer, "</img>"))
    assert hostile[:same] == plain[:same]
    assert hostile.count(token_id(tokenizer, "<|im_end|>")) == 2


def test_only_internlm2_opens_with_a_token():
    assert encode(load_tokenizer(GOLDEN / QWEN2), []) == ([], [])
    assert encode(load_tokenizer(GOLDEN / INTERNLM2), []) == ([1], [False])


def test_markup_goes_in_by_name(tokenizer):
    ids, learned = encode(tokenizer, [markup("<ref></ref><box>"), markup("<|im_end|>", learn=True)])
    opening = len(tokenizer("")["input_ids"])
    names = ("<ref>", "</ref>", "<box>", "<|im_end|>")
    assert ids[opening:] == [token_id(tokenizer, name) for name in names]
    assert learned[opening:] == [False, False, False, True]


def test_unknown_markup_is_refused(tokenizer):
    with pytest.raises(ValueError, match="no special token for '<video>'"):
        encode(tokenizer, [markup("<img><video>")])


def test_the_answer_and_its_end_are_learned(tokenizer):
    turns = [Turn("Which colour?", answer="A red circle."), Turn("And now?", answer="Blue")]
    ids, learned = encode(tokenizer, render(Conversation(turns=turns), []))
    stream = PieceStream(tokenizer)
    taught = [token for token, learn in zip(ids, learned, strict=True) if learn]
    assert "".join(map(stream.push, taught)) + stream.finish() == "A red circle.Blue"
    assert taught.count(token_id(tokenizer, "<|im_end|>")) == 2


def test_a_border_inside_a_span_is_the_tokenised_length_before_it(tokenizer):
    whole, learned = encode(tokenizer, [typed("The ans"), typed("wer is", learn=True)])
    before, _ = encode(tokenizer, [typed("The ans")])
    assert whole == encode(tokenizer, [typed("The answer is")])[0]
    assert learned.count(False) == min(len(before), len(whole))


def test_a_lone_surrogate_is_text(tokenizer):
    assert encode(tokenizer, [typed("a\ud800b")])[0] == encode(tokenizer, [typed("a?b")])[0]


def test_pieces_are_the_official_answers():
    for name in (QWEN2, "tiny-6b-qwen2"):
        tokenizer = load_tokenizer(GOLDEN / name)
        chats = json.loads((GOLDEN / name / "golden.json").read_text("utf-8"))["chats"]
        for chat in chats:
            stream = PieceStream(tokenizer)
            text = "".join(map(stream.push, chat["generated_ids"])) + stream.finish()
            without = text.replace("</box>", "").strip()
            assert without == chat["answer"].strip()


def test_pieces_lose_no_byte_beside_invalid_ones(golden):
    """The bytes of any ids, one by one, are the bytes of all of them."""
    tokenizer, data = golden
    for chat in data["chats"]:
        ids = chat["generated_ids"]
        stream = PieceStream(tokenizer)
        text = "".join(map(stream.push, ids)) + stream.finish()
        ascii_text = "".join(c for c in chat["answer"] if c.isascii() and c.isalnum())
        for tag in ("quad", "box", "ref"):
            text = text.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
        assert "".join(c for c in text if c.isascii() and c.isalnum()) == ascii_text


def test_a_character_of_several_tokens_comes_whole(tokenizer):
    opening = len(tokenizer("")["input_ids"])
    ids = encode(tokenizer, [typed("naïve 🙂 图")])[0][opening:]
    stream = PieceStream(tokenizer)
    pieces = [stream.push(token) for token in ids]
    assert "".join(pieces) == "naïve 🙂 图"
    assert stream.finish() == ""
    assert "�" not in "".join(pieces)
    assert pieces[0], "text must not wait for a space"


def test_an_unfinished_character_comes_at_the_end(tokenizer):
    opening = len(tokenizer("")["input_ids"])
    ids = encode(tokenizer, [typed("x🙂")])[0][opening:]
    stream = PieceStream(tokenizer)
    assert "".join(map(stream.push, ids[:-1])) == "x"
    assert stream.finish() == "�"


def test_grounding_marks_are_shown_and_other_specials_are_not(tokenizer):
    names = ["<ref>", "</ref>", "<box>", "</box>", "<quad>", "</quad>"]
    hidden = ["<|im_end|>", "<|im_start|>", "<img>", "<IMG_CONTEXT>", "</img>"]
    stream = PieceStream(tokenizer)
    pieces = [stream.push(token_id(tokenizer, name)) for name in names + hidden]
    assert pieces == names + [""] * len(hidden)
    assert stream.push(10**6) == ""


def test_every_id_has_its_text(golden):
    tokenizer, _ = golden
    stream = PieceStream(tokenizer)
    text = "".join(map(stream.push, range(len(tokenizer) + 5))) + stream.finish()
    for mark in ("<ref>", "</box>", "a", " the"):
        assert mark in text
    for mark in ("<|im_end|>", "<IMG_CONTEXT>", "<s>"):
        assert mark not in text


def test_loading_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    load_tokenizer(GOLDEN / INTERNLM2)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    with pytest.raises(ModelError, match="has no tokenizer"):
        load_tokenizer(tmp_path)


def test_a_damaged_tokenizer_is_refused(tmp_path):
    (tmp_path / "vocab.json").write_text("{")
    (tmp_path / "merges.txt").write_text("")
    with pytest.raises(ModelError, match="can't be read"):
        load_tokenizer(tmp_path)


def test_a_tokenizer_without_the_special_tokens_is_refused(tmp_path):
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((GOLDEN / QWEN2 / name).read_bytes())
    with pytest.raises(ModelError, match=r"lacks .*<IMG_CONTEXT>"):
        load_tokenizer(tmp_path)
