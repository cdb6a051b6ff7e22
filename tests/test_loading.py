"""One model per process and choice, loaded quietly, quantised where it may be."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import internvl
from internvl.model import ModelError, int8, loading
from internvl.model.architecture import read_layout
from internvl.model.int8 import Int8Linear
from internvl.model.weights import UNQUANTIZED, Placement, _quantization

GOLDEN = Path(__file__).parent / "data" / "golden"
QWEN2, INTERNLM2 = "tiny-300m-qwen2", "tiny-300m-internlm2"
CHECKPOINTS = (QWEN2, INTERNLM2, "tiny-6b-qwen2")


@pytest.fixture
def folder(tmp_path):
    """A checkpoint no other test has loaded."""
    shutil.copytree(GOLDEN / QWEN2, tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def test_ten_threads_load_once_and_get_the_same_object(folder, monkeypatch):
    reads, found = [], []
    read = loading.read_checkpoint
    monkeypatch.setattr(loading, "read_checkpoint", lambda *a: reads.append(a) or read(*a))
    start = threading.Barrier(10)

    def visit():
        start.wait()
        found.append(internvl.load_model(folder, device="cpu", dtype="float32"))

    visitors = [threading.Thread(target=visit) for _ in range(10)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert len(reads) == 1
    assert len(found) == 10
    assert len(set(map(id, found))) == 1


def test_each_choice_is_a_model_of_its_own(folder):
    plain = internvl.load_model(folder, device="cpu", dtype="float32")
    assert internvl.load_model(str(folder), device="cpu", dtype="float32") is plain
    assert internvl.load_model(folder / ".." / folder.name, dtype="float32", device="cpu") is plain
    rounded = internvl.load_model(folder, device="cpu", dtype="bfloat16")
    assert rounded is not plain
    assert rounded.dtype == torch.bfloat16
    assert internvl.load_model(folder, device="cpu", dtype="auto") in (plain, rounded)


def test_a_failed_load_can_be_tried_again(folder):
    vocabulary = folder / "vocab.json"
    vocabulary.rename(folder / "hidden")
    with pytest.raises(ModelError, match="has no tokenizer"):
        internvl.load_model(folder, device="cpu")
    (folder / "hidden").rename(vocabulary)
    assert internvl.load_model(folder, device="cpu").name == "checkpoint"


def test_progress_rises_to_one(folder):
    heard = []
    internvl.load_model(folder, device="cpu", dtype="float32", progress=heard.append)
    assert len(heard) > 50
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    internvl.load_model(folder, device="cpu", dtype="float32", progress=heard.append)
    assert heard[-2:] == [1.0, 1.0]


def test_a_model_loaded_in_inference_mode_can_be_trained(folder):
    with torch.inference_mode():
        model = internvl.load_model(folder, device="cpu", dtype="float32")
    model.network(input_ids=torch.tensor([[1, 2]])).logits.sum().backward()
    assert model.network.lm_head.weight.grad is not None


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"quantization": "2bit"}, "quantization must be one of none, 8bit, 4bit, not '2bit'"),
        ({"dtype": "int8"}, "dtype must be one of auto, float32, bfloat16, float16, not 'int8'"),
        ({"device": "tpu"}, "device must be auto, cpu, cuda, cuda:N or mps, not 'tpu'"),
    ],
)
def test_unknown_words_are_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        internvl.load_model(GOLDEN / QWEN2, **choice)


def test_loading_prints_nothing():
    code = (
        "import sys, internvl\n"
        "for choice in ({}, {'quantization': '8bit'}, {'quantization': '4bit'}):\n"
        "    model = internvl.load_model(sys.argv[1], device='cpu', **choice)\n"
        "    model.network(input_ids=__import__('torch').tensor([[1, 2, 3]]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(GOLDEN / INTERNLM2)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# Quantisation


def test_a_missing_library_is_told_with_the_way_to_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ModelError, match=r"4bit needs bitsandbytes, .* -r requirements-cuda\.txt"):
        internvl.load_model(GOLDEN / QWEN2, "4bit", device="cpu")


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_only_the_layers_of_the_language_model_are_quantised(name, quantization):
    model = internvl.load_model(GOLDEN / name, quantization, device="cpu", dtype="float32")
    kinds = {"8bit": "Int8Linear", "4bit": "Linear4bit"}
    matrices = {
        part: type(module).__name__
        for part, module in model.network.named_modules()
        if isinstance(module, torch.nn.Linear | Int8Linear)
    }
    quantised = {part for part, kind in matrices.items() if kind == kinds[quantization]}
    assert quantised
    head = {"lm_head"} if quantization == "8bit" else set()  # ours on a CPU takes it as well
    assert all(".language_model.layers." in part for part in quantised - head)
    exact = [part for part in matrices if part.startswith(UNQUANTIZED) and part not in head]
    assert exact and all(matrices[part] == "Linear" for part in exact)
    assert head <= quantised
    left = {part for part in matrices if ".layers." in part} - quantised
    # 96 inputs don't divide into blocks of 64.
    narrow = (name, quantization) == ("tiny-6b-qwen2", "4bit")
    assert all(part.endswith("down_proj") for part in left) if narrow else not left


@pytest.mark.parametrize(("quantization", "tolerance"), [("8bit", 0.06), ("4bit", 0.6)])
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_quantised_model_answers_nearly_the_same(name, quantization, tolerance):
    model = internvl.load_model(GOLDEN / name, quantization, device="cpu", dtype="float32")
    official = load_file(GOLDEN / name / "golden.safetensors")
    with torch.no_grad():
        logits = model.network(input_ids=official["text_ids"][None]).logits[0]
    error = (logits - official["text_logits"]).norm() / official["text_logits"].norm()
    assert error < tolerance


def test_8_bit_on_a_cpu_needs_no_library_and_others_are_left_to_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    assert (
        internvl.load_model(GOLDEN / "tiny-6b-qwen2", "8bit", device="cpu").quantization == "8bit"
    )
    monkeypatch.undo()
    layout = read_layout(json.loads((GOLDEN / QWEN2 / "config.json").read_text()))
    assert _quantization(layout, Placement({"": "cpu"}, torch.bfloat16, "8bit")) is None
    for device in (0, "mixed"):
        places = {"": 0} if device == 0 else {"a": 0, "b": "cpu"}
        config = _quantization(layout, Placement(places, torch.bfloat16, "8bit"))
        assert config.load_in_8bit and config.llm_int8_skip_modules == list(UNQUANTIZED)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("fast", [True, False])
def test_an_8_bit_layer_is_near_the_exact_one(monkeypatch, bias, fast):
    monkeypatch.setattr(int8, "has_int8", lambda: fast)
    monkeypatch.setattr(int8, "WIDENED", 7 * 64)  # not all rows at once
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 48, bias=bias)
    inputs = torch.randn(2, 5, 64) * torch.tensor([0.01, 100.0]).view(2, 1, 1)
    exact, found = linear(inputs), Int8Linear(linear)(inputs)
    for place in range(2):  # each place has its own scale: small inputs are as exact as large ones
        error = (found[place] - exact[place]).norm() / exact[place].norm()
        assert 0 < error < (0.015 if fast else 0.007)
    assert Int8Linear(linear)(inputs.bfloat16()).dtype == torch.bfloat16
    assert Int8Linear(linear)(torch.zeros(1, 64)).isfinite().all()
    assert Int8Linear(linear)(torch.zeros(2, 0, 64)).shape == (2, 0, 48)


def test_a_processor_that_is_slow_in_integers_multiplies_them_for_few_places_only(monkeypatch):
    counted, multiply = [], torch._int_mm
    monkeypatch.setattr(int8, "has_int8", lambda: False)
    monkeypatch.setattr(torch, "_int_mm", lambda *both: counted.append(1) or multiply(*both))
    layer = Int8Linear(torch.nn.Linear(64, 48))
    layer(torch.randn(int8.FEW + 1, 64))
    assert not counted
    layer(torch.randn(int8.FEW, 64))
    assert counted


def test_a_layer_of_many_rows_is_put_in_8_bit_piece_by_piece(monkeypatch):
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 48)
    whole = Int8Linear(linear)
    monkeypatch.setattr(int8, "ROWS", 7)
    pieces = Int8Linear(linear)
    assert torch.equal(pieces.weight, whole.weight) and torch.equal(pieces.scales, whole.scales)


def test_the_vision_tower_of_a_quantised_model_is_exact():
    plain = internvl.load_model(GOLDEN / QWEN2, device="cpu", dtype="float32")
    quantised = internvl.load_model(GOLDEN / QWEN2, "4bit", device="cpu", dtype="float32")
    pixels = torch.zeros(1, 3, 448, 448)
    with torch.no_grad():
        first, second = (
            model.network.get_image_features(pixels).pooler_output for model in (plain, quantised)
        )
    assert torch.equal(first, second)


def test_a_quantised_model_is_not_saved(tmp_path):
    model = internvl.load_model(GOLDEN / QWEN2, "8bit", device="cpu")
    with pytest.raises(ModelError, match="8bit model can't be saved; load it unquantised"):
        model.save(tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []
