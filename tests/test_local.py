import hashlib
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from PIL import Image

from internvl import load_model
from internvl.chat import Attachment, Conversation, Settings, Turn
from internvl.engines import (
    EngineError,
    Loading,
    LocalEngine,
    OutOfMemory,
    PromptTooLong,
    Reading,
    Receipt,
    Text,
    Waiting,
    costs,
)
from internvl.engines.prompt import build_prompt
from internvl.model import ModelError
from internvl.preprocessing import (
    AttachmentError,
    Frame,
    load_image,
    sample_frames,
    split_into_tiles,
)

GOLDEN = Path("tests/data/golden")
PHOTO = GOLDEN / "images" / "photo_502x343.png"
TALL = GOLDEN / "images" / "photo_377x600.png"
SHORT = Settings(max_new_tokens=8, max_tiles=6, repetition_penalty=1.5)


@pytest.fixture(scope="module", params=["300m-qwen2", "300m-internlm2", "6b-qwen2"])
def golden(request):
    folder = GOLDEN / f"tiny-{request.param}"
    return load_model(folder, dtype="float32"), json.loads((folder / "golden.json").read_text())


@pytest.fixture(scope="module")
def model():
    return load_model(GOLDEN / "tiny-300m-qwen2", dtype="float32")


@pytest.fixture(autouse=True)
def one_tile_a_step(monkeypatch):
    monkeypatch.setattr(costs, "STEP", 0.0)


@pytest.fixture
def engine(model):
    return LocalEngine(model)


def ask(engine, conversation, settings=SHORT):
    """The answer's text, its receipt, and the other events."""
    events = list(engine.stream(conversation, settings))
    assert isinstance(events[-1], Receipt)
    text = "".join(event.text for event in events if isinstance(event, Text))
    return text, events[-1], [e for e in events[:-1] if not isinstance(e, Text)]


def picture(path=PHOTO, **frozen):
    return Attachment(path, "image", **frozen)


def golden_conversations(data, first_tile):
    """The golden chats: three turns about a picture, text alone, two pictures."""
    frozen = picture(GOLDEN / "images" / data["image"], max_tiles=data["max_tiles"])
    turns = []
    for number, chat in enumerate(data["chats"]):
        question = chat["question"].split("<image>\n")[-1]
        if number == 3:
            turns = []
        attachments = [(frozen,), (), (), (), (frozen, picture(first_tile))][number]
        turns = (
            [*turns, Turn(question, attachments)] if number < 4 else [Turn(question, attachments)]
        )
        yield chat, Conversation(turns=list(turns))
        turns[-1] = Turn(question, attachments, chat["answer"])


def test_the_golden_chats(golden, tmp_path):
    model, data = golden
    source = load_image(GOLDEN / "images" / data["image"])
    split_into_tiles(source, data["max_tiles"])[0].save(tmp_path / "tile.png")
    engine = LocalEngine(model)
    settings = Settings(
        max_new_tokens=data["generation"]["max_new_tokens"],
        repetition_penalty=data["generation"]["repetition_penalty"],
    )
    conversations = list(golden_conversations(data, tmp_path / "tile.png"))
    assert len(conversations) == 5
    for chat, conversation in conversations:
        prompt = build_prompt(model, engine._reader.pictures, conversation, settings)
        assert hashlib.sha256(prompt.ids.tobytes()).hexdigest() == chat["prompt_ids_sha256"]
        _, receipt, _ = ask(engine, conversation, settings)
        assert receipt.token_ids == chat["generated_ids"]
        assert receipt.tiles == sum(chat["tiles"] or [])
        assert receipt.finish_reason == "length"
    batch = engine.answer_batch([conversation for _, conversation in conversations], settings)
    assert [r.token_ids for _, r in batch] == [chat["generated_ids"] for chat, _ in conversations]


def test_a_second_question_reads_no_picture_again(engine, monkeypatch):
    conversation = Conversation(turns=[Turn("What?", (picture(),))])
    answer, first, events = ask(engine, conversation)
    assert [e for e in events if e.done < e.total] == [Reading(n, 7) for n in range(7)]
    monkeypatch.setattr(engine._reader.forward, "read_tiles", None)
    conversation.turns = [Turn("What?", (picture(),), answer), Turn("And?")]
    _, second, _ = ask(engine, conversation)
    assert second.cached_tokens >= first.prompt_tokens
    assert (second.tiles, second.visual_tokens) == (7, 7 * 256)


