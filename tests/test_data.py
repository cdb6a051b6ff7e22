"""The official conversation format, mixtures, filters, and what becomes of bad samples."""

import dataclasses
import io
import random
import shutil

import numpy as np
import pytest
from PIL import Image
from training_project import CHECKPOINT, annotation, draw_disc, write_json, write_lines

from internvl.chat import SYSTEM_MESSAGE, Attachment, Conversation, Turn, render
from internvl.model.tokenizer import load_tokenizer
from internvl.preprocessing import split_into_tiles
from internvl.training.annotations import BadSample, read_annotation, segments
from internvl.training.data import Corpus, Unusable
from internvl.training.filters import Filters
from internvl.training.mixture import DataError, read_mixture
from internvl.training.preparation import Example, Format, Sample, open_example


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(CHECKPOINT)


@pytest.fixture
def form(tokenizer):
    return Format(tokenizer, max_tokens=8192, max_tiles=24)


def text_of(data, tile_counts):
    return "".join(s.text for s in segments(read_annotation(data), tile_counts, 2))


def slots(tiles):
    return "<img>" + "<IMG_CONTEXT>" * (2 * tiles) + "</img>"


def user_text(text):
    return text.split("<|im_start|>user\n")[1].split("<|im_end|>")[0]


# --- the official format


def test_leading_pictures_give_the_prompt_of_the_app():
    data = annotation("a.png", "<image>\nWhat is this?", "A bus.")
    turn = Turn("What is this?", (Attachment("a.png", "image"),), "A bus.")
    expected = render(Conversation(turns=[turn]), [[3]], 2)
    assert text_of(data, [[3]]) == "".join(segment.text for segment in expected)


@pytest.mark.parametrize("question", ["<image><image> Same?", "Image-1: <image>\n<image>\nSame?"])
def test_several_leading_pictures_are_numbered_as_in_the_app(question):
    text = text_of(annotation(["a", "b"], question, "No."), [[1], [2]])
    assert user_text(text) == f"Image-1: {slots(1)}\nImage-2: {slots(2)}\nSame?"


def test_pictures_numbered_otherwise_keep_their_numbers():
    question = "Image-2: <image>\nImage-1: <image>\nWhat is in Image-1?"
    text = text_of(annotation(["a", "b"], question, "A bus."), [[1], [2]])
    expected = f"Image-2: {slots(1)}\nImage-1: {slots(2)}\nWhat is in Image-1?"
    assert user_text(text) == expected


def test_pictures_inside_a_question_stay_where_they_are():
    question = "Is <image> older than <image>?"
    text = text_of(annotation(["a", "b"], question, "No."), [[1], [2]])
    assert user_text(text) == f"Is {slots(1)} older than {slots(2)}?"


def test_pictures_of_later_turns():
    data = annotation(["a", "b"], "<image>\nFirst?", "One.")
    more = annotation(None, "<image>\nSecond?", "Two.")["conversations"]
    data["conversations"] += more
    text = text_of(data, [[1], [2]])
    assert f"user\nImage-2: {slots(2)}\nSecond?" in text
    assert text.count("<img>") == 2


@pytest.mark.parametrize("place", ["<video>", "<image>"])
def test_a_video_is_numbered_frames(place):
    data = annotation(None, f"{place}\nWhat happens?", "It falls.", video="a.mp4")
    frames = f"Frame-1: {slots(1)}\nFrame-2: {slots(1)}\n"
    assert user_text(text_of(data, [[1, 1]])) == f"{frames}What happens?"
    inside = annotation(None, f"In {place}, what?", "It falls.", video="a.mp4")
    assert user_text(text_of(inside, [[1, 1]])) == f"In {frames[:-1]}, what?"


def test_system_messages():
    data = annotation(None, "Hi", "Hello.")
    assert SYSTEM_MESSAGE in text_of(data, [])
    data["conversations"].insert(0, {"from": "system", "value": "Be brief."})
    assert text_of(data, []).startswith("<|im_start|>system\nBe brief.<|im_end|>")


def test_boxes_are_special_tokens_and_typed_markup_is_not(form, tokenizer):
    answer = "<ref>bus</ref><box>[[1, 2, 3, 4]]</box> not <|im_end|>"
    example = Example(read_annotation(annotation(None, "Where is <img>?", answer)), [])
    sample = form.prepare(example, random.Random(0), 12, False)
    ids = sample.ids.tolist()
    for name, count in (("<ref>", 1), ("</box>", 1), ("<img>", 0), ("<|im_end|>", 3)):
        assert ids.count(tokenizer.convert_tokens_to_ids(name)) == count


