"""LoRA tuning of a checkpoint, its adapter, and the merged model."""

import json

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from training_project import CHECKPOINT, forget_accelerate, stage, write_project

from internvl.chat import Attachment, Conversation, Settings, Turn
from internvl.engines import LocalEngine
from internvl.model import ModelError, load_model
from internvl.training import loop, lora
from internvl.training.log import read_log
from internvl.training.recipe_files import read_recipe

LORA = {"rank": 16, "alpha": 32, "dropout": 0.05}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    forget_accelerate()
    folder = tmp_path_factory.mktemp("lora")
    stages = {"2": stage(trains=["language_model"], lora=LORA, epochs=4, learning_rate=5e-3)}
    recipe = read_recipe(write_project(folder, 6, stages=stages, checkpoint_every=2))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert not loop.train(recipe, ["2"], folder / "out", minutes=0)
    assert loop.train(recipe, ["2"], folder / "out", resume=True)
    torch.set_num_threads(threads)
    return folder / "out" / "stage-2"


def test_tuning_changes_the_language_model_alone(tuned):
    losses = [entry.loss for entry in read_log(tuned / "log.csv")]
    assert sum(losses[-2:]) < 0.9 * sum(losses[:2])
    before, after = (load_file(f / "model.safetensors") for f in (CHECKPOINT, tuned / "model"))
    assert list(before) == list(after)
    changed = [name for name in before if not before[name].equal(after[name])]
    linear = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert len(changed) == 2 * len(linear)
    assert all(name.split(".")[-2] in linear and "language_model" in name for name in changed)


def test_the_adapter_is_small_and_in_the_format_of_peft(tuned):
    config = json.loads((tuned / "adapter" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (16, 32, 0.05)
    assert config["base_model_name_or_path"] == str(CHECKPOINT)
    adapter = load_file(tuned / "adapter" / "adapter_model.safetensors")
    assert len(adapter) == 2 * 14
    assert all(16 in weight.shape for weight in adapter.values())


def test_the_merged_model_answers_as_the_tuned_one(tuned, tmp_path):
    from peft import PeftModel

    from internvl.training.network import open_model

    lora.main(["merge", str(tuned / "adapter"), "--output", str(tmp_path / "merged")])
    merged = load_model(tmp_path / "merged", device="cpu", dtype="float32").network
    whole = load_model(tuned / "model", device="cpu", dtype="float32").network
    apart = PeftModel.from_pretrained(open_model(CHECKPOINT).network, str(tuned / "adapter")).eval()
    ids = torch.arange(40)[None]
    with torch.no_grad():
        expected = apart(input_ids=ids).logits
        base = open_model(CHECKPOINT).network(input_ids=ids).logits
        assert (expected - base).abs().max() > 0.05
        for network in (merged, whole):
            torch.testing.assert_close(
                network(input_ids=ids).logits, expected, atol=1e-4, rtol=1e-4
            )


def test_the_merged_model_answers_about_a_picture_in_the_engine_of_the_app(tuned, tmp_path):
    Image.new("RGB", (448, 448), "teal").save(tmp_path / "teal.png")
    attachment = Attachment(tmp_path / "teal.png", "image", max_tiles=1)
    conversation = Conversation(turns=[Turn("What is this?", (attachment,))])
    engine = LocalEngine(load_model(tuned / "model", device="cpu", dtype="float32"))
    *_, receipt = engine.stream(conversation, Settings(max_new_tokens=2))
    assert (receipt.tiles, receipt.visual_tokens) == (1, 256)
    assert 1 <= receipt.generated_tokens <= 2


def test_a_folder_of_other_things_is_not_replaced(tuned, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    for folder in (tmp_path, tmp_path / "photos"):
        with pytest.raises(SystemExit, match="holds something else"):
            lora.main(["merge", str(tuned / "adapter"), "--output", str(folder)])
    assert (tmp_path / "photos" / "cat.jpg").exists()


def test_a_folder_that_is_no_adapter(tmp_path):
    with pytest.raises(SystemExit, match="no adapter folder"):
        lora.main(["merge", str(tmp_path), "--output", str(tmp_path / "merged")])
    with pytest.raises(ModelError, match="adapter_config"):
        lora.merge(tmp_path, tmp_path / "merged")