def test_visual_tokens_are_shared_between_conversations(engine, monkeypatch, tmp_path):
    first, _, _ = ask(engine, Conversation(turns=[Turn("What?", (picture(),))]))
    monkeypatch.setattr(engine._reader.forward, "read_tiles", None)
    copy = tmp_path / "copy.png"
    copy.write_bytes(PHOTO.read_bytes())
    again, receipt, events = ask(engine, Conversation(turns=[Turn("What?", (picture(copy),))]))
    assert again == first and receipt.cached_tokens == 0
    assert events[0] == Reading(7, 7)  # so that the page can say that all is read


def test_prepared_pictures_leave_only_the_question(engine, monkeypatch):
    conversation = Conversation(turns=[Turn("", (picture(),))])
    events = list(engine.prepare(conversation, SHORT))
    assert [event.done for event in events if event.done < event.total] == list(range(7))
    assert events[-1] == Reading(7, 7)
    monkeypatch.setattr(engine._reader.forward, "read_tiles", None)
    conversation.turns[0].question = "What?"
    answer, receipt, _ = ask(engine, conversation)
    assert receipt.prompt_tokens - receipt.cached_tokens < 40
    engine.forget(conversation.id)
    assert ask(engine, conversation)[0] == answer


def test_caches_change_no_answer(model):
    """A random walk of asking, retrying, undoing, editing and changing sliders."""
    walk = random.Random(7)
    cached, plain = LocalEngine(model), LocalEngine(model, prefix_bytes=0)
    conversation = Conversation()
    settings = SHORT
    for _ in range(14):
        step = walk.choice(["ask", "ask", "picture", "retry", "undo", "edit", "tiles"])
        if step == "tiles":
            settings = Settings(max_new_tokens=6, max_tiles=walk.choice([1, 2, 6]))
        elif step == "picture":
            conversation.turns.append(Turn("And?", (picture(walk.choice([PHOTO, TALL])),)))
        elif step == "undo" and conversation.turns:
            conversation.turns.pop()
        elif step == "edit" and conversation.turns:
            conversation.turns[walk.randrange(len(conversation.turns))].question = "Edited?"
        elif step == "ask" or not conversation.turns:
            conversation.turns.append(Turn(f"Question {walk.random():.2f}?"))
        if not conversation.turns:
            continue
        conversation.turns[-1].answer = ""
        text, receipt, _ = ask(cached, conversation, settings)
        assert receipt.token_ids == ask(plain, conversation, settings)[1].token_ids
        conversation.turns[-1].answer = text


def test_closing_stops_and_the_next_question_works(engine):
    conversation = Conversation(turns=[Turn("What?", (picture(),))])
    whole = ask(engine, conversation)[0]
    engine.forget(conversation.id)
    stream = engine.stream(conversation, SHORT)
    while not isinstance(next(stream), Text):
        pass
    stream.close()
    assert engine._prefixes.get(conversation.id) is not None  # what was read is kept
    assert ask(engine, conversation)[0] == whole
    reading = engine.stream(Conversation(turns=[Turn("Other?", (picture(TALL),))]), SHORT)
    next(reading)
    reading.close()
    assert ask(engine, conversation)[0] == whole


def test_an_exception_reaches_the_caller_and_the_next_question_works(engine, monkeypatch):
    conversation = Conversation(turns=[Turn("What?")])
    whole = ask(engine, conversation)[0]
    with monkeypatch.context() as patch:
        patch.setattr(
            engine.model.network.model.language_model.layers[1], "forward", lambda *_, **__: 1 / 0
        )
        with pytest.raises(ZeroDivisionError, match="division by zero"):
            ask(engine, conversation)
    assert ask(engine, conversation)[0] == whole


def test_conversations_take_turns_and_do_not_mix(engine):
    conversations = [Conversation(turns=[Turn(f"Question {n}?")]) for n in range(3)]
    settings = Settings(max_new_tokens=20)
    alone = [ask(engine, c, settings)[1].token_ids for c in conversations]
    order = []
    all_speak = threading.Barrier(3, timeout=60)  # however late a thread begins

    def run(number):
        engine.forget(conversations[number].id)
        ids, spoken = None, False
        for event in engine.stream(conversations[number], settings):
            if isinstance(event, Text):
                if not spoken:
                    all_speak.wait()
                spoken = True
                order.append(number)
            if isinstance(event, Receipt):
                ids = event.token_ids
        return ids

    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(run, range(3)))
    assert together == alone
    first_finished = min(len(order) - 1 - order[::-1].index(n) for n in range(3))
    assert all(order[: first_finished + 1].count(n) >= 5 for n in range(3))