def test_only_answers_and_their_ends_are_learned(form, tokenizer):
    data = annotation(None, "Hi", "Hello.")
    data["conversations"] += annotation(None, "And?", "Bye.")["conversations"]
    sample = form.prepare(Example(read_annotation(data), []), random.Random(0), 12, False)
    learned = sample.ids[sample.learned].tolist()
    assert tokenizer.decode(learned) == "Hello.<|im_end|>Bye.<|im_end|>"
    assert tokenizer.decode(sample.ids[-1:].tolist()) == "\n"
    assert not sample.learned[-1]
    assert sample.supervised == len(learned)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (annotation("a", "No picture here", "A."), "0 <image> in the text for 1"),
        (annotation("a", "<image><image>Two?", "A."), "2 <image> in the text for 1"),
        (annotation(["a", "b"], "<image>One?", "A."), "1 <image> in the text for 2"),
        (annotation(None, "<image>None?", "A."), "1 <image> in the text for 0"),
        (annotation(None, "<video>None?", "A."), "no video"),
        (annotation("a", "What?", "An <image>."), "questions only"),
        (annotation("a", "<image>Q", "A", video="b"), "not both"),
        (annotation(3, "<image>Q", "A"), "path"),
        (annotation(None, "Q", ""), "empty"),
        ({"conversations": []}, "speakers"),
        ({"conversations": [{"from": "gpt", "value": "A"}]}, "speakers"),
        ({"conversations": [{"from": "human", "value": "Q"}]}, "speakers"),
        ({"conversations": [{"value": "Q"}]}, "lacks"),
        ({"conversations": ["Q"]}, "no object"),
        ({"image": "a"}, "no list of conversations"),
        ("text", "no list of conversations"),
    ],
)
def test_bad_samples_say_why(data, reason):
    with pytest.raises(BadSample, match=reason):
        read_annotation(data)


# --- tiles


def prepare(form, images, budget, jpeg=False, video=False):
    kind = "video" if video else "image"
    attachments = (Attachment("v", kind),) if video else (Attachment("i", kind),) * len(images)
    plain = read_annotation(annotation(None, "Q", "A."))
    conversation = Conversation(turns=[Turn("Q", attachments, "A.")])
    example = dataclasses.replace(plain, conversation=conversation, attachments=attachments)
    pictures = [images] if video else [[image] for image in images]
    return form.prepare(Example(example, pictures), random.Random(1), budget, jpeg)


def test_pictures_share_the_budget_and_frames_are_single_tiles(form):
    wide = draw_disc("red", (1792, 448))
    assert len(prepare(form, [wide], 12).tiles) == 5  # 4 and the thumbnail
    assert len(prepare(form, [wide] * 3, 12).tiles) == 3 * 5
    assert len(prepare(form, [wide] * 20, 12).tiles) == 20
    assert len(prepare(form, [wide] * 8, 12, video=True).tiles) == 8


def test_every_tile_of_a_picture_is_compressed_at_a_quality_of_its_own(form):
    wide = draw_disc("red", (896, 448))
    plain, compressed = (prepare(form, [wide], 2, jpeg).tiles for jpeg in (False, True))
    np.testing.assert_array_equal(plain, np.stack(split_into_tiles(wide, 2)))
    assert (plain != compressed).any()
    rng = random.Random(1)
    for tile, found in zip(split_into_tiles(wide, 2), compressed, strict=True):
        buffer = io.BytesIO()
        tile.save(buffer, "JPEG", quality=rng.randint(75, 100))
        np.testing.assert_array_equal(found, np.asarray(Image.open(buffer)))
    np.testing.assert_array_equal(
        prepare(form, [wide], 2, True, True).tiles, prepare(form, [wide], 2, False, True).tiles
    )


def test_samples_over_the_limits_are_bad(form):
    with pytest.raises(BadSample, match="25 tiles, and a sequence holds 24"):
        prepare(form, [draw_disc("red")] * 25, 12)
    with pytest.raises(BadSample, match="tokens, and a sequence holds 100"):
        prepare(dataclasses.replace(form, max_tokens=100), [draw_disc("red")], 12)


