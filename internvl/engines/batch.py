"""Several prompts answered at once: rows of one left-padded batch."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch

from internvl.chat import Settings
from internvl.engines.growing import new_cache
from internvl.engines.memory import prefill_on
from internvl.engines.pictures import Tile
from internvl.engines.prompt import Prompt
from internvl.engines.reader import Reader
from internvl.engines.sampling import Sampler
from internvl.engines.scheduler import Ticket
from internvl.model import Model, PieceStream

Returned = TypeVar("Returned")


@dataclass
class Row:
    """One prompt of the batch and its answer so far."""

    prompt: Prompt
    sampler: Sampler
    limit: int
    stop_id: int
    first: float = 0.0
    last: float = 0.0
    text: str = ""
    done: bool = False

    def choose(self, logits: torch.Tensor) -> int:
        """The next token for logits (1, vocabulary); the stop token again once it is done."""
        if self.done:
            return self.stop_id
        token = self.sampler.choose(logits)
        self.last = time.perf_counter()
        self.first = self.first or self.last
        self.done = token == self.stop_id or len(self.sampler.token_ids) >= self.limit
        return token


class Batch:
    """Rows of one forward pass: of all `prompts` those with the given numbers.

    Greedy answers equal those of single runs.
    """

    def __init__(
        self,
        model: Model,
        reader: Reader,
        prompts: Sequence[Prompt],
        numbers: range,
        settings: Settings,
    ) -> None:
        self._rows = [
            Row(
                prompts[number],
                Sampler(settings, number),
                min(settings.max_new_tokens, model.context_length - len(prompts[number].ids)),
                model.stop_id,
            )
            for number in numbers
        ]
        self._model, self._reader, self._forward = model, reader, reader.forward
        self._cache = new_cache()

    def answer(self, ticket: Ticket) -> list[Row]:
        """The rows, each with its answer."""
        visual: dict[Tile, torch.Tensor] = {}
        for row in self._rows:
            visual |= _finished(self._reader.read(row.prompt, 0, ticket))
        for step in self._steps(visual):
            _finished(ticket.wait())
            with ticket.step():
                step()
        return self._rows

    def _steps(self, visual: Mapping[Tile, torch.Tensor]) -> Iterator[Callable[[], None]]:
        """Short pieces of work to call one after the other; all is written after the last."""
        embeddings, self._mask = self._pad(visual)
        self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
        most = prefill_on(embeddings.device)
        for start in range(0, embeddings.shape[1], most):
            yield partial(self._prefill, embeddings, start, start + most)
        self._choose()
        while not all(row.done for row in self._rows):
            yield self._decode
            self._choose()
        self._write()

    def _pad(self, visual: Mapping[Tile, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs (rows, places, hidden) padded on the left, and their mask (rows, places)."""
        embedded = [
            self._forward.embed(row.prompt, visual, 0, len(row.prompt.ids))[0] for row in self._rows
        ]
        longest = max(len(places) for places in embedded)
        inputs = embedded[0].new_zeros(len(embedded), longest, embedded[0].shape[-1])
        mask = torch.zeros(len(embedded), longest, dtype=torch.long, device=inputs.device)
        for row, places in enumerate(embedded):
            inputs[row, longest - len(places) :] = places
            mask[row, longest - len(places) :] = 1
        return inputs, mask

    def _prefill(self, embeddings: torch.Tensor, start: int, end: int) -> None:
        self._logits = self._forward.extend(
            embeddings[:, start:end],
            self._cache,
            self._mask[:, :end],
            self._positions[:, start:end],
        )

    def _choose(self) -> None:
        self._tokens = [
            row.choose(logits[None]) for row, logits in zip(self._rows, self._logits, strict=True)
        ]

    def _decode(self) -> None:
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self._rows), 1)], dim=1)
        self._positions = self._positions[:, -1:] + 1
        self._logits = self._forward.extend_tokens(
            self._tokens, self._cache, self._mask, self._positions
        )

    def _write(self) -> None:
        for row in self._rows:
            pieces = PieceStream(self._model.tokenizer)
            ids = [token for token in row.sampler.token_ids if token != row.stop_id]
            row.text = "".join(map(pieces.push, ids)) + pieces.finish()


def _finished(steps: Generator[object, None, Returned]) -> Returned:
    """Run a generator to its end for what it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