def test_seeds_make_sampling_repeatable(engine):
    conversation = Conversation(turns=[Turn("What?")])
    sampled = Settings(temperature=1.5, top_p=0.9, max_new_tokens=12, seed=5)
    first = ask(engine, conversation, sampled)[1]
    assert first.token_ids == ask(engine, conversation, sampled)[1].token_ids
    assert first.seed == 5
    free = [
        ask(engine, conversation, Settings(temperature=1.5, max_new_tokens=12))[1] for _ in "ab"
    ]
    assert free[0].seed != free[1].seed
    assert free[0].token_ids != free[1].token_ids


def test_an_answer_takes_over_what_is_being_read_ahead(engine, monkeypatch):
    first = Conversation(turns=[Turn("What?", (picture(),))])
    answer, receipt, _ = ask(engine, first)
    turns = [Turn("What?", (picture(),), answer), Turn("", (picture(TALL),))]
    ahead = engine.prepare(Conversation(turns=turns, id=first.id), SHORT)
    while next(ahead) != Reading(2, 7):
        pass
    second = Conversation(turns=[turns[0], Turn("And?", (picture(TALL),))], id=first.id)
    stream = engine.stream(second, SHORT)
    assert next(stream) == Reading(0, 0)
    assert list(ahead) == []  # it gives way at its next step
    events = list(stream)
    assert events[0] == Reading(2, 7)
    assert events[-1].cached_tokens >= receipt.prompt_tokens
    assert events[-1].token_ids == ask(LocalEngine(engine.model), second)[1].token_ids


def test_a_new_reading_ahead_ends_the_one_before(engine):
    conversation = Conversation(turns=[Turn("", (picture(),))])
    old, new = engine.prepare(conversation, SHORT), engine.prepare(conversation, SHORT)
    assert next(old) == Reading(0, 7)
    assert next(new) == Reading(0, 0)
    assert list(old) == []
    assert list(new)[-1] == Reading(7, 7)


def test_a_conversation_forgotten_while_it_is_answered_is_not_kept(engine):
    conversation = Conversation(turns=[Turn("What?")])
    stream = engine.stream(conversation, SHORT)
    next(stream)
    engine.forget(conversation.id)
    list(stream)
    assert engine._prefixes.get(conversation.id) is None


def test_whole_numbers_are_as_good_as_fractions(engine):
    settings = Settings(temperature=1, top_p=1, repetition_penalty=2, max_new_tokens=3)
    assert settings == Settings(temperature=1.0, repetition_penalty=2.0, max_new_tokens=3)
    assert ask(engine, Conversation(turns=[Turn("What?")]), settings)[1].generated_tokens <= 3


def test_seeds_of_a_batch_repeat_each_answer(engine):
    conversation = Conversation(turns=[Turn("What?")])
    sampled = Settings(temperature=1.5, max_new_tokens=8, seed=5)
    for _, receipt in engine.answer_batch([conversation] * 3, sampled):
        alone = ask(engine, conversation, replace(sampled, seed=receipt.seed))[1]
        assert alone.token_ids == receipt.token_ids


def test_a_file_that_is_gone_is_named(engine):
    with pytest.raises(AttachmentError, match=r"gone\.png is not there any more"):
        ask(engine, Conversation(turns=[Turn("What?", (picture(Path("gone.png")),))]))


def test_running_out_of_memory_is_said_and_frees_what_is_kept(engine, monkeypatch):
    conversation = Conversation(turns=[Turn("What?", (picture(),))])
    whole = ask(engine, conversation)[0]
    with monkeypatch.context() as patch:
        layer = engine.model.network.model.language_model.layers[1]
        patch.setattr(layer, "forward", Mock(side_effect=MemoryError))
        with pytest.raises(OutOfMemory, match="fewer tiles"):
            ask(engine, Conversation(turns=[Turn("Other?")]))
    assert engine._visual.bytes == 0 and engine._prefixes.get(conversation.id) is None
    assert ask(engine, conversation)[0] == whole


