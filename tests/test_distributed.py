"""Two processes on the CPU come to the losses and weights of one, replicated and sharded."""

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file
from training_project import annotation, forget_accelerate, stage, write_json, write_project

from internvl.training import loop
from internvl.training.log import read_log
from internvl.training.recipe_files import read_recipe

# `accelerate launch` starts one process only on CPUs; on GPUs it does what this does.
LAUNCH = "-m torch.distributed.run --standalone --nproc_per_node 2 tests/distributed_runs.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three runs: "alone" in this process, the others in two; text without pictures is mixed in.

    Seven samples in steps of four: the last step is uneven, and one process runs out of data.
    """
    folder = tmp_path_factory.mktemp("distributed")
    trains = ["vision_tower", "projector", "language_model"]
    stages = {"2": stage(trains=trains, batch=4, epochs=2, learning_rate=5e-4)}
    recipe = write_project(folder, 5, packing=False, stages=stages)
    with (folder / "discs.jsonl").open("a") as file:
        for answer in ("A text.", "Another text, which is longer than the first."):
            file.write(json.dumps(annotation(None, "What is this?", answer)) + "\n")
    write_json(folder / "replicated.json", {"extends": str(recipe)})
    write_json(folder / "sharded.json", {"extends": str(recipe), "shard": True})
    command = [sys.executable, *LAUNCH.split()]
    cpu = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": "."}
    launched = subprocess.Popen(
        [*command, str(folder)],
        env={**os.environ, **cpu},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    forget_accelerate()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    loop.train(read_recipe(recipe), ["2"], folder / "alone")
    torch.set_num_threads(threads)
    output, _ = launched.communicate(timeout=300)
    assert launched.returncode == 0, output
    return folder


@pytest.mark.parametrize("name", ["replicated", "sharded"])
def test_two_processes_learn_as_one(folder, name):
    alone, together = (read_log(folder / run / "stage-2" / "log.csv") for run in ("alone", name))
    assert [entry.samples for entry in alone] == [4, 4, 4, 2]
    for expected, found in zip(alone, together, strict=True):
        assert found.loss == pytest.approx(expected.loss, rel=1e-5)
        assert found.gradient_norm == pytest.approx(expected.gradient_norm, rel=1e-4)
        assert (found.samples, found.tokens) == (expected.samples, expected.tokens)
        assert found.learning_rate == pytest.approx(expected.learning_rate)


@pytest.mark.parametrize("name", ["replicated", "sharded"])
def test_two_processes_write_the_weights_of_one(folder, name):
    alone, together = (
        load_file(folder / run / "stage-2" / "model" / "model.safetensors")
        for run in ("alone", name)
    )
    assert list(alone) == list(together)
    for key, weight in alone.items():
        torch.testing.assert_close(together[key], weight, rtol=1e-3, atol=2e-5)
