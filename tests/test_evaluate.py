"""The evaluation: what counts as right, intervals, the table, and the command itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.photographs import QUESTIONS, choose
from internvl.training.evaluate import (
    TASKS,
    Item,
    answer_items,
    draw_items,
    evaluate,
    main,
    markdown,
)
from internvl.training.scenes import draw
from internvl.training.scores import edit_distance, is_right, overlap, similarity, tally

NANO = Path("assets/nano")


@pytest.fixture(scope="module")
def nano():
    from internvl import load_model

    return load_model(NANO, dtype="float32", device="cpu")


@pytest.mark.parametrize(
    ("answer", "wanted", "right"),
    [
        ("A red circle.", "a red  circle", True),
        ("Red", "red.", True),
        ("A red circle and a star.", "A red circle.", False),
        ("", "3", False),
        ("12.50", "12.5", False),
    ],
)
def test_answers_are_right_but_for_case_blanks_and_the_full_stop(answer, wanted, right):
    assert is_right("objects/single", answer, wanted) is right


def test_boxes_are_right_when_they_overlap_by_more_than_half():
    wanted = "<ref>star</ref><box>[[100, 100, 300, 300]]</box>"
    assert overlap(wanted, wanted) == 1
    assert overlap("<box>[[100, 100, 300, 200]]</box>", wanted) == pytest.approx(0.5)
    assert is_right("boxes/object", "<box>[[110, 100, 300, 310]]</box>", wanted)
    assert not is_right("boxes/object", "<box>[[300, 300, 400, 400]]</box>", wanted)
    assert not is_right("boxes/object", "it is in the top left", wanted)


def test_similarity_is_anls():
    assert similarity("same", "same") == 1
    assert similarity("abcd", "abce") == 0.75
    assert similarity("ab", "ac") == 0  # half or more is wrong
    assert similarity("", "") == 1
    assert edit_distance("kitten", "sitting") == 3


def test_intervals_hold_the_share_and_narrow_with_more_questions():
    few = tally([(True, 1.0)] * 9 + [(False, 0.0)])
    many = tally([(True, 1.0)] * 900 + [(False, 0.0)] * 100)
    assert few.accuracy == many.accuracy == 0.9
    assert few.low < many.low < 0.9 < many.high < few.high <= 1
    assert many.high - many.low == pytest.approx(2 * 1.96 * (0.09 / 1000) ** 0.5, rel=0.02)
    assert tally([(True, 1.0)] * 5).high == 1


def test_questions_are_the_same_for_a_seed_and_fit_their_task():
    for task, (_, wanted) in TASKS.items():
        items = draw_items(task, 6, 3)
        assert [i.asked for i in items] == [i.asked for i in draw_items(task, 6, 3)]
        assert [i.asked for i in items] != [i.asked for i in draw_items(task, 6, 4)]
        assert all(i.asked.task.startswith(wanted) for i in items)


def test_questions_on_later_pictures_come_with_what_was_said_before():
    items = [i for i in draw_items("images", 80, 0) if i.scene.ordered]
    assert any(item.before for item in items)
    for item in items:
        assert all(exchange.answer for exchange in item.before)
        assert item.scene.exchanges[len(item.before)] == item.asked


def test_the_table_has_a_row_per_task_and_a_column_per_number_of_tiles():
    few, many = tally([(True, 1.0), (False, 0.5)]), tally([(True, 1.0)] * 2)
    table = markdown({1: {"text": few}, 12: {"text": many}}, ["text"]).splitlines()
    assert len(table) == 3
    assert "50.0" in table[2]
    assert "100.0" in table[2]


def test_answers_don_t_depend_on_the_batch(nano):
    scene = draw("objects", 3, "held-out")
    items = [Item(scene, (), exchange) for exchange in scene.exchanges[:4]]
    alone = [answer_items(nano, [item], 6)[0] for item in items]
    assert answer_items(nano, items, 6) == alone


def test_the_embedded_model_knows_single_objects(nano):
    result = evaluate(nano, ["objects/single"], 30, 1, seed=11)["objects/single"]
    assert result.n == 30
    assert result.accuracy >= 0.7


def test_the_embedded_model_says_what_is_not_there(nano):
    result = evaluate(nano, ["talk/absent"], 30, 1, seed=11)["talk/absent"]
    assert result.accuracy >= 0.5


def test_photographs_are_chosen_by_seed(tmp_path):
    with pytest.raises(ValueError, match=r"no \.jpg"):
        choose(tmp_path, 3, 0)
    for name in ("a.jpg", "b.JPEG", "c.jpg", "d.png"):
        (tmp_path / name).touch()
    chosen = choose(tmp_path, 9, 0)
    assert chosen == choose(tmp_path, 9, 0)
    assert {file.name for file, _ in chosen} == {"a.jpg", "b.JPEG", "c.jpg"}
    assert [question for _, question in chosen] == list(QUESTIONS[:3])


def test_the_command_writes_figures_and_names_unknown_tasks(tmp_path):
    command = [sys.executable, "-m", "internvl.training.evaluate", "--model", str(NANO)]
    target = tmp_path / "figures.json"
    options = ["--samples", "2", "--tasks", "talk,objects/single", "--max-tiles", "1,2"]
    done = subprocess.run(
        [*command, *options, "--json", str(target)], capture_output=True, text=True, check=True
    )
    figures = json.loads(target.read_text())
    assert set(figures) == {"tasks", "by_max_tiles"}
    assert set(figures["by_max_tiles"]) == {"1", "2"}
    assert figures["tasks"]["talk"]["n"] == 2
    assert "| talk | 2 |" in done.stdout
    wrong = subprocess.run([*command, "--tasks", "poems"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "poems" in wrong.stderr


def test_the_command_prints_json_and_writes_markdown(tmp_path, monkeypatch, capsys):
    line = f"evaluate --model {NANO} --samples 3 --tasks charts --max-tiles 12,1 --json -"
    table = tmp_path / "table.md"
    monkeypatch.setattr("sys.argv", [*line.split(), "--markdown", str(table)])
    main()
    figures = json.loads(capsys.readouterr().out)
    assert figures["tasks"] == figures["by_max_tiles"]["12"]
    charts = figures["by_max_tiles"]["1"]["charts"]
    assert charts["n"] == 3
    assert 0 <= charts["low"] <= charts["accuracy"] <= charts["high"] <= 1
    assert table.read_text().splitlines()[0].startswith("| task | n | max_tiles 1 | max_tiles 12 |")