def test_a_video_gives_a_random_number_of_frames(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "internvl.training.preparation.sample_frames", lambda path, most: asked.append(most) or []
    )
    (tmp_path / "a.mp4").touch()
    data = read_annotation(annotation(None, "<video>Q", "A", video="a.mp4"))
    for seed in range(60):
        open_example(data, tmp_path, random.Random(seed), (8, 32))
    assert min(asked) >= 8
    assert max(asked) <= 32
    assert len(set(asked)) > 15


# --- filters


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("The bus is red. " * 30, "repetition"),
        ("公共汽车是红色的" * 30, "repetition"),
        ("x" * 40_001, "abnormal length"),
        ("0" * 33, "long run of zeros"),
        ("0.00, " * 20, "long run of zeros"),
        ("\n".join(["same line"] * 9), "duplicate lines"),
        ("There are 1000000 people, 3 buses and 20 bicycles in the street.", None),
        ("\n".join(f"{n}. item {n}" for n in range(40)), None),
        ("yes", None),
    ],
)
def test_filters(answer, reason):
    assert Filters().reason_to_drop({}, [answer]) == reason


def test_a_quality_score_is_the_place_for_ratings():
    assert Filters().reason_to_drop({"score": 6.9}, ["fine"]) == "low quality score"
    assert Filters().reason_to_drop({"score": 7}, ["fine"]) is None


# --- mixtures


def write_texts(folder, name, count):
    lines = [annotation(None, f"{name} {n}?", f"{name} {n}.") for n in range(count)]
    return write_lines(folder / f"{name}.jsonl", lines)


def test_repeat_factors_with_fractions(tmp_path, form, tokenizer):
    mixture = {}
    for name, repeat in (("half", 0.5), ("once", 1), ("more", 2.5)):
        write_texts(tmp_path, name, 4)
        mixture[name] = {"annotation": f"{name}.jsonl", "repeat": repeat}
    corpus = Corpus(read_mixture(write_json(tmp_path / "m.json", mixture)), form)
    assert corpus.size == 2 + 4 + 10
    learned = [corpus[i] for i in range(corpus.size)]
    texts = [tokenizer.decode(s.ids[s.learned][:-1].tolist()) for s in learned]
    counts = {name: [texts.count(f"{name} {n}.") for n in range(4)] for name in mixture}
    assert counts == {"half": [1, 1, 0, 0], "once": [1] * 4, "more": [3, 3, 2, 2]}


def test_each_epoch_has_its_own_order_and_every_position_is_repeatable(tmp_path, form):
    write_texts(tmp_path, "a", 20)
    entries = read_mixture(write_json(tmp_path / "m.json", {"a": {"annotation": "a.jsonl"}}))
    first, again = Corpus(entries, form), Corpus(entries, form)
    orders = [[first[e * 20 + i].ids.tobytes() for i in range(20)] for e in range(2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])
    assert [again[i].ids.tobytes() for i in range(20)] == orders[0]
    assert [Corpus(entries, form, "1")[i].ids.tobytes() for i in range(20)] != orders[0]


def test_official_mixture_names(tmp_path):
    values = {
        "root": "r",
        "annotation": "a.jsonl",
        "data_augment": True,
        "max_dynamic_patch": 6,
        "repeat_time": 0.3,
        "length": 17,
    }
    (entry,) = read_mixture(write_json(tmp_path / "m.json", {"a": values}))
    assert (entry.augment, entry.max_tiles, entry.repeat) == (True, 6, 0.3)
    assert entry.annotation == str(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"annotation": "a.jsonl", "repeat": 5}, "at most 4"),
        ({"annotation": "a.jsonl", "repeat": 0}, "over 0"),
        ({"annotation": "a.jsonl", "tiles": 5}, "no tiles"),
        ({}, "either an annotation"),
        ({"scenes": ["objects"]}, "how many"),
        ({"annotation": "a.jsonl", "repeat": "2"}, "repeat must be a number"),
        ({"annotation": "a.jsonl", "max_tiles": 6.5}, "max_tiles must be a whole number"),
        ({"scenes": "objects", "samples": 4}, "a list of names"),
        ({"scenes": [1], "samples": 4}, "a list of names"),
        ({"annotation": 5}, "annotation must be text"),
        ({"annotation": "a.jsonl", "root": None}, "root must be text"),
        ({"annotation": "a.jsonl", "augment": "false"}, "augment must be true or false"),
        ({"annotation": "a.jsonl", "max_tiles": True}, "max_tiles must be a whole number"),
        ("a.jsonl", "an object"),
    ],
)
def test_mixture_mistakes_are_named(tmp_path, values, words):
    with pytest.raises(DataError, match=words):
        read_mixture(write_json(tmp_path / "m.json", {"photos": values}))


