"""The command line and its environment variables, read before anything heavy is imported."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

EMBEDDED = Path(__file__).parents[1] / "assets" / "nano"
"""The folder of the model that comes with the project."""

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and exits with 2."""

    origin = ""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {self.origin}{message}\n")


def make_parser(space: bool = False) -> _Parser:
    """The command line; on a Space the page listens to everyone."""
    parser = _Parser(
        prog="app.py",
        description="Ask InternVL 2.5 about pictures and videos, in the browser.",
        epilog="Every option is also an environment variable: --max-tiles is INTERNVL_MAX_TILES. "
        "The command line wins.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    _add_model(parser.add_argument_group("model"))
    _add_limits(parser.add_argument_group("limits"))
    page = parser.add_argument_group("page")
    host = "0.0.0.0" if space else "127.0.0.1"
    page.add_argument("--host", default=host, help="address to listen on; 0.0.0.0 is everyone")
    page.add_argument("--port", type=_whole(1, 65535), default=7860, help="port to listen on")
    page.add_argument("--root-path", default="", help="path of the page behind a proxy")
    page.add_argument(
        "--share",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="a public link through Gradio's server",
    )
    page.add_argument(
        "--language", type=_one_of("auto", "en", "zh"), default="auto", help="auto, en or zh"
    )
    return parser


def parse(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
) -> argparse.Namespace:
    """The options, from the environment and then the command line. Exits with 2 if one is wrong."""
    environment = os.environ if environment is None else environment
    parser = make_parser(space="SPACE_ID" in environment)
    options = argparse.Namespace()
    for action in parser._actions:
        flag = action.option_strings[0]
        name = "INTERNVL_" + flag.lstrip("-").replace("-", "_").upper()
        if name in environment and action.dest != "help":
            parser.origin = f"{name}: "
            word = _from_environment(parser, action, flag, environment[name])
            parser.parse_args([word], options)
    parser.origin = ""
    options = parser.parse_args(arguments, options)
    options.model = _find_model(parser, options.model)
    return options


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--model",
        default=str(EMBEDDED),
        help="folder, Hugging Face id (OpenGVLab/InternVL2_5-1B) or a published model's name",
    )
    group.add_argument(
        "--quantization",
        type=_one_of("none", "8bit", "4bit"),
        default="none",
        help="none, 8bit or 4bit, of the language model",
    )
    group.add_argument(
        "--device",
        type=_one_of("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="auto, cpu, cuda or mps",
    )
    group.add_argument(
        "--dtype",
        type=_one_of("auto", "float32", "bfloat16", "float16"),
        default="auto",
        help="auto, float32, bfloat16 or float16",
    )
    group.add_argument(
        "--cuda-graphs",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="on one NVIDIA GPU, record the decoding of a token and replay it",
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    whole = _whole(1, 10**9)
    group.add_argument("--max-tiles", type=_whole(1, 64), default=24, help="most tiles a message")
    group.add_argument("--max-frames", type=_whole(1, 512), default=64, help="most frames a video")
    group.add_argument("--max-upload-mb", type=whole, default=200, help="largest file, in MB")
    group.add_argument(
        "--queue-length", type=whole, default=32, help="visitors who may wait for an answer"
    )
    group.add_argument(
        "--sessions", type=Path, default=Path("sessions"), help="folder for chats and uploads"
    )
    group.add_argument(
        "--session-hours", type=_positive, default=168.0, help="hours a session is kept unused"
    )


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(word: str) -> int:
        try:
            number = int(word)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {low} to {high}, not {word!r}"
            )
        return number

    return read


def _positive(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {word!r}")
    return number


def _one_of(*words: str) -> Callable[[str], str]:
    def read(word: str) -> str:
        if word not in words:
            raise argparse.ArgumentTypeError(f"must be one of {', '.join(words)}, not {word!r}")
        return word

    return read


def _from_environment(
    parser: argparse.ArgumentParser, action: argparse.Action, flag: str, word: str
) -> str:
    if not isinstance(action, argparse.BooleanOptionalAction):
        return f"{flag}={word}"
    if word.lower() not in (*_TRUE, *_FALSE):
        parser.error(f"must be one of {', '.join((*_TRUE, *_FALSE))}, not {word!r}")
    return flag if word.lower() in _TRUE else flag.replace("--", "--no-", 1)


def _find_model(parser: argparse.ArgumentParser, model: str) -> str:
    """The model's folder or id. Exits with 2 when it can be neither."""
    from internvl.model.zoo import find_entry

    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").exists():
            parser.error(f"argument --model: {model} has no config.json, so it is no model")
        return str(folder.resolve())
    if entry := find_entry(model):
        return entry.hub_id
    if folder.is_absolute() or model.startswith(".") or model.count("/") != 1:
        parser.error(
            f"argument --model: there is no folder {model}; "
            "give a folder or a Hugging Face id such as OpenGVLab/InternVL2_5-1B"
        )
    return model
