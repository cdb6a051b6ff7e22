"""Text to token ids and back, for both tokenizers of InternVL 2.5.

Qwen2's is a byte-level BPE (vocab.json, merges.txt), InternLM2's a sentencepiece model. In a prompt
only markup becomes special tokens; typed text is tokenised as if there were none.
"""

import codecs
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from tokenizers import Tokenizer
from transformers import (
    LlamaTokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2Tokenizer,
)

from internvl.model.errors import ModelError

IMAGE_TOKEN = "<IMG_CONTEXT>"
STOP_TOKEN = "<|im_end|>"
SHOWN = frozenset(("<ref>", "</ref>", "<box>", "</box>", "<quad>", "</quad>"))
"""Special tokens that belong to an answer's text."""

_NEEDED = ("<|im_start|>", STOP_TOKEN, "<img>", "</img>", IMAGE_TOKEN)

Part = tuple[str, bool, bool]
"""A piece of a prompt: text, is it learned, is it markup (an `internvl.chat.Segment`)."""


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint folder, original or `-hf` layout; runs no remote code.

    Raises ModelError when there is none, or when it lacks InternVL's special tokens.
    """
    read = next((read for names, read in _READERS if _has(folder, names)), None)
    if read is None:
        raise ModelError(
            f"{folder} has no tokenizer: expected vocab.json and merges.txt, tokenizer.model or "
            "tokenizer.json."
        )
    try:
        tokenizer = read(folder)
    except Exception as error:  # the tokenizers library raises nothing more precise
        raise ModelError(f"The tokenizer in {folder} can't be read: {error}.") from error
    missing = [token for token in _NEEDED if token not in tokenizer.get_added_vocab()]
    if missing:
        raise ModelError(f"The tokenizer in {folder} lacks {', '.join(missing)}.")
    return tokenizer


def _internlm2_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """InternLM2's tokenizer from the sentencepiece model alone.

    The model holds `[UNUSED_TOKEN_n]` where the special tokens belong. They are renamed first:
    otherwise the special tokens get new ids, and a typed `[UNUSED_TOKEN_145]` starts a turn.
    """
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto.FromString(  # type: ignore[attr-defined]
        (folder / "tokenizer.model").read_bytes()
    )
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    for token_id, token in settings.get("added_tokens_decoder", {}).items():
        if int(token_id) < len(proto.pieces):
            proto.pieces[int(token_id)].piece = token["content"]
    with tempfile.TemporaryDirectory() as renamed:
        Path(renamed, "tokenizer.model").write_bytes(proto.SerializeToString())
        for name in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, Path(renamed, name))
        tokenizer: PreTrainedTokenizerBase = LlamaTokenizer.from_pretrained(
            renamed,
            add_prefix_space=proto.normalizer_spec.add_dummy_prefix,
            add_bos_token=True,
        )
    tokenizer.name_or_path = str(folder)
    return tokenizer


def _has(folder: Path, names: Iterable[str]) -> bool:
    return all((folder / name).is_file() for name in names)


_READERS: tuple[tuple[tuple[str, ...], Callable[[Path], PreTrainedTokenizerBase]], ...] = (
    (("tokenizer.json",), PreTrainedTokenizerFast.from_pretrained),
    (("tokenizer.model", "tokenizer_config.json"), _internlm2_tokenizer),
    (("vocab.json", "merges.txt"), Qwen2Tokenizer.from_pretrained),
)
"""Which files make a tokenizer; the first that are there count."""


def token_id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    """The id of a token by its name."""
    return cast(int, tokenizer.convert_tokens_to_ids(token))


def encode(
    tokenizer: PreTrainedTokenizerBase, parts: Iterable[Part]
) -> tuple[list[int], list[bool]]:
    """Token ids of a prompt, and for each whether it is learned in training.

    Adjacent parts that are not markup are tokenised as one span, without special tokens; where a
    span turns from not learned to learned, the border is the tokenised length of what precedes it
    (as in internvl_chat/internvl/train/dataset.py). Markup goes in by name. Raises ValueError for
    markup the tokenizer doesn't know.
    """
    vocabulary = _vocabulary(tokenizer)
    ids = list(vocabulary.opening)
    learned = [False] * len(ids)
    for markup, group in groupby(parts, key=lambda part: part[2]):
        pieces = [(text, learn) for text, learn, _ in group]
        new_ids, new_learned = (vocabulary.markup if markup else vocabulary.span)(pieces)
        ids += new_ids
        learned += new_learned
    return ids, learned


class PieceStream:
    """Token ids one by one to text pieces; together the pieces are exactly the decoded text.

    A piece comes as soon as its characters are whole. Bytes that are no UTF-8 become U+FFFD.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._vocabulary = _vocabulary(tokenizer)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """The text that this token completes; often one word, sometimes nothing."""
        return self._decoder.decode(self._vocabulary.bytes_of(token_id))

    def finish(self) -> str:
        """What is left of an unfinished character."""
        return self._decoder.decode(b"", final=True)


