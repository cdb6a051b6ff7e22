"""The nano model's tokenizer: a byte-level BPE in the Qwen2 format, made for a small world.

Merges grow words from their first letter only (" c", " co", " col" ...), so a frequent word is one
token while a word to be read off a picture is spelled letter by letter.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from internvl.chat import SYSTEM_MESSAGE
from internvl.chat.template import REGION_PROMPT
from internvl.training.scenes import ASKED, draw

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<img>",
    "</img>",
    "<IMG_CONTEXT>",
    "<quad>",
    "</quad>",
    "<ref>",
    "</ref>",
    "<box>",
    "</box>",
)
_READ = ("text/word", "text/line", "documents/", "charts/", "boxes/", "talk/describe")
_WORD = re.compile(r" ?[A-Za-z]+")


def train_tokenizer(folder: Path, words: int = 700, scenes: int = 800) -> int:
    """Write the tokenizer files into `folder`; returns the number of tokens.

    At most `words` words become tokens: the frequent ones of `scenes` scenes of each kind.
    """
    merges = _merges(_frequent_words(words, scenes))
    tokens = [*_alphabet().values(), *("".join(pair) for pair in merges)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    added = {token: len(vocabulary) + number for number, token in enumerate(SPECIAL_TOKENS)}
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", "utf-8")
    _write(folder / "vocab.json", vocabulary)
    _write(folder / "added_tokens.json", added)
    names = {
        "additional_special_tokens": list(SPECIAL_TOKENS[1:]),
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
    }
    stops = {"eos_token_id": added["<|im_end|>"], "pad_token_id": added["<|endoftext|>"]}
    _write(folder / "generation_config.json", stops)
    _write(folder / "special_tokens_map.json", names)
    _write(folder / "tokenizer_config.json", _tokenizer_config(added, names))
    return len(vocabulary) + len(added)


def _tokenizer_config(added: dict[str, int], names: Mapping[str, object]) -> dict[str, object]:
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    decoder = {str(n): {"content": token, **flags, "special": True} for token, n in added.items()}
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": decoder,
        **names,
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "errors": "replace",
        "model_max_length": 16384,
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }


def _merges(words: list[str]) -> list[tuple[str, str]]:
    """Pairs to merge, in order; a word grows from its beginning by what follows."""
    alphabet = _alphabet()
    merges: dict[tuple[str, str], int] = {}
    for role, core in (("assistant", "ss"), ("system", "ys"), ("user", "us")):
        for pair in _grow_around(list(role), core):
            merges.setdefault(pair, len(merges))
    for piece in [*_system_pieces(), *words]:
        beginning, *rest = _apply(merges, [alphabet[byte] for byte in piece.encode()])
        for symbol in rest:
            merges.setdefault((beginning, symbol), len(merges))
            beginning += symbol
    return list(merges)


def _apply(merges: dict[tuple[str, str], int], symbols: list[str]) -> list[str]:
    """The symbols after byte-pair encoding with the merges so far."""
    while True:
        pairs = [pair for pair in pairwise(symbols) if pair in merges]
        if not pairs:
            return symbols
        best = min(pairs, key=merges.__getitem__)
        place = list(pairwise(symbols)).index(best)
        symbols = [*symbols[:place], "".join(best), *symbols[place + 2 :]]


def _grow_around(symbols: list[str], core: str) -> Iterator[tuple[str, str]]:
    """Merges from a rare pair of letters outwards, so that other words stay spelled out."""
    first = "".join(symbols).index(core)
    last = first + 2
    yield symbols[first], symbols[first + 1]
    while first > 0:
        yield symbols[first - 1], "".join(symbols[first:last])
        first -= 1
    while last < len(symbols):
        yield "".join(symbols[:last]), symbols[last]
        last += 1


def _system_pieces() -> list[str]:
    """The default system message as the Qwen2 pattern splits it: letters after one other sign."""
    return re.findall(r"\W?\w+|\W", SYSTEM_MESSAGE)


def _frequent_words(most: int, scenes: int) -> list[str]:
    """Words of the scenes' questions and answers, not those to be read off a picture.

    A word counts with the blank before it, or with its capital at the start of a line.
    """
    counts: Counter[str] = Counter()
    for kind in ASKED:
        for index in range(min(30, scenes) if kind == "photo" else scenes):
            for exchange in draw(kind, index, seed=2).exchanges:
                read = exchange.task.startswith(_READ)
                texts = [exchange.question] if read else [exchange.question, exchange.answer]
                for word in (word for text in texts for word in _WORD.findall(text)):
                    counts[word] += 1 if read else 10
    wanted = [*_WORD.findall(REGION_PROMPT), " Image", " Frame", " picture", "Image", "Frame"]
    counts.update(dict.fromkeys(wanted, 10**6))
    useful = [w for w, n in counts.most_common() if n >= 40 and (w[0] == " " or w[0].isupper())]
    return [word for word in useful if len(word) > 1][:most]


def _alphabet() -> dict[int, str]:
    """GPT-2's printable character for each byte, as byte-level BPE vocabularies write it."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in printable)
    characters = {byte: chr(byte) for byte in printable}
    characters |= {byte: chr(256 + number) for number, byte in enumerate(others)}
    return dict(sorted(characters.items()))


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
