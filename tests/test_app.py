"""The command line of app.py: flags, their environment variables, and wrong values."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from scripted_engine import ScriptedEngine

import app
from internvl.chat import SessionStore
from internvl.options import EMBEDDED, make_parser, parse
from internvl.ui.serve import serve

MODEL = Path(__file__).parent / "data" / "golden" / "tiny-300m-qwen2"
USUAL = ["--model", str(MODEL)]


def test_the_usual_values():
    options = parse(USUAL, {})
    assert (options.host, options.port, options.share) == ("127.0.0.1", 7860, False)
    assert (options.max_tiles, options.max_frames, options.quantization) == (24, 64, "none")
    assert options.model == str(MODEL.resolve())
    assert make_parser().get_default("model") == str(EMBEDDED)


def test_a_space_listens_to_everyone():
    assert parse(USUAL, {"SPACE_ID": "someone/internvl"}).host == "0.0.0.0"
    assert parse([*USUAL, "--host", "::1"], {"SPACE_ID": "someone/internvl"}).host == "::1"


def test_every_flag_is_an_environment_variable():
    flags = {
        "MODEL": str(MODEL), "QUANTIZATION": "4bit", "DEVICE": "cpu", "DTYPE": "float32",
        "MAX_TILES": "6", "MAX_FRAMES": "8", "MAX_UPLOAD_MB": "9", "QUEUE_LENGTH": "3",
        "SESSIONS": "here", "SESSION_HOURS": "1.5", "HOST": "0.0.0.0", "PORT": "8000",
        "ROOT_PATH": "/demo", "SHARE": "yes", "LANGUAGE": "zh", "CUDA_GRAPHS": "off",
    }  # fmt: skip
    own = {action.dest for action in make_parser()._actions} - {"help"}
    assert own == {name.lower() for name in flags}
    options = vars(parse([], {f"INTERNVL_{name}": value for name, value in flags.items()}))
    usual = vars(parse(USUAL, {}))
    assert [name for name in own if options[name] == usual[name]] == ["model"]


def test_the_command_line_wins():
    environment = {"INTERNVL_PORT": "8000", "INTERNVL_SHARE": "1"}
    options = parse([*USUAL, "--port", "9000", "--no-share"], environment)
    assert (options.port, options.share) == (9000, False)


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--port", "x"], {}, "argument --port: must be a whole number from 1 to 65535, not 'x'"),
        (["--max-tiles", "0"], {}, "from 1 to 64, not '0'"),
        (["--quantization", "2bit"], {}, "must be one of none, 8bit, 4bit, not '2bit'"),
        (["--session-hours", "nan"], {}, "must be a number above 0, not 'nan'"),
        (["--tiles", "3"], {}, "unrecognized arguments: --tiles"),
        (["--model", "./nowhere"], {}, "there is no folder ./nowhere"),
        (["--model", "tests/data"], {}, "has no config.json"),
        ([], {"INTERNVL_PORT": "x"}, "INTERNVL_PORT: argument --port: must be a whole number"),
        ([], {"INTERNVL_SHARE": "maybe"}, "INTERNVL_SHARE: must be one of 1, true"),
    ],
)
def test_a_wrong_value_is_one_line_and_exit_code_2(arguments, environment, sentence, capsys):
    with pytest.raises(SystemExit) as exit_:
        parse([*USUAL, *arguments] if "--model" not in arguments else arguments, environment)
    assert exit_.value.code == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_help_is_complete_and_loads_nothing_heavy():
    code = (
        "import sys, runpy; sys.argv = ['app.py', '--help']\n"
        "try: runpy.run_path('app.py', run_name='__main__')\n"
        "except SystemExit as done: assert not done.code, done.code\n"
        "heavy = {'torch', 'gradio', 'transformers', 'PIL', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("INTERNVL_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env=environment, cwd=Path(app.__file__).parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for action in make_parser()._actions:
        assert action.help
        assert action.option_strings[0] in done.stdout
    assert "INTERNVL_MAX_TILES" in done.stdout


def test_a_model_by_name_or_in_the_home_folder(monkeypatch, tmp_path):
    assert parse(["--model", "internvl2_5-8b"], {}).model == "OpenGVLab/InternVL2_5-8B"
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    assert parse(["--model", "~/mine"], {}).model == str((tmp_path / "mine").resolve())


def test_the_sizes_of_both_layouts_are_read(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps(
            {
                "downsample_ratio": 0.5,
                "image_seq_length": 64,
                "vision_config": {"image_size": [224, 224], "patch_size": [14, 14]},
            }
        )
    )
    shown = app.about(str(tmp_path))
    assert (shown.tile_size, shown.tokens_per_tile) == (224, 64)


@pytest.mark.parametrize("damaged", ["{", "[]", "{}", '{"vision_config": {"image_size": "x"}}'])
def test_a_damaged_configuration_is_one_line(tmp_path, damaged, monkeypatch, capsys):
    (tmp_path / "config.json").write_text(damaged)
    monkeypatch.setattr(sys, "argv", ["app.py", "--model", str(tmp_path)])
    assert app.main() == 2
    said = capsys.readouterr().err
    assert str(tmp_path) in said
    assert said.count("\n") == 1


@pytest.fixture
def start(monkeypatch, tmp_path):
    """A function that starts the page over a scripted engine, with a server of the test's own."""

    def main(serve, *arguments):
        monkeypatch.setattr("internvl.ui.serve.serve", serve)
        monkeypatch.setattr("internvl.engines.LocalEngine", lambda *a, **o: ScriptedEngine())
        given = ["--sessions", str(tmp_path / "sessions"), *arguments]
        monkeypatch.setattr(sys, "argv", ["app.py", *USUAL, *given])
        return app.main()

    return main