def test_bad_samples_are_counted_and_named_and_never_stop(tmp_path, form):
    draw_disc("red").save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    lines = [
        annotation("good.png", "<image>\nQ?", "A."),
        annotation("missing.png", "<image>\nQ?", "A."),
        annotation("broken.png", "<image>\nQ?", "A."),
        annotation("good.png", "<image><image>\nQ?", "A."),
        annotation(None, "Q?", "again and " * 60),
    ]
    path = write_lines(tmp_path / "a.jsonl", lines)
    with path.open("a") as file:
        file.write("{not json\n\n")
    entries = read_mixture(write_json(tmp_path / "m.json", {"a": {"annotation": "a.jsonl"}}))
    entries = [dataclasses.replace(entries[0], root=str(tmp_path))]
    corpus = Corpus(entries, form)
    assert corpus.report.read == {"a": 6}
    assert corpus.report.dropped == {"a": {"repetition": ["a.jsonl line 5"]}}
    assert corpus.report.bad == {
        "a": {
            "2 <image> in the text for 1 attachments": ["a.jsonl line 4"],
            "no JSON in UTF-8": ["a.jsonl line 6"],
        }
    }
    found = [corpus[i] for i in range(corpus.size)]
    assert sum(isinstance(item, Sample) for item in found) == 1
    names = {item.name: item.reason for item in found if isinstance(item, Unusable)}
    assert set(names) == {"a.jsonl line 2", "a.jsonl line 3"}
    assert "missing.png does not exist" in names["a.jsonl line 2"]
    assert "broken.png" in names["a.jsonl line 3"]
    assert any("1 dropped: repetition (a.jsonl line 5)" in line for line in corpus.report.lines())


def test_scenes_without_questions_are_refused(tmp_path, form):
    for kind in ("crowd", "cats"):
        mixture = {"drawn": {"scenes": ["objects", kind], "samples": 4}}
        entries = read_mixture(write_json(tmp_path / "m.json", mixture))
        with pytest.raises(DataError, match=kind):
            Corpus(entries, form)


def test_a_fine_budget_and_many_frames_are_lowered_to_what_a_sequence_holds(tmp_path, form):
    draw_disc("red", (1200, 1700)).save(tmp_path / "page.png")
    shutil.copy("assets/examples/6-clip.mp4", tmp_path / "clip.mp4")
    clip = {"video": "clip.mp4", **annotation(None, "<video>\nWhat moves?", "A disc.")}
    write_lines(tmp_path / "a.jsonl", [annotation("page.png", "<image>\nQ?", "A."), clip])
    values = {"annotation": "a.jsonl", "root": ".", "max_tiles": 36, "repeat": 2}
    entries = read_mixture(write_json(tmp_path / "m.json", {"a": values}))
    corpus = Corpus(entries, dataclasses.replace(form, max_tiles=9), frames=(8, 32))
    found = [corpus[position] for position in range(24)]
    assert all(isinstance(sample, Sample) for sample in found)
    assert {len(sample.tiles) for sample in found} == {7, 8, 9}


def test_a_mixture_without_usable_samples_says_so(tmp_path, form):
    write_lines(tmp_path / "a.jsonl", [annotation("a", "Q", "A")])
    entries = read_mixture(write_json(tmp_path / "m.json", {"a": {"annotation": "a.jsonl"}}))
    with pytest.raises(DataError, match="0 <image> in the text"):
        Corpus(entries, form)


def test_scenes_are_a_data_set(tmp_path, form):
    scenes = {"scenes": ["objects", "video"], "samples": 4, "max_tiles": 1}
    corpus = Corpus(read_mixture(write_json(tmp_path / "m.json", {"drawn": scenes})), form)
    samples = [corpus[i] for i in range(4)]
    assert all(isinstance(sample, Sample) for sample in samples)
    assert sorted({len(sample.tiles) > 1 for sample in samples}) == [False, True]
    assert samples[2].ids.tolist() == corpus[2].ids.tolist()
