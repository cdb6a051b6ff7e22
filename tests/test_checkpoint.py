"""Checkpoints: equal to the official code when read, byte-equal when written, never half read."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import InternVLForConditionalGeneration

from internvl.chat import Attachment, Conversation, Turn, render
from internvl.model import ModelError, encode, load_model, new_model
from internvl.preprocessing import load_image, split_into_tiles, tiles_to_tensor

GOLDEN = Path(__file__).parent / "data" / "golden"
QWEN2, INTERNLM2 = "tiny-300m-qwen2", "tiny-300m-internlm2"
CHECKPOINTS = (QWEN2, INTERNLM2, "tiny-6b-qwen2")
PICTURE = Attachment("picture.png", "image")


class Official:
    """A golden checkpoint with what the official code computed, and the model under test."""

    def __init__(self, name):
        self.folder = GOLDEN / name
        self.data = json.loads((self.folder / "golden.json").read_text("utf-8"))
        self.tensors = load_file(self.folder / "golden.safetensors")
        self.model = load_model(self.folder, device="cpu", dtype="float32")
        image = load_image(GOLDEN / "images" / self.data["image"])
        self.pixels = tiles_to_tensor(split_into_tiles(image, self.data["max_tiles"]))
        with torch.no_grad():
            self.visual = self.model.network.get_image_features(self.pixels).pooler_output

    def chats(self):
        """Each golden chat with its prompt and its visual tokens."""
        chats = self.data["chats"]
        conversation = Conversation()
        for number, chat in enumerate(chats[:3]):
            conversation.turns.append(Turn(chat["question"], () if number else (PICTURE,)))
            yield chat, render(conversation, [[7]]), self.visual
            conversation.turns[-1].answer = chat["answer"]
        alone = Conversation(turns=[Turn(chats[3]["question"])])
        yield chats[3], render(alone, []), None
        both = Conversation(turns=[Turn("Compare.", (PICTURE, PICTURE))])
        yield chats[4], render(both, [[7], [1]]), torch.cat([self.visual, self.visual[:1]])

    def embed(self, prompt, visual):
        """The prompt's embeddings, the visual tokens written over the slots."""
        ids = torch.tensor([encode(self.model.tokenizer, prompt)[0]])
        embeddings = self.model.network.get_input_embeddings()(ids)
        if visual is not None:
            embeddings[ids == self.model.image_token_id] = visual.flatten(0, 1)
        return embeddings


@pytest.fixture(scope="module", params=CHECKPOINTS)
def official(request):
    return Official(request.param)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def close(found, wanted):
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def same_weights(one, other):
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert tensor.dtype == second[name].dtype
        assert torch.equal(tensor, second[name]), name


def writable_copy(folder, target):
    shutil.copytree(folder, target)
    target.chmod(0o755)
    for path in target.iterdir():
        path.chmod(0o644)
    return target


def with_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text("utf-8"))
    for path, value in changes.items():
        section, _, key = path.rpartition("__")
        (config[section] if section else config)[key] = value
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


# Reading


def test_the_vision_tower_is_the_official_one(official):
    hidden = official.model.network.model.vision_tower(official.pixels[:1]).last_hidden_state
    close(hidden[0, :9], official.tensors["vit_last_hidden_state_tile0_tokens_0_9"])


def test_visual_tokens_are_the_official_ones(official):
    assert official.visual.shape[:2] == (7, official.model.tokens_per_tile)
    close(official.visual[0], official.tensors["visual_tokens_tile0"])
    close(official.visual.mean(1), official.tensors["visual_tokens_mean_per_tile"])


def test_text_logits_are_the_official_ones(official):
    logits = official.model.network(input_ids=official.tensors["text_ids"][None]).logits[0]
    close(logits, official.tensors["text_logits"])


def test_logits_of_the_first_chat_are_the_official_ones(official):
    ids = official.tensors["first_chat_prompt_ids"][None]
    logits = official.model.network(
        input_ids=ids, pixel_values=official.pixels, logits_to_keep=8
    ).logits[0]
    close(logits, official.tensors["first_chat_logits_last_8"])


