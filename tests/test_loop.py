"""The loop: stages in order, exact resuming after a kill, reports, progressive scaling."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_project import (
    CHECKPOINT,
    annotation,
    forget_accelerate,
    stage,
    write_json,
    write_lines,
    write_project,
)

from internvl.model import placement
from internvl.training import loop
from internvl.training.checkpoints import Checkpoints
from internvl.training.log import packing_summary, read_log
from internvl.training.network import choose_precision, open_model
from internvl.training.recipe_files import read_recipe
from internvl.training.run import TrainingError
from internvl.training.stages import RecipeError


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(recipe_file, output, *stages, **options):
    forget_accelerate()
    recipe = read_recipe(recipe_file)
    return loop.train(recipe, stages or recipe.order(), output, **options)


def losses(output, name="2"):
    return [entry.loss for entry in read_log(output / f"stage-{name}" / "log.csv")]


def weights(folder):
    return load_file(folder / "model.safetensors")


def test_all_stages_train_what_they_say(tmp_path):
    parts = {"1": ["projector"], "1.5": ["vision_tower", "projector"], "2": ["language_model"]}
    stages = {name: stage(trains=trains, drop_path=0.1) for name, trains in parts.items()}
    recipe = write_project(
        tmp_path, 4, stages=stages, gradient_checkpointing=True, context=768, precision="bf16"
    )
    assert run(recipe, tmp_path / "out")
    states = [weights(CHECKPOINT)]
    states += [weights(tmp_path / "out" / f"stage-{name}" / "model") for name in parts]
    names = {
        "projector": "mlp1",
        "vision_tower": "vision_model",
        "language_model": "language_model",
    }
    for before, after, trains in zip(states, states[1:], parts.values(), strict=False):
        changed = {name.split(".")[0] for name in before if not before[name].equal(after[name])}
        assert changed == {names[part] for part in trains}
    assert (tmp_path / "out" / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "out" / "stage-2" / "checkpoints").exists()


@pytest.mark.parametrize(("fast", "dtype"), [("bf16", "bfloat16"), ("no", "float32")])
def test_a_device_that_is_slow_in_bfloat16_computes_in_float32(monkeypatch, fast, dtype):
    monkeypatch.setattr(placement, "choose_dtype", lambda device: getattr(torch, dtype))
    assert choose_precision("bf16", torch.device("cpu")) == fast
    assert choose_precision("no", torch.device("cpu")) == "no"


def test_the_loss_falls_and_the_log_tells(tmp_path, capsys):
    recipe = write_project(tmp_path, 8, stages={"2": stage(epochs=5)})
    run(recipe, tmp_path / "out")
    found = losses(tmp_path / "out")
    assert sum(found[-3:]) < 0.7 * sum(found[:3])
    entries = read_log(tmp_path / "out" / "stage-2" / "log.csv")
    assert sum(entry.samples for entry in entries) == 40
    assert entries[-1].progress == 1
    assert [entry.step for entry in entries] == list(range(1, len(entries) + 1))
    assert max(entry.learning_rate for entry in entries) <= 2e-3
    assert "40 samples in" in packing_summary(entries)
    assert "discs: 8 samples" in capsys.readouterr().out


def test_unpacked_rows_are_padded(tmp_path):
    recipe = write_project(tmp_path, 8, packing=False, rows=2)
    run(recipe, tmp_path / "out")
    entries = read_log(tmp_path / "out" / "stage-2" / "log.csv")
    assert [entry.sequences for entry in entries] == [2] * 4
    assert any(entry.padding > 0 for entry in entries)


# --- resuming


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A project (drop path and compression at work) with the losses of a run in one go."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    trains = ["vision_tower", "projector", "language_model"]
    recipe = write_project(
        folder,
        6,
        checkpoint_every=2,
        stages={"2": stage(trains=trains, batch=1, drop_path=0.3, epochs=2)},
    )
    mixture = json.loads((folder / "mixture.json").read_text())
    mixture["discs"]["augment"] = True
    (folder / "mixture.json").write_text(json.dumps(mixture))
    run(recipe, folder / "out")
    assert len(losses(folder / "out")) >= 5
    return recipe, folder / "out"


def assert_same(found, expected):
    assert losses(found) == losses(expected)
    states = [weights(folder / "stage-2" / "model") for folder in (found, expected)]
    assert all(states[0][name].equal(states[1][name]) for name in states[1])


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_process_continues_with_the_same_losses(uninterrupted, tmp_path):
    recipe, whole = uninterrupted
    output = tmp_path / "out"
    reading = write_json(recipe.with_name("reading.json"), {"extends": str(recipe), "workers": 2})
    command = [sys.executable, "-m", "internvl.training.loop", "--recipe", str(reading)]
    process = subprocess.Popen(
        [*command, "--output", str(output)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(read_log(output / "stage-2" / "log.csv")) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    readers = children(process.pid)
    assert readers
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while any(is_alive(reader) for reader in readers):
        time.sleep(0.01)
    assert not (output / "stage-2" / "model").exists()
    run(recipe, output, resume=True)
    assert_same(output, whole)


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def is_alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the project catches it."""


