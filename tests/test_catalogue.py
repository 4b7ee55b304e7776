"""The catalogue: one row a method, and room for a pruner of one's own."""

import subprocess
import sys

import pytest

from analysis.catalogue import (
    METHODS,
    NEUTRAL,
    STUDY,
    Method,
    base_name,
    family,
    is_method,
    look,
    method,
    parameters,
    register,
    representative,
)
from analysis.errors import UsageError


@pytest.fixture
def own(monkeypatch):
    """Forget what a test has registered."""
    monkeypatch.setattr(METHODS, "_entries", dict(METHODS._entries))


class Mine:
    """A stand-in; the catalogue does not look inside."""


def test_the_catalogue_needs_no_torch_and_no_matplotlib():
    code = "import sys, analysis.catalogue; print({'torch', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_pruner_has_a_colour_of_its_own():
    rows = [METHODS.get(name) for name in METHODS]
    assert len({row.colour for row in rows}) == len(rows)
    assert len({row.label for row in rows}) == len(rows)
    assert set(STUDY) <= set(METHODS)


def test_the_look_ignores_budget_and_names_parameters():
    assert look("divprune@16") == look("divprune")
    assert look("mixture:attention_share=0.25@8").label.endswith("(attention share = 0.25)")
    assert look("mixture:attention_share=0.25").colour == look("mixture").colour


def test_specs_are_read():
    assert base_name("fps:seed=1@36") == "fps"
    assert parameters("bat:attention_share=0.2@16") == {"attention_share": "0.2"}
    assert is_method("agilepruner:erank_avg=9")
    assert not is_method("bat:attention_share=0.2")


def test_representative_prefers_the_papers_choice():
    assert representative(["visionzip", "fastervlm"], "attention") == "fastervlm"
    assert representative(["visionzip"], "attention") == "visionzip"
    assert representative(["visionzip"], "diversity") is None


def test_a_pruner_of_ones_own_is_known_once_registered(own):
    assert look("mine@8") == method("mine") == Method("mine", label="mine")
    assert (method("mine").colour, family("mine")) == (NEUTRAL, "none")
    given = register("mine", "hybrid", colour="darkred", marker="*", label="Mine")(Mine)
    assert given is Mine
    assert Mine.name == "mine"
    row = look("mine:side=4@8")
    assert (row.colour, row.marker, row.label) == ("#8B0000", "*", "Mine (side = 4)")
    assert (row.family, row.cls) == ("hybrid", Mine)


def test_an_edited_class_takes_the_place_of_the_one_before(own):
    register("mine", "hybrid", colour="darkred", marker="*")(Mine)

    class Edited(Mine):
        """The cell was run again."""

    register("mine", "attention", colour="#8B0000", marker="*")(Edited)
    assert (METHODS.get("mine").cls, family("mine"), look("mine").label) == (
        Edited,
        "attention",
        "mine",
    )


def test_a_row_whose_class_is_missing_says_so():
    with pytest.raises(UsageError, match=r"analysis.pruners.fps has no class whose name is 'fsp'"):
        _ = Method("fsp", source="fps").cls


def test_pruners_without_a_colour_are_grey(own):
    register("mine", "hybrid")(Mine)
    register("other", "hybrid")(Mine)
    assert look("mine").colour == look("other").colour == NEUTRAL


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("divprune", "hybrid", "#8B0000", "*"), "divprune has a look already"),
        (("mine", "clever", "#8B0000", "*"), "choose one of: attention"),
        (("mine", "hybrid", "reddish", "*"), "colour 'reddish' is unknown"),
        (("mine", "hybrid", "#8B0000", "star"), "marker 'star' is unknown"),
        (("mine", "hybrid", "#d55e00", "*"), "divprune wears the colour #D55E00"),
    ],
)
def test_what_would_mislead_is_refused(own, given, message):
    name, kind, colour, marker = given
    with pytest.raises(UsageError, match=message):
        register(name, kind, colour=colour, marker=marker)
    assert "mine" not in METHODS
