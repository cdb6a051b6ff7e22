"""README says what is there."""

import re
from pathlib import Path

from internvl.model.zoo import CATALOGUE

README = Path("README.md").read_text(encoding="utf-8")


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!https?://)([^)#]+)", README)
    assert links and [link for link in links if not Path(link).exists()] == []


def test_the_tree_is_the_tree():
    tree = README.split("## Where things live")[1].split("```")[1]
    folder = Path()
    for line in tree.strip().splitlines():
        name = line.split()[0]
        path = folder / name if line.startswith(" ") else Path(name)
        folder = Path(name) if not line.startswith(" ") else folder
        assert path.exists(), path
    packages = {p.parent.name for p in Path("internvl").glob("*/__init__.py")}
    assert all(f"  {package}/" in tree for package in packages)


def test_the_table_has_every_published_model():
    rows = re.findall(r"^\| (InternVL2_5-\d+B) \|", README, flags=re.M)
    assert rows == [entry.name for entry in CATALOGUE if not entry.name.endswith("-MPO")]


def test_it_is_short_and_starts_a_space():
    assert README.count("\n") < 150
    assert "sdk: gradio\nsdk_version: 6.31" in README
    assert "app_file: app.py" in README
