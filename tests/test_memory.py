"""Memory: known before the run, refused in time, bounded over long conversations and videos."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from PIL import Image

from internvl import load_model
from internvl.chat import Attachment, Conversation, Settings, Turn
from internvl.engines import LocalEngine, OutOfMemory, Reading, Receipt
from internvl.engines.costs import Costs
from internvl.engines.memory import KERNELS, MAIN, Memory, Work, bound_kernels
from internvl.engines.pictures import COPIES, FRAME, KEPT_TILES, PIXEL, Pictures
from internvl.model import Model
from internvl.preprocessing import Frame

GOLDEN = Path("tests/data/golden")
PHOTO = GOLDEN / "images" / "photo_502x343.png"
SHORT = Settings(max_new_tokens=4, max_tiles=6)
FREE = "internvl.engines.memory.free_main_memory"
TILE = PIXEL * 448**2
GB = 10**9


@pytest.fixture(scope="module")
def model():
    return load_model(GOLDEN / "tiny-300m-qwen2", dtype="float32")


@pytest.fixture
def engine(model):
    return LocalEngine(model)


def asking(*attachments, question="What?"):
    return Conversation(turns=[Turn(question, attachments)])


def photo(**frozen):
    return Attachment(PHOTO, "image", **frozen)


def test_what_has_no_room_is_refused_before_anything_is_allocated(engine, monkeypatch):
    monkeypatch.setattr(FREE, lambda: 1_000_000)
    for name in ("load_image", "split_into_tiles", "sample_frames"):
        monkeypatch.setattr(f"internvl.engines.pictures.{name}", opened := Mock())
    for name in ("read_tiles", "embed", "extend"):
        monkeypatch.setattr(engine._reader.forward, name, computed := Mock())
    conversation = asking(photo())
    for work in (
        lambda: list(engine.stream(conversation, SHORT)),
        lambda: list(engine.prepare(conversation, SHORT)),
        lambda: engine.answer_batch([asking(question="Hello?"), conversation], SHORT),
    ):
        with pytest.raises(OutOfMemory, match=r"about 0\.\d GB .* 0\.0 GB are free") as refused:
            work()
        assert refused.value.facts["needed"] > refused.value.facts["free"] == 0.001
        assert not opened.called and not computed.called
        assert engine._visual.bytes == engine._prefixes.bytes == 0


def test_a_clip_that_has_no_room_is_not_decoded(engine, monkeypatch, clip):
    monkeypatch.setattr("internvl.engines.pictures.sample_frames", decode := Mock())
    monkeypatch.setattr(FREE, lambda: 2**29)
    video = Attachment(clip, "video", max_frames=64)
    for work in (engine.stream, engine.prepare):
        with pytest.raises(OutOfMemory, match="fewer tiles or frames"):
            list(work(asking(video), SHORT))
    with pytest.raises(OutOfMemory):
        engine.estimate(asking(video), SHORT)
    assert not decode.called


def test_a_batch_is_split_where_memory_is_short(engine, monkeypatch):
    asked = [asking(photo()), asking(question="Hello?"), asking(photo(max_tiles=1))]
    whole = engine.answer_batch(asked, SHORT)
    prompts = [engine._prompt(conversation, SHORT) for conversation in asked]
    assert list(engine._costs.batches(prompts, SHORT)) == [range(3)]
    two = engine._costs._compare(engine._costs._batch(prompts[:2], SHORT))[0]
    monkeypatch.setattr(FREE, lambda: two)
    assert list(engine._costs.batches(prompts, SHORT)) == [range(2), range(2, 3)]
    split = engine.answer_batch(asked, SHORT)
    assert [(text, receipt.token_ids) for text, receipt in split] == [
        (text, receipt.token_ids) for text, receipt in whole
    ]
    seeded = engine.answer_batch(asked, replace(SHORT, seed=7))
    assert [receipt.seed for _, receipt in seeded] == [7, 8, 9]


def test_pictures_are_opened_one_by_one_and_frames_wait_together(model, tmp_path, monkeypatch):
    engine = LocalEngine(model)
    frames = [Frame(Image.new("RGB", (448, 448)), n, n / 2) for n in range(4)]
    monkeypatch.setattr("internvl.engines.pictures.sample_frames", lambda *_, **__: frames)
    for name, size in (("large", (2000, 1000)), ("small", (448, 448))):
        Image.new("RGB", size, "teal").save(tmp_path / f"{name}.png")
    (tmp_path / "clip.mp4").write_bytes(b"a clip")
    large, small = (
        Attachment(tmp_path / f"{name}.png", "image", max_tiles=1) for name in ("large", "small")
    )
    video = Attachment(tmp_path / "clip.mp4", "video", max_frames=4)
    prompt = engine._prompt(asking(large, small, video), SHORT)
    first, second, *others = prompt.tiles
    source = COPIES * PIXEL
    assert prompt.opening([first]) == prompt.opening([first, second]) == source * 2_000_000
    assert prompt.opening([second]) == source * 448**2
    assert prompt.opening([first, others[1]]) == source * 2_000_000 + 4 * TILE + FRAME
    assert prompt.opening([]) == 0


def test_more_rows_places_and_tiles_need_more_and_what_is_kept_less(model):
    needs = Memory(model)

    def total(*work, **more):
        return sum(needs.needed(Work(*work, **more)).values())

    base = total(1, 500, 1)
    assert base < total(1, 1000, 1) < total(2, 1000, 1) < total(2, 1000, 1, embedded=900)
    assert total(1, 500, 8) - total(1, 500, 7) == 256 * 64 * 4
    assert total(1, 500, 8, at_once=8) - total(1, 500, 8) > 7 * 3 * 448**2 * 4
    assert total(1, 500, 1, pictures=10**6) == base + 10**6
    assert total(1, 500, 1, kept=10**5) == base - 10**5


def test_all_gpus_of_a_model_are_looked_at(model, monkeypatch):
    free = {0: 9 * GB, 1: 5 * GB}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda gpu: (free[gpu.index], 0))
    monkeypatch.setattr(FREE, lambda: 50 * GB)
    monkeypatch.setattr(Model, "device", property(lambda _: torch.device("cuda:0")))
    layer = "model.language_model.layers"
    placed = {"model.vision_tower": 0, f"{layer}.0": 1, f"{layer}.1": 0}
    monkeypatch.setattr(model.network, "hf_device_map", placed, raising=False)
    needs = Memory(model)
    first, second = torch.device("cuda:0"), torch.device("cuda:1")
    assert needs.free() == {first: 9 * GB, second: 5 * GB, MAIN: 50 * GB}
    needed = needs.needed(Work(1, 4000, 3, pictures=GB))
    assert needed[first] > needed[second] > 2 * 4000 * 64  # it has a share of the keys and values
    assert needed[MAIN] == GB
    engine = LocalEngine(model)
    costs = Costs(model, engine._visual, engine._prefixes)
    prompt = engine._prompt(asking(photo()), SHORT)
    assert costs.estimate("", prompt, SHORT).free_bytes == 5 * GB
    free[1] = 1000
    with pytest.raises(OutOfMemory, match=r"0\.0 GB are free"):
        list(costs.batches([prompt], SHORT))
    free[0], free[1] = 2000, 5 * GB
    assert costs.estimate("", prompt, SHORT).free_bytes == 2000


def test_a_layer_in_main_memory_computes_on_the_first_gpu(model, monkeypatch):
    monkeypatch.setattr(Model, "device", property(lambda _: torch.device("cuda:0")))
    placed = {"": 0, "model.language_model.layers.0": "cpu"}
    monkeypatch.setattr(model.network, "hf_device_map", placed, raising=False)
    needed = Memory(model).needed(Work(1, 4000, 0))
    assert needed[MAIN] == 0 < needed[torch.device("cuda:0")]


def test_thirty_turns_with_five_pictures_stay_within_the_limits(model, tmp_path):
    tile, place = 256 * 64 * 4, 2 * 2 * 2 * 16 * 4
    limits = 3 * tile + 10, 3000 * place
    engine = LocalEngine(model, visual_bytes=limits[0], prefix_bytes=limits[1])
    conversation, prompt = Conversation(), 0
    for turn in range(30):
        pictures = ()
        if turn % 6 == 0:
            path = tmp_path / f"{turn}.png"
            Image.new("RGB", (300, 300), (8 * turn, 90, 0)).save(path)
            pictures = (Attachment(path, "image", max_tiles=1),)
        conversation.turns.append(Turn("And?", pictures))
        *_, receipt = engine.stream(conversation, SHORT)
        assert isinstance(receipt, Receipt) and receipt.prompt_tokens > prompt
        prompt = receipt.prompt_tokens
        conversation.turns[-1].answer = "It is so."
        assert engine._visual.bytes <= limits[0] and engine._prefixes.bytes <= limits[1]
        list(engine.stream(asking(question=f"{turn}?"), SHORT))  # another visitor
        assert engine._prefixes.bytes <= limits[1]
    assert receipt.tiles == 5 and engine._visual.bytes == 3 * tile
    conversation.turns[-1].answer = ""
    *_, fresh = LocalEngine(model).stream(conversation, SHORT)
    assert fresh.token_ids == receipt.token_ids


def test_frames_of_a_long_clip_become_tensors_a_few_at_a_time(monkeypatch, tmp_path):
    engine = LocalEngine(load_model("assets/nano"))
    whole = Image.new("RGB", (1280, 720), "teal")

    def sample(path, most, start, end, shrink):
        return [Frame(shrink(whole), n, n / 2) for n in range(most)]

    monkeypatch.setattr("internvl.engines.pictures.sample_frames", sample)
    read = []

    def features(pixels):
        read.append(tuple(pixels.shape))
        shape = len(pixels), engine.model.tokens_per_tile, 320
        return SimpleNamespace(pooler_output=pixels.new_zeros(shape))

    monkeypatch.setattr(engine.model.network, "get_image_features", features)
    (tmp_path / "clip.mp4").write_bytes(b"a clip")
    video = Attachment(tmp_path / "clip.mp4", "video", max_frames=64)
    reading = engine.prepare(asking(video), SHORT)
    while next(reading) != Reading(64, 64):
        pass
    reading.close()
    assert sum(shape[0] for shape in read) == 64 and max(shape[0] for shape in read) <= 8
    assert {shape[1:] for shape in read} == {(3, 448, 448)}


def test_pixels_of_clips_are_kept_up_to_a_number_of_frames(monkeypatch, tmp_path):
    frames = [Frame(Image.new("RGB", (448, 448)), n, n / 2) for n in range(2)]
    monkeypatch.setattr("internvl.engines.pictures.sample_frames", lambda *_, **__: frames)
    pictures = Pictures(448)
    for number in range(5):
        (tmp_path / f"{number}.mp4").write_bytes(str(number).encode())
        video = Attachment(tmp_path / f"{number}.mp4", "video", max_frames=KEPT_TILES // 2)
        assert len(pictures.tiles(video)) == 2
        assert len(pictures._clips) == min(number + 1, 2)
    pictures.tiles(Attachment(tmp_path / "4.mp4", "video", max_frames=2 * KEPT_TILES))
    assert len(pictures._clips) == 1


def test_few_kernels_are_kept_unless_someone_said_how_many(monkeypatch):
    names = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
    monkeypatch.setenv(names[0], "1000")
    monkeypatch.delenv(names[1])
    bound_kernels()
    assert [os.environ[name] for name in names] == ["1000", str(KERNELS)]
