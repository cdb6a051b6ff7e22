"""Finding checkpoints in folders and on huggingface.co."""

from pathlib import Path
from unittest.mock import MagicMock

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

from internvl.model import ModelError
from internvl.model.source import find_checkpoint, stored_shapes, weight_files

GOLDEN = Path(__file__).parent / "data" / "golden" / "tiny-300m-qwen2"


def failing(error):
    def download(*_, **__):
        raise error

    return download


def test_a_folder_is_itself():
    assert find_checkpoint(GOLDEN) == GOLDEN.resolve()
    assert find_checkpoint(str(GOLDEN)) == GOLDEN.resolve()


def test_an_id_is_fetched_without_code(monkeypatch):
    asked = []

    def download(hub_id, allow_patterns, tqdm_class):
        asked.append((hub_id, allow_patterns))
        return str(GOLDEN)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find_checkpoint("someone/their-model") == GOLDEN.resolve()
    find_checkpoint("InternVL2_5-8B-MPO")
    assert [hub_id for hub_id, _ in asked] == [
        "someone/their-model",
        "OpenGVLab/InternVL2_5-8B-MPO",
    ]
    assert all(patterns == ["*.json", "*.txt", "*.model", "*.safetensors"] for _, patterns in asked)


def test_fetching_is_reported_and_silent(monkeypatch, capfd):
    def download(hub_id, allow_patterns, tqdm_class):
        with tqdm_class(total=0, initial=0, unit="B", unit_scale=True, desc="bytes") as bar:
            for _ in range(4):
                bar.total = (bar.total or 0) + 250
                bar.update(250)
                bar.set_postfix_str("1 MB/s", refresh=False)
            bar.set_description("done")
        with tqdm_class(total=3, desc="files") as files:
            files.update(3)
        return str(GOLDEN)

    heard = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    find_checkpoint("someone/their-model", heard.append)
    assert heard == [1.0], "the total grows with the files"
    heard.clear()
    find_checkpoint("OpenGVLab/InternVL2_5-1B", heard.append)
    assert heard == sorted(set(heard))
    assert heard[-1] < 0.001
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (LocalEntryNotFoundError("offline"), "huggingface.co can't be reached; connect"),
        (
            RepositoryNotFoundError("404", response=MagicMock()),
            "There is no someone/their-model on huggingface.co",
        ),
        (OSError("disk full"), "can't be fetched: disk full"),
        (RuntimeError("reset by peer\nat line 3"), "can't be fetched: reset by peer."),
    ],
)
def test_what_can_not_be_fetched_is_told_in_one_line(monkeypatch, error, message):
    monkeypatch.setattr(huggingface_hub, "snapshot_download", failing(error))
    with pytest.raises(ModelError, match=message) as told:
        find_checkpoint("someone/their-model")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["/nowhere", "./x/y", "nothing", "a/b/c", "../up"])
def test_what_is_no_id_is_not_asked_for(monkeypatch, name):
    monkeypatch.setattr(huggingface_hub, "snapshot_download", failing(AssertionError))
    with pytest.raises(ModelError, match="neither a folder nor a Hugging Face id"):
        find_checkpoint(name)


def test_a_folder_needs_a_configuration(tmp_path):
    with pytest.raises(ModelError, match=r"has no config.json"):
        find_checkpoint(tmp_path)


def test_weights_that_can_run_code_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"\.bin files.*only safetensors are read"):
        find_checkpoint(tmp_path)


def test_missing_shards_are_named(tmp_path):
    index = '{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "../other.safetensors"}}'
    (tmp_path / "model.safetensors.index.json").write_text(index)
    (tmp_path / "model-00001-of-00002.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"lacks other.safetensors; fetch the whole"):
        weight_files(tmp_path)
    (tmp_path / "other.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"model-00001-of-00002.safetensors is damaged"):
        stored_shapes(tmp_path)


def test_shapes_come_from_the_headers():
    shapes = stored_shapes(GOLDEN)
    assert len(shapes) == 65
    assert shapes["mlp1.1.weight"] == [64, 256]
