"""Stages and recipes as data."""

import json

import pytest

from internvl.training.recipe_files import published_recipe, read_recipe, recipe_names
from internvl.training.stages import PARTS, RecipeError, Stage


@pytest.mark.parametrize(
    ("size", "rate", "drop_path", "decay", "epochs"),
    [
        ("InternVL2_5-1B", 4e-5, 0.1, 0.01, 4),
        ("InternVL2_5-4B", 4e-5, 0.1, 0.01, 2),
        ("InternVL2_5-8B", 4e-5, 0.1, 0.05, 1),
        ("InternVL2_5-26B", 2e-5, 0.4, 0.05, 1),
        ("InternVL2_5-78B", 2e-5, 0.4, 0.05, 1),
    ],
)
def test_published_stages(size, rate, drop_path, decay, epochs):
    stages = published_recipe(size).stages
    assert [stages[name].trains for name in ("1", "1.5", "2")] == [
        ("projector",),
        ("vision_tower", "projector"),
        PARTS,
    ]
    assert [stages[name].learning_rate for name in ("1", "1.5", "2")] == [2e-4, 1e-5, rate]
    assert [stages[name].batch for name in ("1", "1.5", "2")] == [512, 1024, 512]
    assert [stages[name].drop_path for name in ("1", "1.5", "2")] == [0, drop_path, drop_path]
    assert {stage.weight_decay for stage in stages.values()} == {decay}
    assert stages["2"].epochs == epochs


def test_every_named_recipe_can_be_read():
    for name in recipe_names():
        assert read_recipe(name).order()
    assert len(recipe_names()) >= 9


def test_a_file_changes_only_what_it_says(tmp_path):
    (tmp_path / "data.json").write_text("{}")
    changes = {"extends": "lora", "mixture": "data.json", "stages": {"2": {"batch": 4}}}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(changes))
    recipe, base = read_recipe(path), read_recipe("lora")
    assert recipe.mixture == str(tmp_path / "data.json")
    assert recipe.stages["2"].batch == 4
    assert recipe.stages["2"].lora == base.stages["2"].lora
    assert recipe.context == base.context
    again = tmp_path / "again.json"
    again.write_text(json.dumps(recipe.to_json()))
    assert read_recipe(again) == recipe


def test_a_vision_tower_from_elsewhere_skips_stage_1_5(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"extends": "InternVL2_5-2B", "vision_tower_from": "runs/8b"}))
    assert read_recipe("InternVL2_5-2B").order() == ["1", "1.5", "2"]
    assert read_recipe(path).order() == ["1", "2"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"extends": "fine-tune", "learning_rat": 1}, "learning_rat"),
        ({"extends": "fine-tune", "stages": {"2": {"batches": 1}}}, "batches"),
        ({"extends": "fine-tune", "stages": {"3": {}}}, "no stage is called '3'"),
        ({"extends": "fine-tune", "stages": ["2"]}, "changes by name"),
        ({"extends": "fine-tune", "checkpoint_every": 0}, "checkpoint_every .* not 0"),
        ({"extends": "fine-tune", "context": "8192"}, "context .* not '8192'"),
        ({"extends": "fine-tune", "workers": -1}, "workers .* not -1"),
        ({"extends": "fine-tune", "stages": {"2": {"max_tiles": 0}}}, "max_tiles .* not 0"),
        ({"extends": "fine-tune", "stages": {"2": {"batch": 1.5}}}, "batch .* not 1.5"),
        ({"extends": "fine-tune", "loss": "mean"}, "square"),
        ({"extends": "fine-tune", "rows": 4}, "packing"),
        ({"extends": "nothing"}, "InternVL2_5-1B"),
        ({"extends": "fine-tune", "stages": {"2": {"trains": ["head"]}}}, "projector"),
        ([1], "mine.json"),
    ],
)
def test_mistakes_are_named(tmp_path, data, words):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data))
    with pytest.raises(RecipeError, match=words):
        read_recipe(path)


def test_the_rate_warms_up_and_falls():
    stage = Stage(PARTS, 1.0, warmup=0.1)
    rates = [stage.rate(progress / 100) for progress in range(101)]
    assert rates[10] == max(rates) == 1.0
    assert rates == sorted(rates[:10]) + sorted(rates[10:], reverse=True)
    assert Stage(PARTS, 1.0, schedule="constant", warmup=0).rate(1.0) == 1.0
