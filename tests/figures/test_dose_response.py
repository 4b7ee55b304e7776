"""The figure of the randomised design: what it draws, says, and where it is left out."""

import numpy as np
import pytest

from analysis.catalogue import DESIGN
from analysis.figures import FIGURES
from analysis.figures.build import build
from analysis.figures.design import designed
from analysis.figures.inputs import Inputs, MissingInput
from chair_eval.bootstrap import Bootstrap

BOOT = Bootstrap(200)


@pytest.fixture(scope="module")
def randomised(make_run, tmp_path_factory):
    pruners = ("fastervlm", "divprune", *DESIGN)
    return make_run(tmp_path_factory.mktemp("dose") / "run", 60, pruners=pruners, drawable=False)


def test_the_design_is_read_and_is_no_method(randomised):
    inputs = Inputs(randomised, BOOT)
    assert set(inputs.pruned["pruner"]) == {"fastervlm", "divprune"}
    frame = designed(inputs)
    assert set(frame["design"]) == set(DESIGN)
    assert len(frame) == 60 * 3 * 2
    assert frame["instrument"].between(0, 1).all()


def test_it_shows_responses_and_effects_of_both_instruments(randomised):
    found = FIGURES.get("dose_response").build(Inputs(randomised, BOOT))
    assert len(found.figure.axes) == 8
    rows = found.data[""]
    assert set(rows["design"]) == set(DESIGN)
    effects = rows[rows["group"] == "effect"]
    assert set(effects["keep"]) == {32, 16, 8}
    assert effects[["F", "ar_low", "ar_high"]].notna().all(axis=None)
    first = rows[(rows["group"] == "first stage") & (rows["measure"] == "erank")]
    assert ((first["low"] < 2) & (first["high"] > 2)).mean() >= 0.5
    assert set(found.data["levels"]["group"]) == {"0", "1", "2", "3"}
    assert "F = " in found.caption
    assert "AR [" in found.caption
    assert np.isfinite(found.figure.axes[0].get_ylim()).all()


def test_without_a_design_it_is_left_out_with_the_command(run_path, inputs, tmp_path):
    recipe = FIGURES.get("dose_response")
    with pytest.raises(MissingInput, match=r"agile extract .* --design randomised"):
        recipe.build(inputs)
    result = build([recipe], run_path, tmp_path, boot=BOOT)[0]
    assert result.state == "skipped"
    assert "--design randomised" in result.reason
