"""Answers with a model in this process.

    engine = LocalEngine(load_model("assets/nano"))
    for event in engine.stream(conversation, Settings()):
        ...

Given a loader instead of a model, it loads behind the page and reports `Loading` until then.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cached_property

import torch

from internvl.chat import Conversation, Settings, freeze
from internvl.engines.background import in_background, until_done
from internvl.engines.base import (
    EngineError,
    Estimate,
    Event,
    Loading,
    OutOfMemory,
    Reading,
    Receipt,
    Text,
    Waiting,
)
from internvl.engines.batch import Batch
from internvl.engines.cache import ByteCache, Prefix, PrefixCache
from internvl.engines.costs import Costs
from internvl.engines.decoding import Decoder, Recorder
from internvl.engines.pictures import Tile
from internvl.engines.prompt import Prompt, build_prompt
from internvl.engines.reader import Reader
from internvl.engines.sampling import Sampler
from internvl.engines.scheduler import Scheduler, Ticket
from internvl.model import Model, ModelError, PieceStream

Loader = Callable[[Callable[[float], None]], Model]
"""Loads a model, calling what it is given with the fraction done."""

Times = tuple[float, float]
"""When the first and the last token came, by time.perf_counter()."""


class LocalEngine:
    """One model for all conversations, which take turns by tile, prompt piece and token.

    `visual_bytes` and `prefix_bytes` bound what is kept: visual tokens by picture, and keys and
    values by conversation. `recorder_for` records a model's decoding (`decoding.graphs_for`).
    """

    def __init__(
        self,
        model: Model | Loader,
        *,
        visual_bytes: int = 2**30,
        prefix_bytes: int = 2 * 2**30,
        queue_length: int = 32,
        recorder_for: Callable[[Model], Recorder | None] = lambda _: None,
    ) -> None:
        self._fraction, self._recorder_for = 0.0, recorder_for
        self._scheduler = Scheduler(waiting=queue_length)
        self._visual = ByteCache[Tile, torch.Tensor](visual_bytes, lambda tokens: tokens.nbytes)
        self._prefixes = PrefixCache(prefix_bytes)
        if isinstance(model, Model):
            self._model: Future[Model] = Future()
            self._model.set_result(model)
        else:
            self._model = in_background(lambda: self._warm(model(self._report)))

    @property
    def model(self) -> Model:
        """The model, once it is loaded. Raises EngineError when it can't be."""
        try:
            return self._model.result()
        except ModelError as error:
            raise EngineError(str(error)) from error

    @property
    def loading(self) -> float | None:
        """The fraction loaded, or None when there is nothing to wait for."""
        return None if self._model.done() else self._fraction

    def estimate(self, conversation: Conversation, settings: Settings) -> Estimate:
        """The cost of the conversation as it stands. Raises PromptTooLong, AttachmentError."""
        return self._costs.estimate(conversation.id, self._prompt(conversation, settings), settings)

    def prepare(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        """Read everything up to the last picture ahead, so that only the question is left."""
        yield from self._open(conversation, settings)
        with self._scheduler.enter(answer=False) as ticket, self._memory():
            prompt = self._prompt(conversation, settings)
            with self._prefixes.use(conversation.id, prompt.content, ahead=True) as prefix:
                self._costs.check(prompt, prefix, settings)
                for event in self._read_ahead(prompt, prefix, ticket):
                    yield event
                    if prefix.wanted:
                        return

    def stream(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        """Answer the last turn, or go on with its answer: `Waiting`, `Reading`, `Text`, `Receipt`.

        Raises ValueError when there is no question, EngineError and AttachmentError.
        """
        _check_asked(conversation)
        started = time.perf_counter()
        yield from self._open(conversation, settings)
        with self._scheduler.enter(answer=True) as ticket, self._memory():
            prompt = self._prompt(conversation, settings)
            with self._prefixes.use(conversation.id, prompt.content) as prefix:
                cached = len(prefix.content)
                self._costs.check(prompt, prefix, settings)
                visual = yield from self._reader.read(prompt, cached, ticket)
                end = len(prompt.ids)
                logits = yield from self._reader.prefill(prompt, end, prefix, visual, ticket)
                sampler = Sampler(settings)
                limit = min(settings.max_new_tokens, self.model.context_length - end)
                times = yield from self._generate(logits, sampler, limit, prefix, ticket)
            yield self._receipt(prompt, cached, sampler, started, times)

    def answer_batch(
        self, conversations: Sequence[Conversation], settings: Settings
    ) -> list[tuple[str, Receipt]]:
        """Answer the last turn of each conversation, as many at once as there is memory for.

        Raises OutOfMemory, before anything is read, when one of them has no room alone.
        """
        for conversation in conversations:
            _check_asked(conversation)
        started = time.perf_counter()
        with self._scheduler.enter(answer=True) as ticket, self._memory():
            prompts = [self._prompt(conversation, settings) for conversation in conversations]
            return [
                (
                    row.text,
                    self._receipt(row.prompt, 0, row.sampler, started, (row.first, row.last)),
                )
                for numbers in self._costs.batches(prompts, settings)
                for row in Batch(self.model, self._reader, prompts, numbers, settings).answer(
                    ticket
                )
            ]

    def forget(self, conversation_id: str) -> None:
        """Drop what is kept for a conversation."""
        self._prefixes.forget(conversation_id)

    def _report(self, fraction: float) -> None:
        self._fraction = fraction

    def _warm(self, model: Model) -> Model:
        if recorder := self._recorder_for(model):
            self._decoder = Decoder(model, recorder)
            self._decoder.warm_up()
        return model

    @cached_property
    def _decoder(self) -> Decoder:
        return Decoder(self.model, self._recorder_for(self.model))

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.model, self._visual, self._costs.speeds)

    @cached_property
    def _costs(self) -> Costs:
        return Costs(self.model, self._visual, self._prefixes)

    def _prompt(self, conversation: Conversation, settings: Settings) -> Prompt:
        return build_prompt(self.model, self._reader.pictures, conversation, settings)

    def _open(self, conversation: Conversation, settings: Settings) -> Iterator[Event]:
        """Wait for the model, for clips to be decoded, and for whoever reads ahead to give way."""
        for _ in until_done(self._model):
            yield Loading(self._fraction)
        for turn in conversation.turns:
            for _ in self._reader.pictures.opening(freeze(turn.attachments, settings)):
                yield Waiting(0)
        for _ in self._prefixes.claim(conversation.id):
            yield Reading(0, 0)  # nobody else is before it

    @contextmanager
    def _memory(self) -> Iterator[None]:
        """Free what is kept when the memory is full, so that the next request has a chance."""
        try:
            yield
        except OutOfMemory:
            self._visual.clear()
            self._prefixes.clear()
            self._decoder.drop()
            torch.cuda.empty_cache()
            raise

    def _read_ahead(self, prompt: Prompt, prefix: Prefix, ticket: Ticket) -> Iterator[Event]:
        """Everything up to the last picture."""
        if len(prompt.slots):
            visual = yield from self._reader.read(prompt, len(prefix.content), ticket)
            end = int(prompt.slots[-1]) + 1
            yield from self._reader.prefill(prompt, end, prefix, visual, ticket)

    def _generate(
        self, logits: torch.Tensor, sampler: Sampler, limit: int, prefix: Prefix, ticket: Ticket
    ) -> Generator[Event, None, Times]:
        """Write the answer token by token; when the first and the last one came."""
        pieces = PieceStream(self.model.tokenizer)
        first = None
        with self._decoder.begin(prefix, limit) as decode:
            while True:
                token = sampler.choose(logits)
                now = time.perf_counter()
                first = first or now
                if token == self.model.stop_id:
                    break
                yield Text(pieces.push(token))
                if len(sampler.token_ids) >= limit:
                    break
                yield from ticket.wait()
                with ticket.step():
                    logits = decode(token)
        if rest := pieces.finish():
            yield Text(rest)
        return first, now

    def _receipt(
        self, prompt: Prompt, cached: int, sampler: Sampler, started: float, times: Times
    ) -> Receipt:
        first, last = times
        generated = len(sampler.token_ids)
        return Receipt(
            tiles=len(prompt.tiles),
            visual_tokens=len(prompt.slots),
            prompt_tokens=len(prompt.ids),
            cached_tokens=cached,
            generated_tokens=generated,
            token_ids=list(sampler.token_ids),
            seconds_to_first=first - started,
            tokens_per_second=(generated - 1) / (last - first) if last > first else 0.0,
            seed=sampler.seed,
            finish_reason="stop" if sampler.token_ids[-1] == self.model.stop_id else "length",
        )


def _check_asked(conversation: Conversation) -> None:
    if not conversation.turns:
        raise ValueError("there is no question in the conversation")