@pytest.mark.filterwarnings("ignore:Passing `repetition_penalty`")
def test_all_chats_are_answered_as_officially(official):
    settings = official.data["generation"]
    for chat, prompt, visual in official.chats():
        embeddings = official.embed(prompt, visual)
        answer = official.model.network.generate(
            inputs_embeds=embeddings,
            attention_mask=torch.ones(embeddings.shape[:2], dtype=torch.long),
            max_new_tokens=settings["max_new_tokens"],
            do_sample=settings["do_sample"],
            repetition_penalty=settings["repetition_penalty"],
            eos_token_id=official.model.stop_id,
            pad_token_id=official.model.stop_id,
        )
        assert answer[0].tolist() == chat["generated_ids"], chat["question"]


def test_a_model_knows_its_figures(official):
    model = official.model
    assert (model.tile_size, model.tokens_per_tile, model.context_length) == (448, 256, 4096)
    assert model.tokenizer.convert_ids_to_tokens(model.image_token_id) == "<IMG_CONTEXT>"
    assert model.tokenizer.convert_ids_to_tokens(model.stop_id) == "<|im_end|>"
    assert (model.device.type, model.dtype) == ("cpu", torch.float32)
    assert model.name == official.folder.name
    assert not model.network.training


# Writing


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_saving_gives_the_same_files(name, dtype, tmp_path):
    load_model(GOLDEN / name, device="cpu", dtype=dtype).save(tmp_path / "copy")
    same_weights(GOLDEN / name / "model.safetensors", tmp_path / "copy" / "model.safetensors")
    for original in (GOLDEN / name).iterdir():
        if original.name.startswith(("golden", "model.")):
            continue
        assert (tmp_path / "copy" / original.name).read_bytes() == original.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_checkpoint_can_be_saved_over_itself_and_in_shards(tmp_path):
    folder = writable_copy(GOLDEN / INTERNLM2, tmp_path / "checkpoint")
    model = load_model(folder, device="cpu", dtype="float32")
    model.save(folder, max_shard_size="300KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 2
    assert all(shard.stat().st_size < 320_000 for shard in shards)
    readers = (folder / "config.json").stat().st_mode
    assert all(shard.stat().st_mode == readers for shard in shards)
    assert not (folder / "model.safetensors").exists()
    again = load_model(folder, device="cpu", dtype="float32")
    assert again is not model, "a checkpoint written anew is read anew"
    again.save(folder)
    assert not list(folder.glob("model-*")), "no shard of an earlier save may stay"
    same_weights(GOLDEN / INTERNLM2 / "model.safetensors", folder / "model.safetensors")


def test_small_checkpoints_are_kept_in_small_files_and_large_ones_in_large(tmp_path, monkeypatch):
    model = load_model("assets/nano", device="cpu")
    model.save(tmp_path / "small")
    assert all(f.stat().st_size <= 9e6 for f in (tmp_path / "small").glob("*.safetensors"))
    monkeypatch.setattr("internvl.model.checkpoint.SMALL", 1_000_000)
    model.save(tmp_path / "large")
    assert len(list((tmp_path / "large").glob("*.safetensors"))) == 1


def test_changed_weights_are_written_in_the_present_precision(tmp_path):
    folder = writable_copy(GOLDEN / QWEN2, tmp_path / "checkpoint")
    model = load_model(folder, device="cpu", dtype="bfloat16")
    model.network.lm_head.weight += 1
    model.save(tmp_path / "trained")
    before = load_file(folder / "model.safetensors")
    after = load_file(tmp_path / "trained" / "model.safetensors")
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["language_model.lm_head.weight"]
    assert after[changed[0]].dtype == torch.bfloat16
    config = json.loads((tmp_path / "trained" / "config.json").read_text("utf-8"))
    assert config["torch_dtype"] == "bfloat16"


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_new_model_is_saved_and_read_back_equal(name, tmp_path):
    config = json.loads((GOLDEN / name / "config.json").read_text("utf-8"))
    config["vision_config"]["patch_size"] = 28
    made = new_model(config, GOLDEN / name)
    made.save(tmp_path / "new")
    read = load_model(tmp_path / "new", device="cpu", dtype="float32")
    assert read.tokens_per_tile == made.tokens_per_tile == 64
    first, second = made.network.state_dict(), read.network.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    stored = load_file(tmp_path / "new" / "model.safetensors")
    assert stored.keys() == load_file(GOLDEN / name / "model.safetensors").keys()
    assert all(tensor.std() > 0 for tensor in stored.values() if tensor.ndim > 1)
    saved = json.loads((tmp_path / "new" / "config.json").read_text("utf-8"))
    assert saved == config


def test_a_new_model_needs_a_fitting_tokenizer():
    config = json.loads((GOLDEN / QWEN2 / "config.json").read_text("utf-8"))
    with pytest.raises(ModelError, match="715 tokens, the network has embeddings for 492"):
        new_model(config, GOLDEN / INTERNLM2)


# The -hf layout


@pytest.mark.parametrize("old_names", [True, False])
@pytest.mark.parametrize("name", [QWEN2, INTERNLM2])
def test_the_hf_layout_is_read_and_written(name, old_names, tmp_path):
    model = load_model(GOLDEN / name, device="cpu", dtype="float32")
    native = InternVLForConditionalGeneration(model.network.config)
    native.load_state_dict(model.network.state_dict())
    native.save_pretrained(tmp_path / "hf", save_original_format=old_names)
    model.tokenizer.save_pretrained(tmp_path / "hf")
    read = load_model(tmp_path / "hf", device="cpu", dtype="float32")
    state, wanted = read.network.state_dict(), model.network.state_dict()
    assert state.keys() == wanted.keys()
    assert all(torch.equal(state[key], wanted[key]) for key in wanted)
    for figure in ("tile_size", "tokens_per_tile", "context_length", "image_token_id", "stop_id"):
        assert getattr(read, figure) == getattr(model, figure)
    prompt = render(Conversation(turns=[Turn("Where is <img>?", (PICTURE,))]), [[2]])
    assert encode(read.tokenizer, prompt) == encode(model.tokenizer, prompt)
    read.save(tmp_path / "again")
    same_weights(tmp_path / "hf" / "model.safetensors", tmp_path / "again" / "model.safetensors")


# Damage


def damaged(tmp_path, change):
    """A golden checkpoint whose tensors `change` has altered."""
    folder = writable_copy(GOLDEN / QWEN2, tmp_path / "damaged")
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("mlp1.1.weight"), "lacks mlp1.1.weight"),
        (
            lambda t: t.pop("vision_model.encoder.layers.1.attn.qkv.bias"),
            "lacks vision_model.encoder.layers.1.attn.qkv.bias",
        ),
        (lambda t: t.update(extra=torch.zeros(1)), "has unexpected extra"),
        (
            lambda t: t.update({"mlp1.3.bias": torch.zeros(2)}),
            r"misshapen mlp1.3.bias \(\(2,\) instead of \(64,\)\)",
        ),
    ],
)
def test_wrong_tensors_are_refused_by_name(change, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        load_model(damaged(tmp_path, change), device="cpu")


def test_a_missing_tensor_of_the_hf_layout_is_refused_by_name(tmp_path):
    model = load_model(GOLDEN / QWEN2, device="cpu", dtype="float32")
    InternVLForConditionalGeneration(model.network.config).save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors.pop("multi_modal_projector.linear_1.bias")
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks model.multi_modal_projector.linear_1.bias"):
        load_model(tmp_path, device="cpu")


def test_a_truncated_file_is_refused(tmp_path):
    folder = writable_copy(GOLDEN / QWEN2, tmp_path / "truncated")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000_000])
    with pytest.raises(ModelError, match=r"model.safetensors is damaged"):
        load_model(folder, device="cpu")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"llm_config__architectures": ["LlamaForCausalLM"]}, "LlamaForCausalLM is not supported"),
        ({"llm_config__vocab_size": 100}, "492 tokens, the network has embeddings for 100"),
        ({"ps_version": "v1"}, "pixel unshuffle v1"),
        ({"vision_config": {"image_size": 448, "patch_size": 14}}, "lacks hidden_size"),
        ({"llm_config__num_hidden_layers": "two"}, "does not describe an InternVL model"),
    ],
)
def test_a_wrong_configuration_is_refused(changes, message, tmp_path):
    folder = with_config(writable_copy(GOLDEN / QWEN2, tmp_path / "wrong"), **changes)
    with pytest.raises(ModelError, match=message):
        load_model(folder, device="cpu")


def test_another_kind_of_model_is_refused(tmp_path):
    folder = writable_copy(GOLDEN / QWEN2, tmp_path / "other")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="not an InternVL one: it lacks vision_config"):
        load_model(folder, device="cpu")
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config.json can't be read"):
        load_model(folder, device="cpu")
