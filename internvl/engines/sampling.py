"""The next token from the model's logits, by the library's processors and a seed of its own."""

import secrets

import torch
from transformers import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from internvl.chat import Settings


class Sampler:
    """Chooses the tokens of one answer. Greedy when the temperature is 0.

    `row` numbers the answers of a batch, whose seeds follow each other. The repetition penalty sees
    generated tokens only, as the official code does.
    """

    def __init__(self, settings: Settings, row: int = 0) -> None:
        self.seed = secrets.randbits(31) if settings.seed is None else settings.seed + row
        self.token_ids: list[int] = []
        self._greedy = settings.temperature == 0
        self._random = torch.Generator().manual_seed(self.seed)
        self._processors = LogitsProcessorList()
        if settings.repetition_penalty != 1:
            penalty = RepetitionPenaltyLogitsProcessor(settings.repetition_penalty)
            self._processors.append(penalty)
        if not self._greedy:
            self._processors.append(TemperatureLogitsWarper(settings.temperature))
            if settings.top_p < 1:
                self._processors.append(TopPLogitsWarper(settings.top_p))

    def choose(self, logits: torch.Tensor) -> int:
        """The next token for logits of shape (1, vocabulary); it is added to `token_ids`."""
        generated = torch.tensor([self.token_ids], device=logits.device).long()
        scores = self._processors(generated, logits.float())  # type: ignore[arg-type]
        if self._greedy:
            token = int(scores.argmax())
        else:
            chances = scores.softmax(-1).cpu()
            token = int(torch.multinomial(chances[0], 1, generator=self._random))
        self.token_ids.append(token)
        return token
