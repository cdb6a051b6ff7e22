"""On an NVIDIA GPU everything says what it says on a CPU, and takes the memory it promised."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_project import CHECKPOINT, forget_accelerate, write_project

from internvl.chat import Attachment, Conversation, Settings, Turn
from internvl.engines import LocalEngine, Receipt
from internvl.engines.decoding import graphs_for
from internvl.model import load_model
from internvl.training import loop
from internvl.training.log import read_log
from internvl.training.recipe_files import read_recipe

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="GPU tests skipped: no CUDA device on this machine"
)
NANO = "assets/nano"
PICTURES = Path(__file__).parent / "data" / "golden" / "images"
INTERNLM2 = CHECKPOINT.with_name("tiny-300m-internlm2")
WIDE, TALL = PICTURES / "photo_502x343.png", PICTURES / "photo_377x600.png"
QUESTIONS = ("How many objects are there?", "Describe the picture.", "Who are you?")
WRAP = "--use_fsdp --fsdp_version 2 --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP"
LAYERS = "--fsdp_transformer_layer_cls_to_wrap Qwen2DecoderLayer,InternVLVisionLayer"


def load(dtype="float32", device="cuda", name=NANO):
    return load_model(name, device=device, dtype=dtype)


def settings_of(max_tiles):
    return Settings(max_new_tokens=24, max_tiles=max_tiles)


def asked(question, *pictures):
    attachments = tuple(Attachment(picture, "image") for picture in pictures)
    return Conversation(turns=[Turn(question, attachments)])


def ask(engine, conversation, max_tiles=6):
    *_, receipt = engine.stream(conversation, settings_of(max_tiles))
    assert isinstance(receipt, Receipt)
    return receipt.token_ids


def converse(engine, picture, again=None):
    """Answers over a conversation: asked, asked again, edited, one turn on; `again` makes anew."""
    conversation = asked(QUESTIONS[0], picture)
    said = [ask(engine, conversation), ask(again() if again else engine, conversation)]
    conversation.turns[0].question = QUESTIONS[1]
    said.append(ask(again() if again else engine, conversation))
    conversation.turns[0].answer = "Some shapes."
    conversation.turns.append(Turn(QUESTIONS[0]))
    said.append(ask(again() if again else engine, conversation))
    return said


@pytest.mark.parametrize("name", [NANO, str(CHECKPOINT)])
def test_answers_are_those_of_the_cpu(name):
    said = {}
    for device in ("cpu", "cuda"):
        engine = LocalEngine(load(device=device, name=name))
        said[device] = [ask(engine, asked(question, WIDE)) for question in QUESTIONS]
    assert said["cuda"] == said["cpu"]


def test_bf16_is_near_float32():
    ids = torch.arange(10, 200)[None]
    exact, near = (
        load(dtype, device).network(input_ids=ids.to(device)).logits.detach().float().cpu()
        for dtype, device in (("float32", "cpu"), ("bfloat16", "cuda"))
    )
    assert (near - exact).norm() / exact.norm() < 0.02


def test_what_is_kept_changes_no_answer():
    model = load()
    engine = LocalEngine(model)
    assert converse(engine, WIDE) == converse(engine, WIDE, lambda: LocalEngine(model))


@pytest.mark.parametrize("name", [NANO, str(CHECKPOINT), str(INTERNLM2)])
def test_recorded_decoding_says_the_same_in_rooms_of_two_sizes(name):
    model = load(name=name)
    engine = LocalEngine(lambda _: model, recorder_for=graphs_for)
    assert converse(engine, WIDE) == converse(LocalEngine(model), WIDE)
    long = asked(QUESTIONS[1] * 200, WIDE)
    before = engine._decoder._room.size
    assert engine._decoder._room.step._graph
    assert ask(engine, long) == ask(LocalEngine(model), long)
    assert engine._decoder._room.size > before and engine._decoder._room.step._graph


def test_a_batch_answers_as_one_after_the_other():
    engine = LocalEngine(load())
    conversations = [asked(QUESTIONS[0], WIDE), asked(QUESTIONS[2]), asked(QUESTIONS[1], TALL)]
    together = engine.answer_batch(conversations, settings_of(6))
    alone = [ask(LocalEngine(engine.model), conversation) for conversation in conversations]
    assert [receipt.token_ids for _, receipt in together] == alone


def test_reading_many_words_takes_no_more_memory_than_promised(monkeypatch):
    engine = LocalEngine(load("bfloat16"))
    ask(engine, asked(QUESTIONS[2]))
    conversation = asked(QUESTIONS[1] * 1000)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    with monkeypatch.context() as little:  # so that the GPU is where it is tightest
        little.setattr(torch.cuda, "mem_get_info", lambda *_: (0, 0))
        promised = engine.estimate(conversation, settings_of(6)).memory_bytes
    ask(engine, conversation)
    taken = torch.cuda.max_memory_allocated() - before
    print(f"promised {promised / 1e6:.1f} MB, taken {taken / 1e6:.1f} MB")
    assert 0 < taken <= promised


def test_accelerates_own_sharding_learns_as_without(tmp_path):
    trains = ["vision_tower", "projector", "language_model"]
    stages = {"2": {"trains": trains, "batch": 2, "learning_rate": 5e-4}}
    recipe = write_project(tmp_path, 6, packing=False, stages=stages)
    launch = "-m accelerate.commands.launch --num_processes 1 --mixed_precision no"
    command = [sys.executable, *f"{launch} {WRAP} {LAYERS}".split(), "-m", "internvl.training.loop"]
    command += ["--recipe", str(recipe), "--output", str(tmp_path / "sharded")]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([".", *sys.path])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    forget_accelerate()
    loop.train(read_recipe(recipe), ["2"], tmp_path / "whole")
    sharded, whole = (
        read_log(tmp_path / name / "stage-2" / "log.csv") for name in ("sharded", "whole")
    )
    assert len(whole) == 3
    for found, expected in zip(sharded, whole, strict=True):
        assert found.loss == pytest.approx(expected.loss, rel=1e-3)
    assert (tmp_path / "sharded" / "stage-2" / "model" / "config.json").exists()