def kill_at(monkeypatch, owner, name, call):
    """Die in the call-th call of a function, before it does anything."""
    function, calls = getattr(owner, name), []

    def dying(*arguments, **options):
        calls.append(name)
        if len(calls) == call:
            raise Killed
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, dying)


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        ("internvl.training.run.Log", "add", 1),  # before there is any checkpoint
        ("internvl.training.run.Log", "add", 4),  # after a step, before it is logged
        ("internvl.training.checkpoints.json", "dumps", 2),  # in the middle of a checkpoint
        ("internvl.training.checkpoints.Checkpoints", "_remove_before", 2),  # with two of them
        ("internvl.training.run", "write_model", 1),  # at the end
        ("internvl.training.checkpoints.Checkpoints", "remove", 1),  # with the model written
    ],
)
def test_a_kill_at_any_moment_loses_nothing(
    uninterrupted, tmp_path, monkeypatch, owner, name, call
):
    recipe, whole = uninterrupted
    with monkeypatch.context() as patch:
        module, _, last = owner.rpartition(".")
        target = sys.modules.get(owner) or getattr(sys.modules[module], last)
        kill_at(patch, target, name, call)
        with pytest.raises(Killed):
            run(recipe, tmp_path / "out")
    run(recipe, tmp_path / "out", resume=True)
    assert_same(tmp_path / "out", whole)


def test_lora_refuses_a_vision_tower_that_nobody_would_save(tmp_path):
    lora = stage(trains=["language_model"], lora={"rank": 2})
    tower = {"vision_tower_from": str(CHECKPOINT)}
    with pytest.raises(RecipeError, match="LoRA leaves the vision tower"):
        run(write_project(tmp_path, 2, stages={"2": lora}, **tower), tmp_path / "out")


def test_a_mixture_of_the_command_line_holds_for_every_stage(tmp_path, monkeypatch):
    own = write_project(tmp_path, 2, stages={"2": stage(mixture="mixture.json")})
    taken = []
    monkeypatch.setattr(loop, "train", lambda recipe, *_: taken.append(recipe))
    command = ["--recipe", str(own), "--output", str(tmp_path / "out")]
    loop.main([*command, "--mixture", "other.json"])
    assert (taken[0].mixture, taken[0].stages["2"].mixture) == ("other.json", None)


def test_a_line_of_the_log_that_was_cut_off_is_left_out(uninterrupted, tmp_path):
    whole = (uninterrupted[1] / "stage-2" / "log.csv").read_text()
    steps = whole.count("\n") - 1
    for cut in range(1, len(whole.splitlines()[-1]) + 1):
        (tmp_path / "log.csv").write_text(whole[:-cut].rstrip("\r\n"))
        assert len(read_log(tmp_path / "log.csv")) == steps - 1