def test_a_clip_is_decoded_behind_the_generator_and_once(engine, tmp_path, monkeypatch):
    decoded, release = [], threading.Event()

    def sample(path, max_frames, start, end, shrink):
        release.wait()
        decoded.append(path)
        pictures = [shrink(Image.new("RGB", (64, 48), (9 * n, 0, 0))) for n in range(3)]
        return [Frame(picture, n, n / 2) for n, picture in enumerate(pictures)]

    monkeypatch.setattr("internvl.engines.pictures.sample_frames", sample)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"a clip")
    conversation = Conversation(turns=[Turn("What?", (Attachment(clip, "video"),))])
    stream = engine.stream(conversation, SHORT)
    assert next(stream) == next(stream) == Waiting(0)
    release.set()
    events = list(stream)
    assert Reading(0, 3) in events and events[-1].tiles == 3
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(b"a clip")
    ask(engine, Conversation(turns=[Turn("Other?", (Attachment(copy, "video"),))]))
    assert decoded == [clip]


def test_a_prompt_longer_than_the_context_is_refused_with_the_numbers(engine):
    conversation = Conversation(turns=[Turn("What?", (picture(max_tiles=6),) * 3)])
    with pytest.raises(PromptTooLong, match=r"5,\d{3} tokens \(.* context holds 4,096"):
        ask(engine, conversation)


def test_the_oldest_pictures_give_way_when_the_context_is_full(engine):
    turns = [Turn(f"{n}?", (picture(max_tiles=6),), "Yes.") for n in range(3)]
    estimate = engine.estimate(Conversation(turns=[*turns[:2]]), SHORT)
    assert estimate.tile_counts == [[7], [7]]
    turns[2].answer = ""
    estimate = engine.estimate(Conversation(turns=turns), SHORT)
    assert estimate.tile_counts == [[1], [7], [7]]
    _, receipt, _ = ask(engine, Conversation(turns=turns))
    assert receipt.prompt_tokens == estimate.prompt_tokens < 4096
    assert receipt.tiles == sum(map(sum, estimate.tile_counts))


def test_an_estimate_knows_what_is_kept_and_how_fast_this_machine_was(engine, monkeypatch):
    conversation = Conversation(turns=[Turn("What?", (picture(),))])
    before = engine.estimate(conversation, SHORT)
    assert before.seconds is None
    assert 0 < before.memory_bytes < before.free_bytes
    ask(engine, conversation)
    monkeypatch.setattr(engine._reader.forward, "read_tiles", None)
    kept = engine.estimate(conversation, SHORT)
    engine.forget(conversation.id)
    tiles_kept = engine.estimate(conversation, SHORT)
    engine._visual.clear()
    nothing_kept = engine.estimate(conversation, SHORT)
    for number in (0, 1):
        assert 0 < kept.seconds[number] < tiles_kept.seconds[number] < nothing_kept.seconds[number]
    assert kept.seconds[0] <= kept.seconds[1]
    assert kept.memory_bytes < tiles_kept.memory_bytes < nothing_kept.memory_bytes


def test_what_cannot_fit_is_refused_before_anything_is_read(engine, monkeypatch):
    conversation = Conversation(turns=[Turn("What?", (picture(),))])
    monkeypatch.setattr("internvl.engines.memory.free_main_memory", lambda: 1_000_000)
    monkeypatch.setattr(engine._reader.forward, "read_tiles", None)
    for work in (engine.stream, engine.prepare):
        with pytest.raises(
            OutOfMemory, match=r"about 0\.\d GB .* and 0\.0 GB are free.*fewer tiles"
        ):
            list(work(conversation, SHORT))


def test_the_answer_is_cut_off_at_the_end_of_the_context(engine):
    question = "word"
    while engine.estimate(Conversation(turns=[Turn(question)]), SHORT).prompt_tokens < 4080:
        question += " word word word"
    conversation = Conversation(turns=[Turn(question)])
    room = 4096 - engine.estimate(conversation, SHORT).prompt_tokens
    _, receipt, _ = ask(engine, conversation, Settings(max_new_tokens=4000))
    assert receipt.finish_reason == "length" and receipt.generated_tokens == room