def test_a_taken_port_is_said(start, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert start(serve, "--port", str(port)) == 1
    told = f"app.py: port {port} of 127.0.0.1: it is taken; please choose another with --port"
    assert told in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_not_called_a_port(start, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert start(lambda page, **options: None, "--sessions", str(tmp_path / "file" / "s")) == 1
    said = capsys.readouterr().err
    assert "--sessions" in said
    assert "port" not in said


def test_small_limits_reach_the_page(start):
    pages = []
    flags = ["--max-tiles", "4", "--max-frames", "8"]
    assert start(lambda page, **options: pages.append(page), *flags) == 0
    sliders = {b.elem_id: b for b in pages[0].blocks.values() if getattr(b, "elem_id", None)}
    for name, most in (("max_tiles", 4), ("max_frames", 8)):
        assert (sliders[name].value, sliders[name].maximum) == (most, most)


def test_whether_a_published_model_fits_is_said(monkeypatch):
    from internvl.model import zoo

    monkeypatch.setattr(zoo, "available_memory", lambda: 4 * 10**9)
    said = app.memory_sentence("OpenGVLab/InternVL2_5-1B", "none", "auto")
    assert "InternVL2_5-1B needs about 2" in said
    assert said.endswith("4.0 GB are free: it fits.")
    eight = app.memory_sentence("OpenGVLab/InternVL2_5-1B", "8bit", "cpu")
    assert "needs about 2" in eight, "8 bit on a CPU is made of what was loaded whole"
    said = app.memory_sentence("OpenGVLab/InternVL2_5-78B", "none", "auto")
    assert "may not fit; try a smaller one or --quantization 4bit" in said
    assert app.memory_sentence(str(MODEL), "none", "auto") == ""


def test_cleaning_goes_on_after_an_error(tmp_path, caplog):
    store = SessionStore(tmp_path / "sessions")
    old = store.open(store.new_token())
    old.used = 0.0
    engine = ScriptedEngine()
    store.folder.rename(tmp_path / "away")
    app.clean(store, engine)
    assert "Deleting expired sessions failed" in caplog.text
    (tmp_path / "away").rename(store.folder)
    app.clean(store, engine)
    assert engine.forgotten == [old.conversation.id]


def test_a_model_is_introduced_by_name_and_licence():
    published = app.about("OpenGVLab/InternVL2_5-1B")
    assert (published.name, published.embedded) == ("InternVL2_5-1B", False)
    assert (published.published, published.shared) == (True, False)
    assert app.about(str(EMBEDDED), shared=True).shared
    assert "Apache-2.0" in published.licence
    assert app.about(str(EMBEDDED)).embedded
    assert app.about(str(MODEL)).tokens_per_tile == 256


def test_any_error_while_loading_is_a_problem(monkeypatch, caplog):
    from internvl.model import ModelError

    def fail(*arguments):
        raise RuntimeError("no kernel image")

    monkeypatch.setattr("internvl.model.load_model", fail, raising=False)
    loader = app.Loader(parse(USUAL, {}))
    with pytest.raises(ModelError, match="no kernel image"):
        loader(lambda fraction: None)
    assert "tiny-300m-qwen2 can't be loaded (RuntimeError: no kernel image)" in loader.problem
    assert "Traceback" in caplog.text


def test_a_model_that_cannot_be_loaded_is_a_sentence(tmp_path, capsys):
    from internvl.model import ModelError

    (tmp_path / "config.json").write_text("{}")
    loader = app.Loader(parse(["--model", str(tmp_path)], {}))
    with pytest.raises(ModelError):
        loader(lambda fraction: None)
    assert loader.problem
    assert loader.problem in capsys.readouterr().err