def test_slices_of_time(uninterrupted, tmp_path):
    recipe, whole = uninterrupted
    for steps in (1, 2):
        assert not run(recipe, tmp_path / "out", resume=True, minutes=0)
        assert losses(tmp_path / "out") == losses(whole)[:steps]
    assert run(recipe, tmp_path / "out", resume=True)
    assert_same(tmp_path / "out", whole)


def test_finished_stages_are_not_run_again(uninterrupted, capsys):
    recipe, whole = uninterrupted
    before = (whole / "stage-2" / "model" / "model.safetensors").stat().st_mtime_ns
    run(recipe, whole, resume=True)
    assert "finished already" in capsys.readouterr().out
    assert (whole / "stage-2" / "model" / "model.safetensors").stat().st_mtime_ns == before


def test_a_run_is_neither_overwritten_nor_continued_with_another_recipe(uninterrupted, tmp_path):
    recipe, whole = uninterrupted
    with pytest.raises(RecipeError, match="--resume"):
        run(recipe, whole)
    run(recipe, tmp_path / "out", minutes=0)
    changed = recipe.with_name("changed.json")
    changed.write_text(json.dumps({"extends": str(recipe), "seed": 1}))
    with pytest.raises(RecipeError, match="seed differ"):
        run(changed, tmp_path / "out", resume=True)
    careful = {"precision": "bf16", "stages": {"2": {"learning_rate": 1e-5}}}
    write_json(changed, {"extends": str(recipe), **careful})
    forget_accelerate()
    assert not run(changed, tmp_path / "out", resume=True, minutes=0)  # as advised after a NaN
    forget_accelerate()
    assert read_log(tmp_path / "out" / "stage-2" / "log.csv")[-1].learning_rate <= 1e-5
    checkpoint = Checkpoints(tmp_path / "out" / "stage-2" / "checkpoints", 0, 4)
    with pytest.raises(ValueError, match="written by 1 processes"):
        checkpoint.restore(checkpoint.latest(), None, None)


# --- data that can't be used, and other mistakes


def test_bad_samples_end_up_in_the_report(tmp_path):
    recipe = write_project(tmp_path, 4)
    lines = [json.loads(line) for line in (tmp_path / "discs.jsonl").read_text().splitlines()]
    lines += [annotation("gone.png", "<image>\nQ?", "A."), annotation("0.png", "Q?", "A.")]
    write_lines(tmp_path / "discs.jsonl", lines)
    run(recipe, tmp_path / "out")
    report = json.loads((tmp_path / "out" / "stage-2" / "report.json").read_text())
    assert report["read"] == {"discs": 6}
    reasons = report["bad"]["discs"]
    assert sorted(reasons.values()) == [["discs.jsonl line 5"], ["discs.jsonl line 6"]]
    assert any("gone.png does not exist" in reason for reason in reasons)
    assert sum(e.samples for e in read_log(tmp_path / "out" / "stage-2" / "log.csv")) == 4


def test_a_run_without_one_usable_sample_fails_in_words(tmp_path):
    recipe = write_project(tmp_path, 2)
    for picture in (tmp_path / "pictures").iterdir():
        picture.unlink()
    with pytest.raises(TrainingError, match=r"not one sample .* does not exist"):
        run(recipe, tmp_path / "out")


def test_what_vanishes_before_a_run_goes_on_is_counted(tmp_path):
    recipe = write_project(tmp_path, 8, buffers=8, tiles_per_sequence=2)
    run(recipe, tmp_path / "out", minutes=0)
    state = json.loads(next((tmp_path / "out").rglob("rank-0.json")).read_text())
    assert state["stream"]["open"]
    for picture in (tmp_path / "pictures").iterdir():
        picture.unlink()
    run(recipe, tmp_path / "out", resume=True)
    bad = json.loads((tmp_path / "out" / "stage-2" / "report.json").read_text())["bad"]["discs"]
    learned = sum(e.samples for e in read_log(tmp_path / "out" / "stage-2" / "log.csv"))
    assert learned + sum(map(len, bad.values())) == 8


