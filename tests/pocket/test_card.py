"""The card is rendered from its numbers, and says what they say."""

import copy
import json
from dataclasses import asdict

import pytest

from analysis.pocket.card import render_card
from analysis.pocket.card_numbers import collect, recipe_numbers, trial_numbers
from analysis.pocket.train import PocketRecipe


@pytest.fixture(scope="module")
def numbers(request):
    """The shipped card's numbers."""
    path = request.config.rootpath / "data" / "pocket" / "card.json"
    return json.loads(path.read_text())


def test_card_shows_its_numbers(numbers):
    numbers = copy.deepcopy(numbers)
    numbers["test"]["variants"]["full"]["all"]["CHAIR_i"] = [12.34, 10, 14]
    numbers["seconds"] = {"tower": 12.6}
    cell = {**numbers["ablation"][0], "seed": 3, "mass": True, "dropping": False}
    numbers["ablation"] = [{**cell, "mass": False}, {**cell, "CHAIR_i": [1.25, 1, 2]}]
    card = render_card(numbers)
    assert "| CHAIR_i | 12.3 [10.0, 14.0] |" in card
    assert "| full | 12.3 [10.0, 14.0] |" in card
    assert "| tower | 13 s |" in card
    assert card.index("| on | off | 3 | 1.2 [1.0, 2.0] |") < card.index("| off | off | 3 |")
    assert "no evidence about LLaVA" in card
    assert "erank\ncentred, of the features before the projector" in card


def test_a_missing_number_is_an_error(numbers):
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError, match="stop_bias"):
        render_card({key: value for key, value in numbers.items() if key != "stop_bias"})


def test_shipped_recipe_and_verdict_are_those_of_the_code(numbers):
    recipe = recipe_numbers(asdict(PocketRecipe().seeded(0)))
    assert {key: recipe[key] for key in numbers["recipe"]} == numbers["recipe"]
    trial = numbers["trial"]
    assert trial_numbers(trial["contrast"], trial["labels"]) == trial
    assert trial_numbers(trial["labels"], trial["labels"])["verdict"].endswith(": usable.")


def test_numbers_are_collected_from_a_work_folder(root, numbers, tmp_path, monkeypatch):
    from analysis.pocket import card_numbers

    known = {name: numbers["test"] for name in ("test", "dev-first", "dev-second")}
    monkeypatch.setattr(card_numbers.Run, "open", lambda path: path.name)
    monkeypatch.setattr(card_numbers, "estimates", known.__getitem__)
    files = {
        "recipe.json": asdict(PocketRecipe().seeded(0)),
        "seconds.json": numbers["seconds"],
        "trial-contrast.json": numbers["trial"]["contrast"],
        "trial-labels.json": numbers["trial"]["labels"],
        "ablation-0.json": numbers["ablation"],
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    found = collect(tmp_path, root / "data" / "pocket")
    assert found["dev"] is None
    assert found["first_round"] == numbers["test"]["variants"]["full"]["all"]
    for key in ("vocabulary", "parameters", "stop_bias", "ablation", "ablation_note", "trial"):
        assert found[key] == numbers[key], key
    assert "| tower | 1785 s |" in render_card(found)
