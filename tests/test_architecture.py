"""The rules of who may know whom (README.md, "Where things live")."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

FILES = [Path("app.py"), *Path("internvl").rglob("*.py")]
ALLOWED = {
    "chat": set(),
    "preprocessing": set(),
    "model": set(),
    "engines": {"chat", "preprocessing", "model"},
    "training": {"chat", "preprocessing", "model"},
    "ui": {"chat", "preprocessing", "engines"},
}


def imports(path):
    """Every module that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=str)
def test_packages_know_only_those_below_them(path):
    packages = {name.split(".")[1] for name in imports(path) if name.startswith("internvl.")}
    if path.parts[0] == "internvl" and len(path.parts) > 2:
        own = path.parts[1]
        assert packages - {own} <= ALLOWED[own]
    if path.parts[1:2] == ("ui",):
        engines = {name for name in imports(path) if name.startswith("internvl.engines")}
        assert engines <= {"internvl.engines", "internvl.engines.base"}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_gradio_stays_in_the_page_and_torch_out_of_it(path):
    names = {name.split(".")[0] for name in imports(path)}
    if path.parts[1:2] != ("ui",) and path.name != "app.py":
        assert "gradio" not in names
    if path.parts[1:2] in {("ui",), ("chat",)}:
        assert not names & {"torch", "transformers"}
    if path.parts[1:2] == ("chat",):
        own = {name for name in names if name not in sys.stdlib_module_names}
        assert own <= {"internvl"}


def test_importing_costs_no_torch():
    code = (
        "import sys, internvl, internvl.chat, internvl.preprocessing, internvl.engines, "
        "internvl.model.zoo; heavy = {'torch', 'decord', 'av', 'cv2', 'gradio'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_files_stay_short():
    long = {str(p): n for p in FILES if (n := p.read_text(encoding="utf-8").count("\n")) > 250}
    assert not long