def test_a_run_goes_on_with_its_own_data_and_after_its_own_stages_only(tmp_path):
    stages = {"1": stage(trains=["projector"], epochs=2), "2": stage()}
    recipe = write_project(tmp_path, 8, stages=stages)
    assert not run(recipe, tmp_path / "out", minutes=0)
    forget_accelerate()
    with pytest.raises(RecipeError, match=r"stage 1 .* unfinished"):
        loop.train(read_recipe(recipe), ["2"], tmp_path / "out")
    lines = (tmp_path / "discs.jsonl").read_text().splitlines()
    (tmp_path / "discs.jsonl").write_text("\n".join(lines[:5]) + "\n")
    with pytest.raises(TrainingError, match="had 8 samples, and now it has 5"):
        run(recipe, tmp_path / "out", resume=True)


def test_a_run_says_where_it_starts_and_how_few_steps_it_has(tmp_path, capsys):
    recipe = write_project(tmp_path, 8, packing=False)
    run(recipe, tmp_path / "out")
    said = capsys.readouterr().out
    assert f"Stage 2 starts from {CHECKPOINT}" in said
    assert "About 4 optimizer steps: very few" in said


def test_a_stage_has_its_own_data_and_budget(tmp_path):
    own = {"own": {"scenes": ["objects"], "samples": 4, "max_tiles": 6}}
    write_json(tmp_path / "own.json", own)
    tokens = {}
    for most in (1, 6):
        stages = {"2": stage(mixture="own.json", max_tiles=most)}
        limits = {"context": 4096, "tiles_per_sequence": 12, "packing": False}
        recipe = write_project(tmp_path / str(most), 2, stages=stages, **limits)
        (tmp_path / str(most) / "own.json").symlink_to(tmp_path / "own.json")
        run(recipe, tmp_path / "out" / str(most))
        folder = tmp_path / "out" / str(most) / "stage-2"
        assert json.loads((folder / "report.json").read_text())["read"] == {"own": 4}
        tokens[most] = sum(entry.tokens for entry in read_log(folder / "log.csv"))
    assert tokens[6] > tokens[1] + 256


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    recipe = write_project(tmp_path, 8, stages={"2": stage(learning_rate=1e30, warmup=0)})
    with pytest.raises(TrainingError, match="lower the learning rate"):
        run(recipe, tmp_path / "out")


def test_the_command_line_says_mistakes_in_one_line(tmp_path):
    recipe = write_project(tmp_path, 2)
    arguments = ["--recipe", str(recipe), "--output", str(tmp_path / "out")]
    for extra, words in (
        (["--stage", "1"], "no stage 1"),
        (["--mixture", "nowhere.json"], "nowhere.json"),
        (["--model", "nowhere/"], "nowhere"),
    ):
        forget_accelerate()
        with pytest.raises(SystemExit, match=words):
            loop.main([*arguments, *extra])


# --- progressive scaling


def test_a_run_takes_the_vision_tower_of_another_and_nothing_else(tmp_path):
    other = open_model(CHECKPOINT)
    with torch.no_grad():
        for weight in other.network.parameters():
            weight.add_(0.01)
    other.save(tmp_path / "other")
    stages = {"1": stage(trains=["projector"]), "1.5": stage(trains=["vision_tower"])}
    recipe = write_project(
        tmp_path / "project", 2, stages=stages, vision_tower_from=str(tmp_path / "other")
    )
    run(recipe, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["loss.png", "stage-1"]
    found = weights(tmp_path / "out" / "stage-1" / "model")
    for name, weight in weights(tmp_path / "other").items():
        if name.startswith("vision_model"):
            assert found[name].equal(weight)
        if name.startswith("language_model"):
            assert found[name].equal(weights(CHECKPOINT)[name])


def test_another_kind_of_vision_tower_is_refused(tmp_path):
    tower = str(CHECKPOINT.with_name("tiny-6b-qwen2"))
    recipe = write_project(tmp_path, 2, vision_tower_from=tower)
    with pytest.raises(RecipeError, match="another shape"):
        run(recipe, tmp_path / "out")