@dataclass(frozen=True)
class _Vocabulary:
    """What encoding and decoding need from a tokenizer, without its mutable state.

    `plain` tokenises without special tokens, `opening` are the ids every prompt starts with.
    """

    plain: Tokenizer
    opening: tuple[int, ...]
    names: dict[str, int]
    hidden: frozenset[int]
    byte_level: bool
    added: dict[int, str]

    def markup(self, pieces: Sequence[tuple[str, bool]]) -> tuple[list[int], list[bool]]:
        ids: list[int] = []
        learned: list[bool] = []
        for text, learn in pieces:
            found = self._split_markup(text)
            ids += [self.names[token] for token in found]
            learned += [learn] * len(found)
        return ids, learned

    @cached_property
    def _named(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, sorted(self.names, key=len, reverse=True))))

    def _split_markup(self, text: str) -> list[str]:
        found = self._named.findall(text)
        if sum(map(len, found)) != len(text):
            rest = self._named.sub("", text)
            raise ValueError(f"the tokenizer has no special token for {rest[:40]!r}")
        return found

    def span(self, pieces: Sequence[tuple[str, bool]]) -> tuple[list[int], list[bool]]:
        merged = [
            (learn, "".join(text for text, _ in group))
            for learn, group in groupby(pieces, key=lambda piece: piece[1])
        ]
        ids = self.text_ids("".join(text for _, text in merged))
        learned: list[bool] = []
        before = ""
        for learn, text in merged[:-1]:
            before += text
            learned += [learn] * (min(len(self.text_ids(before)), len(ids)) - len(learned))
        learned += [merged[-1][0]] * (len(ids) - len(learned))
        return ids, learned

    def text_ids(self, text: str) -> list[int]:
        whole = text.encode("utf-8", "replace").decode()  # a lone surrogate can't be tokenised
        ids: list[int] = self.plain.encode(whole, add_special_tokens=False).ids
        return ids

    def bytes_of(self, token_id: int) -> bytes:
        if token_id in self.hidden:
            return b""
        if token_id in self.added:
            return self.added[token_id].encode()
        token = self.plain.id_to_token(token_id)
        if token is None:
            return b""
        if self.byte_level:
            return bytes(_BYTES[character] for character in token)
        if re.fullmatch(r"<0x[0-9A-F]{2}>", token):
            return bytes([int(token[3:5], 16)])
        return token.replace("▁", " ").encode()


@lru_cache(maxsize=4)
def _vocabulary(tokenizer: Any) -> _Vocabulary:
    added = tokenizer.added_tokens_decoder
    names = {token.content: token_id for token_id, token in added.items()}
    data = json.loads(tokenizer.backend_tokenizer.to_str())
    return _Vocabulary(
        plain=_plain(data, names),
        opening=tuple(tokenizer("")["input_ids"]),
        names=names,
        hidden=frozenset(i for i, t in added.items() if t.special and t.content not in SHOWN),
        byte_level="ByteLevel" in json.dumps(data["decoder"]),
        added={token_id: name for name, token_id in names.items()},
    )


def _plain(data: dict[str, Any], names: dict[str, int]) -> Tokenizer:
    """The tokenizer without its special tokens, and without a way to spell one by merging."""
    merges = [pair for pair in data["model"]["merges"] if "".join(pair) not in names]
    model = {**data["model"], "merges": merges}
    return Tokenizer.from_str(
        json.dumps({**data, "model": model, "added_tokens": [], "post_processor": None})
    )


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable character for each byte, backwards."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    characters = {chr(byte): byte for byte in printable}
    return characters | {chr(256 + n): byte for n, byte in enumerate(rest)}


_BYTES = _byte_alphabet()
