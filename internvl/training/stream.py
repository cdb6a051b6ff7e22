"""The sequences that one process learns from, in order, and where it is in them."""

import ctypes
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from torch.utils.data import DataLoader

from internvl.training.data import Corpus, Unusable
from internvl.training.packing import Pack, Packer, restore_packs
from internvl.training.preparation import Sample

_PR_SET_PDEATHSIG = 1


class Stream:
    """Every `processes`-th sample of a corpus, up to `end`, packed.

    `state` and `restore` continue it exactly: what has been taken from it stays taken, and samples
    waiting in open sequences are prepared again.
    """

    def __init__(
        self, corpus: Corpus, packer: Packer, end: int, rank: int, processes: int, workers: int
    ) -> None:
        self._corpus, self._packer, self._end = corpus, packer, end
        self._rank, self._processes, self._workers = rank, processes, workers
        self._next = rank
        self._unusable: list[Unusable] = []

    @property
    def done(self) -> int:
        """How many samples have left, or were unusable."""
        waiting = sum(len(pack.samples) for pack in self._packer.open)
        return (self._next - self._rank) // self._processes - waiting

    @property
    def unusable(self) -> list[Unusable]:
        """The samples that could not be prepared."""
        return self._unusable

    def packs(self) -> Iterator[Pack]:
        """The sequences that follow."""
        for item in self._read():
            self._next += self._processes
            if isinstance(item, Unusable):
                self._unusable.append(item)
            elif pack := self._packer.add(item):
                yield pack
        yield from self._packer.flush()

    def state(self) -> dict[str, Any]:
        """Where the stream is, as JSON values."""
        unusable = [asdict(item) for item in self._unusable]
        return {"next": self._next, "open": self._packer.positions(), "unusable": unusable}

    def restore(self, state: dict[str, Any]) -> None:
        """Go to where a stream was."""
        self._next = state["next"]
        self._unusable = [Unusable(**item) for item in state["unusable"]]
        waiting = []
        for pack in state["open"]:
            found = [self._corpus[position] for position in pack]
            self._unusable += [item for item in found if isinstance(item, Unusable)]
            waiting.append([item for item in found if isinstance(item, Sample)])
        restore_packs(self._packer, filter(None, waiting))

    def _read(self) -> Iterator[Sample | Unusable]:
        loader: DataLoader[Sample | Unusable] = DataLoader(
            self._corpus,
            batch_size=None,
            sampler=range(self._next, self._end, self._processes),
            num_workers=self._workers,
            prefetch_factor=4 if self._workers else None,
            worker_init_fn=_die_with_parent,
        )
        return iter(loader)


def _die_with_parent(worker: int) -> None:
    """Let a reading process end when the training is killed; by itself it can wait for ever.

    Its last samples would never find a reader, as it holds the other end of the pipe too.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
