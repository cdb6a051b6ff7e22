"""One stage of a recipe from its first sequence to its checkpoint, resumable at every step."""

import math
import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from internvl.training.checkpoints import Checkpoints, whole_weights
from internvl.training.data import Corpus, Unusable
from internvl.training.distribution import Distribution
from internvl.training.drop_path import drop_path
from internvl.training.log import Entry, Log
from internvl.training.lora import add_lora, merge, save_adapter
from internvl.training.loss import Learner, sum_losses
from internvl.training.mixture import read_mixture
from internvl.training.network import (
    open_model,
    set_training,
    take_vision_tower,
    write_model,
)
from internvl.training.packing import Batch, Pack, Packer, collate
from internvl.training.preparation import Format
from internvl.training.shares import Shares, agree
from internvl.training.stages import Recipe, RecipeError
from internvl.training.stream import Stream

MANY = 20  # lines on unusable samples


class TrainingError(RuntimeError):
    """Training can't go on; the message says why and what to do."""


class Run:
    """Trains one stage; `folder` gets its log, its checkpoints, and in the end its model."""

    def __init__(
        self,
        recipe: Recipe,
        name: str,
        start: Path,
        folder: Path,
        accelerator: Accelerator,
        vision_tower_from: str | None = None,
    ) -> None:
        self.recipe, self.name, self.stage = recipe, name, recipe.stages[name]
        self.start, self.folder, self.accelerator = start, folder, accelerator
        self.passes = self._passes()
        model = open_model(start)
        if vision_tower_from:
            take_vision_tower(model.network, vision_tower_from)
        self.tile_size = model.tile_size
        self.vision_tower = model.network.model.vision_tower
        self.corpus, self.stream, self.total = self._open_data(
            Format(
                model.tokenizer,
                model.tile_size,
                model.tokens_per_tile,
                min(recipe.context, model.context_length),
                recipe.tiles_per_sequence,
            )
        )
        self.distribution = Distribution(recipe, self.stage, accelerator)
        self.learner, self.optimizer = self.distribution.spread(self._prepare(model.network))
        self.checkpoints = Checkpoints(
            folder / "checkpoints", accelerator.process_index, accelerator.num_processes
        )
        self.step = self.done = 0

    def resume(self) -> None:
        """Go to the last checkpoint, if there is one. Raises TrainingError."""
        path = self.checkpoints.latest()
        if path is None:
            return
        try:
            state = self.checkpoints.restore(path, self.learner, self.optimizer)
        except ValueError as error:
            raise TrainingError(str(error)) from error
        if state["samples"] != self.corpus.size:
            raise TrainingError(
                f"{path} was written when the mixture had {state['samples']:,} samples, and now it "
                f"has {self.corpus.size:,}: restore the data, or choose another --output"
            )
        self.step, self.done = state["step"], state["done"]
        self.stream.restore(state["stream"])

    def train(self, deadline: float) -> bool:
        """Take the steps that are left and write the model; False if the deadline came before.

        The deadline is a time of `time.monotonic`.
        """
        packs = self.stream.packs()
        with self._open_log() as log, drop_path(self.vision_tower, self.stage.drop_path):
            while True:
                batches = self._take(packs)
                late = time.monotonic() > deadline
                shares = agree(batches, self.stream.done, late, self.accelerator)
                if not shares.sequences:
                    break
                self._learn(batches, shares, log)
                if shares.stop or self.step % self.recipe.checkpoint_every == 0:
                    self._save()
                if shares.stop:
                    return False
        self._finish()
        return True

    def _passes(self) -> int:
        """Forward passes per step and process."""
        processes, rows = self.accelerator.num_processes, self.recipe.rows
        if self.stage.batch % (processes * rows):
            raise RecipeError(
                f"stage {self.name} has a batch of {self.stage.batch} sequences, which "
                f"{processes} processes with {rows} rows each can't share "
                f"equally; set `batch` to a multiple of {processes * rows}"
            )
        return self.stage.batch // int(processes * rows)

    def _open_data(self, form: Format) -> tuple[Corpus, Stream, int]:
        """The stage's samples, this process's stream of them, and how many there are in all."""
        recipe, stage = self.recipe, self.stage
        corpus = Corpus(
            read_mixture(stage.mixture or recipe.mixture),
            form,
            f"{recipe.seed} {self.name}",
            recipe.video_frames,
            recipe.random_jpeg,
            stage.max_tiles,
        )
        packer = Packer(form.max_tokens, form.max_tiles, recipe.buffers if recipe.packing else 0)
        total = max(1, round(corpus.size * stage.epochs))
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        return corpus, Stream(corpus, packer, total, rank, processes, recipe.workers), total

    def _prepare(self, network: torch.nn.Module) -> Learner:
        if self.stage.lora:
            torch.manual_seed(self.recipe.seed)
            add_lora(network, self.stage.lora)
        set_training(network, self.stage, self.recipe)
        return Learner(network)

    def _open_log(self) -> AbstractContextManager[Log | None]:
        """The log, on the main process."""
        if not self.accelerator.is_main_process:
            return nullcontext()
        return Log(self.folder / "log.csv", self.step, f"stage {self.name}", self.total)

    def _take(self, packs: Iterator[Pack]) -> list[Batch]:
        """This process's batches of the next step; fewer, or none, when the data ends."""
        rows, loss = self.recipe.rows, self.recipe.loss
        taken = list(islice(packs, self.passes * rows))
        groups = [taken[first : first + rows] for first in range(0, len(taken), rows)]
        return [collate(group, self.tile_size, loss) for group in groups]

    def _learn(self, batches: list[Batch], shares: Shares, log: Log | None) -> None:
        """One optimizer step."""
        began = time.monotonic()
        self._seed()
        rate = self._set_rate((self.done + shares.done) / 2 / self.total)
        loss = self._backward(batches, shares)
        norm = self.distribution.clip(self.learner)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise TrainingError(
                f"step {self.step + 1} of stage {self.name} has loss {loss} and gradient norm "
                f"{norm}; lower the learning rate, or set precision to no, and continue with "
                "--resume from the last checkpoint"
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step, self.done = self.step + 1, shares.done
        if log:
            seconds = time.monotonic() - began
            log.add(self._entry(shares, loss, rate, norm, seconds), self.done)

    def _seed(self) -> None:
        """What is random in a step (drop path, dropout) depends on nothing but its number."""
        name = f"{self.recipe.seed} {self.name} {self.step} {self.accelerator.process_index}"
        torch.manual_seed(random.Random(name).getrandbits(62))

    def _set_rate(self, progress: float) -> float:
        rate = self.stage.rate(progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def _backward(self, batches: list[Batch], shares: Shares) -> float:
        """Gradients of the step's loss; processes average theirs, so each scales by how many."""
        scale = self.accelerator.num_processes / (shares.weight or 1.0)
        loss = torch.zeros((), device=self.accelerator.device)
        for number in range(shares.passes):
            batch = batches[number] if number < len(batches) else collate([], self.tile_size)
            with self.distribution.pass_of(self.learner, number == shares.passes - 1):
                part = sum_losses(self.learner, batch, self.accelerator.device) * scale
                self.accelerator.backward(part)
            loss += part.detach()
        return float(self.accelerator.reduce(loss, "mean"))

    def _entry(
        self, shares: Shares, loss: float, rate: float, norm: float, seconds: float
    ) -> Entry:
        return Entry(
            step=self.step,
            progress=self.done / self.total,
            loss=loss,
            learning_rate=rate,
            gradient_norm=norm,
            samples=shares.samples,
            sequences=shares.sequences,
            tokens=shares.tokens,
            padding=1 - shares.tokens / shares.places,
            unpacked_padding=1 - shares.tokens / shares.unpacked,
            seconds=seconds,
        )

    def _save(self) -> None:
        counts = {"step": self.step, "done": self.done, "samples": self.corpus.size}
        state = {**counts, "stream": self.stream.state()}
        self.checkpoints.save(self.step, self.learner, self.optimizer, state)

    def _finish(self) -> None:
        """Write the model and the report, and delete the checkpoints."""
        unusable: list[Unusable] = gather_object(self.stream.unusable)
        if not self.step:
            reasons = sorted({item.reason for item in unusable})[:3]
            raise TrainingError(f"not one sample could be used: {'; '.join(reasons)}")
        weights = whole_weights(self.learner)
        if self.accelerator.is_main_process:
            lines = self.corpus.write_report(self.folder / "report.json", unusable)
            more = [f"... and more in {self.folder / 'report.json'}"] if len(lines) > MANY else []
            for line in lines[:MANY] + more:
                self.accelerator.print(line)
            if self.stage.lora:
                adapter = self.folder / "adapter"
                save_adapter(weights, self.stage.lora, self.start, adapter)
                merge(adapter, self.folder / "model", self.start)
            else:
                write_model(self.start, weights, self.folder / "model")
        self.checkpoints.remove()