def test_a_batch_equals_single_runs(engine):
    conversations = [
        Conversation(turns=[Turn("What?", (picture(),))]),
        Conversation(turns=[Turn("Hello, who are you? " * 5)]),
        Conversation(turns=[Turn("Two?", (picture(), picture(TALL)))]),
    ]
    single = [ask(engine, conversation) for conversation in conversations]
    batch = engine.answer_batch(conversations, SHORT)
    assert [text for text, _ in batch] == [text for text, _, _ in single]
    assert [r.token_ids for _, r in batch] == [r.token_ids for _, r, _ in single]
    assert engine.answer_batch([], SHORT) == []


def test_a_fast_machine_reads_several_tiles_at_once_with_the_same_answer(model, monkeypatch):
    asked = Conversation(turns=[Turn("What?", (picture(max_tiles=12),))])
    answers, steps = [], []
    for seconds in (0.0, 60.0):
        monkeypatch.setattr(costs, "STEP", seconds)
        engine = LocalEngine(model)
        events = list(engine.stream(asked, SHORT))
        steps.append([event.done for event in events if isinstance(event, Reading)][:4])
        answers.append(events[-1].token_ids)
    assert steps == [[0, 1, 2, 3], [0, 1, 7, 7]]
    assert answers[0] == answers[1]


def test_pictures_may_be_stopped_tile_by_tile(engine, monkeypatch):
    stream = engine.prepare(Conversation(turns=[Turn("", (picture(max_tiles=12),))]), SHORT)
    assert [next(stream) for _ in range(3)] == [Reading(n, 7) for n in range(3)]
    stream.close()
    stream = engine.prepare(Conversation(turns=[Turn("", (picture(max_tiles=12),))]), SHORT)
    assert next(stream) == Reading(2, 7)
    stream.close()


def test_the_engine_changes_no_conversation(engine):
    conversation = Conversation(turns=[Turn("What?", (picture(),))])
    before = repr(conversation)
    ask(engine, conversation)
    assert repr(conversation) == before


def test_a_loader_works_behind_the_page(model):
    release = threading.Event()

    def loader(progress):
        progress(0.5)
        release.wait()
        return model

    engine = LocalEngine(loader)
    stream = engine.stream(Conversation(turns=[Turn("What?")]), SHORT)
    while next(stream) != Loading(0.5):
        pass
    assert engine.loading == 0.5
    release.set()
    events = list(stream)
    assert isinstance(events[-1], Receipt) and engine.loading is None


def test_a_model_that_cannot_be_loaded_is_said_in_words():
    def loader(progress):
        raise ModelError("There is no such model.")

    with pytest.raises(EngineError, match="There is no such model"):
        list(LocalEngine(loader).stream(Conversation(turns=[Turn("What?")]), SHORT))


def test_equal_pictures_at_another_budget_read_only_what_is_new(engine, tmp_path):
    Image.new("RGB", (896, 448), "teal").save(tmp_path / "wide.png")
    wide = tmp_path / "wide.png"
    ask(engine, Conversation(turns=[Turn("What?", (picture(wide, max_tiles=1),))]))
    _, receipt, events = ask(
        engine, Conversation(turns=[Turn("What?", (picture(wide, max_tiles=12),))])
    )
    assert receipt.tiles == 3
    assert Reading(1, 3) in events and Reading(0, 3) not in events  # the thumbnail is known


def test_a_dropped_frame_is_not_read_and_the_others_are_counted_on(engine, clip):
    video = Attachment(clip, "video", max_frames=4)
    whole = engine.estimate(Conversation(turns=[Turn("What?", (video,))]), Settings())
    positions = [frame.index for frame in sample_frames(clip, 4)]
    less = replace(video, dropped=(positions[1],))
    conversation = Conversation(turns=[Turn("What?", (less,))])
    assert engine.estimate(conversation, Settings()).tile_counts == [[1, 1, 1]]
    assert whole.tile_counts == [[1, 1, 1, 1]]
    readings = [e for e in engine.prepare(conversation, SHORT) if isinstance(e, Reading)]
    assert readings[-1].total == 3
    tiles = engine._reader.pictures.tiles(less)
    assert [tile.part[0] for tile in tiles] == [positions[0], *positions[2:]]
    assert [tile for tile, _ in engine._reader.pictures.load(less)] == tiles
