"""The baseline that shames pruners, and the samples it gets wrong, as figure, table and line."""

import pytest

from analysis.figures import FIGURES
from analysis.figures.hard import sentences
from analysis.figures.inputs import Inputs, MissingInput
from chair_eval.bootstrap import Bootstrap

CORE = ("downsample", "random", "fastervlm", "divprune", "agilepruner")


@pytest.fixture(scope="module")
def sampled(make_run, tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("hard") / "run", 60, pruners=CORE, drawable=False)
    return Inputs(run, Bootstrap(200))


def drawn(name, inputs):
    return FIGURES.get(name).build(inputs)


def test_downsampling_is_in_every_comparison(sampled):
    assert set(sampled.pruned["pruner"]) == set(CORE)
    assert "downsampled" in drawn("chair_table", sampled).latex


def test_the_figure_has_two_points_a_method_and_says_n(sampled):
    found = drawn("hard_samples", sampled)
    rows = found.data[""]
    assert set(rows["samples"]) == {"all", "hard"}
    assert "downsample@16" not in set(rows.loc[rows["samples"] == "hard", "group"])
    assert all("n = " in ax.get_xlabel() for ax in found.figure.axes)
    accuracy = rows[(rows["measure"] == "accuracy") & (rows["group"] == "random@16")]
    assert set(accuracy["n_samples"]) == {120, int(accuracy["n_samples"].min())}
    assert "are seen better than downsampling" in found.caption
    assert set(found.data["against"]["second"]) == {"downsample@16"}


def test_hard_questions_are_the_ones_downsampling_answers_wrongly(sampled):
    wrong = sampled.judged_answers
    wrong = wrong[(wrong["variant"] == "downsample@16") & (wrong["correct"] == 0)]
    rows = drawn("hard_samples", sampled).data[""]
    hard = rows[(rows["measure"] == "accuracy") & (rows["samples"] == "hard")]
    assert set(hard["n_samples"]) == {len(wrong)}


def test_the_table_has_every_budget_with_its_n(sampled):
    found = drawn("table_hard_samples", sampled)
    assert set(found.data[""]["keep"]) == {32, 16, 8}
    assert found.latex.count(r"\\") == 1 + 3 * (1 + len(CORE) + 1)
    assert found.latex.count("samples &") == 3


def test_a_line_a_score_for_the_findings(sampled):
    said = sentences(sampled)
    assert len(said) == 4
    assert all("16 of 144 tokens" in text and "n = " in text for text in said)


def test_a_run_without_it_is_told_the_command(inputs):
    with pytest.raises(MissingInput, match=r"no downsample at keep 16; make a run that has with"):
        drawn("hard_samples", inputs)
    assert sentences(inputs) == []
    assert FIGURES.get("hard_samples").optional
