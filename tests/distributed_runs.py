"""Started twice by tests/test_distributed.py: the same training replicated and sharded."""

import sys
from pathlib import Path

import torch
from accelerate import Accelerator

from internvl.training import loop
from internvl.training.recipe_files import read_recipe


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    if Accelerator().num_processes != 2:
        sys.exit("this needs two processes")
    for name in ("replicated", "sharded"):
        recipe = read_recipe(folder / f"{name}.json")
        stopped = loop.train(recipe, ["2"], folder / name, minutes=0)
        assert not stopped
        assert loop.train(recipe, ["2"], folder / name, resume=True)


if __name__ == "__main__":
    main()
