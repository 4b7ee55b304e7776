"""MME, ScienceQA and POPE runs: the tables print what the official scorers say."""

import numpy as np
import pytest

from analysis.benchmarks import SUBTASKS
from analysis.figures import FIGURES
from analysis.figures.findings import findings
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.subtasks import subtasks
from analysis.scores.mme import mme_table
from analysis.scores.pope import pope_table
from analysis.scores.scienceqa import scienceqa_table
from chair_eval.bootstrap import Bootstrap

SUBJECTS = ("natural science", "social science", "language science")


@pytest.fixture(scope="module")
def make(make_run, tmp_path_factory):
    """Return a function that makes a benchmark's run of 56 images."""
    from benchmark_runs import as_benchmark

    def run(name, **given):
        path = tmp_path_factory.mktemp("benchmark") / name
        pruners = ("random", "fastervlm", "divprune")
        made = make_run(path, 56, pruners=pruners, keeps=(16, 8), shard=1000, drawable=False)
        return Inputs(as_benchmark(made, name, **given), Bootstrap(200))

    return run


@pytest.fixture(scope="module")
def mme(make):
    return make("mme")


def drawn(name, inputs):
    return FIGURES.get(name).build(inputs)


def scores(inputs):
    found = drawn("table_scores", inputs)
    return found, found.data[""].pivot(index="group", columns="measure", values="estimate")


def test_mme_columns_equal_the_official_scorer(mme):
    found, own = scores(mme)
    official = mme_table(mme.path)
    totals = official[official["subtask"] == "total"].pivot(
        index="variant", columns="group", values="score"
    )
    for column, group in (
        ("MME", "all"),
        ("MME_perception", "perception"),
        ("MME_cognition", "cognition"),
    ):
        assert own[column].to_dict() == pytest.approx(totals[group].to_dict())
    assert "F1" not in own
    assert r"MME $\uparrow$" in found.latex
    rows = found.data[""]
    assert (rows["low"] <= rows["estimate"]).all()
    assert (rows["estimate"] <= rows["high"]).all()
    assert rows.set_index(["measure", "group"]).loc[("MME", "full"), "n"] == 56


def test_mme_accuracy_reads_an_unreadable_answer_as_wrong(mme):
    _, own = scores(mme)
    official = mme_table(mme.path)
    parts = official[official["subtask"] != "total"]
    right = (parts["accuracy"] * parts["n"]).groupby(parts["variant"]).sum()
    asked = parts.groupby("variant")["n"].sum()
    assert own["accuracy"].to_dict() == pytest.approx((100 * right / asked).to_dict())


def test_each_mme_subtask_has_a_score(mme):
    from analysis.stats.ratios import summarise

    official = mme_table(mme.path).set_index(["variant", "subtask"])["score"]
    for name in ("OCR", "numerical_calculation"):
        own = summarise(mme.units, [f"MME_{name}"], mme.boot).set_index("group")["estimate"]
        for variant, value in own.items():
            assert value == pytest.approx(official[(variant, name)])


def test_an_unfinished_mme_has_no_total(make):
    inputs = make("mme", subtasks=SUBTASKS[:10])
    _, own = scores(inputs)
    assert {"MME_perception", "accuracy", "accuracy_plus"} <= set(own)
    assert {"MME", "MME_cognition"}.isdisjoint(own)


def test_scienceqa_column_equals_the_official_scorer(make):
    inputs = make("scienceqa-img", subtasks=SUBJECTS)
    found, own = scores(inputs)
    official = scienceqa_table(inputs.path).set_index("variant")["accuracy"] * 100
    assert own["ScienceQA"].to_dict() == pytest.approx(official.to_dict())
    assert list(own) == ["ScienceQA"]
    assert found.latex.splitlines()[2].count("&") == 3
    labels, kind = subtasks(inputs.images)
    assert kind == "subject"
    assert sorted(labels.unique()) == sorted(SUBJECTS)
    assert "ScienceQA" in drawn("erank_vs_score", inputs).data[""]["measure"].unique()


def test_pope_is_the_mean_of_three_splits(make):
    inputs = make("pope")
    _, own = scores(inputs)
    official = pope_table(inputs.path)
    mean = official[official["split"] == "mean"].set_index("variant")["f1"] * 100
    assert own["POPE"].to_dict() == pytest.approx(mean.to_dict())
    assert np.abs(own["POPE"] - own["F1"]).max() > 0


def test_other_data_have_no_benchmark_columns(inputs):
    _, own = scores(inputs)
    assert set(own) == {"accuracy", "F1", "recall", "CHAIR_i"}


def test_entropy_vs_erank_has_a_row_a_subtask(mme):
    found = drawn("entropy_vs_erank", mme)
    rows = found.data[""][found.data[""]["by"] == "subtask"]
    assert set(rows["group"]) == set(SUBTASKS)
    assert (rows["n"] == 4).all()
    side = found.figure.axes[0]
    names = [text.get_text() for text in side.get_yticklabels()]
    assert len(names) == 14
    assert "numerical calculation (4)" in names
    assert "By subtask: the interval lies above 0 in" in found.caption


def test_entropy_vs_erank_without_subtasks_has_no_such_panel(inputs):
    assert len(drawn("entropy_vs_erank", inputs).figure.axes) == 3


def test_subtask_table_orders_by_erank_and_pairs_the_families(mme):
    found = drawn("table_subtasks", mme)
    rows = found.data[""]
    official = mme_table(mme.path).set_index(["variant", "subtask"])["score"]
    for variant in ("fastervlm@16", "divprune@16"):
        own = rows[rows["variant"] == variant].set_index("group")["estimate"]
        assert own.to_dict() == pytest.approx(official[variant].drop("total").to_dict())
    gaps = rows[rows["variant"] == "difference"].set_index("group")
    gap = official["divprune@16"] - official["fastervlm@16"]
    assert gaps["estimate"].to_dict() == pytest.approx(gap.drop("total").to_dict())
    assert gaps["q"].notna().any()
    lines = [line for line in found.latex.splitlines() if line.endswith(r"\\")][1:]
    erank = rows[rows["measure"] == "erank"].sort_values("estimate")["group"].str.replace("_", " ")
    assert [line.split(" & ")[0] for line in lines] == erank.tolist()
    assert "of 14 subtasks" in found.caption


def test_subtask_table_is_left_out_where_there_are_none(inputs):
    assert FIGURES.get("table_subtasks").optional
    with pytest.raises(MissingInput, match="mme:PATH"):
        drawn("table_subtasks", inputs)


@pytest.mark.parametrize(
    ("name", "model", "measures"),
    [
        ("mme", "llava-hf/llava-1.5-7b-hf", {"MME", "MME_OCR", "MME_count", "entropy", "erank"}),
        ("mme", "llava-hf/llava-1.5-13b-hf", {"MME_perception"}),
        ("scienceqa-img", "llava-hf/llava-1.5-7b-hf", {"ScienceQA", "entropy", "erank"}),
        ("pope", "llava-hf/llava-1.5-7b-hf", {"POPE", "entropy", "erank"}),
    ],
)
def test_published_benchmark_numbers_meet_their_measure(make_run, tmp_path, name, model, measures):
    from benchmark_runs import as_benchmark

    path = make_run(
        tmp_path / "run", 42, pruners=("fastervlm", "divprune"), keeps=(128, 64), shard=1000,
        drawable=False, full_tokens=576, model=model,
    )  # fmt: skip
    inputs = Inputs(as_benchmark(path, name), Bootstrap(200))
    rows = drawn("published_vs_measured", inputs).data[""]
    assert measures <= set(rows["measure"])
    assert {"CHAIR_i", "recall"}.isdisjoint(rows["measure"])
    if name == "mme":
        ocr = inputs.images[inputs.images["meta"].str.contains("OCR")]
        own = rows[(rows["data"] == "MME OCR") & (rows["measure"] == "erank")]
        assert own["estimate"].tolist() == pytest.approx([ocr["erank"].mean()] * len(own))
        assert not rows["data"].str.contains("third").any()
    if name == "pope":
        mean = pope_table(inputs.path).query("split == 'mean'").set_index("variant")["f1"] * 100
        own = rows[rows["measure"] == "POPE"]
        assert own["estimate"].tolist() == pytest.approx(mean[own["group"]].tolist())


def test_findings_rest_on_the_questions_a_benchmark_asks(make_run, tmp_path):
    from benchmark_runs import as_benchmark

    pruners = ("fastervlm", "divprune", "agilepruner")
    sweeps = ("mixture", "steered", "steered:rule=inverse")
    made = make_run(
        tmp_path / "run", 40, pruners=pruners, keeps=(16,), sweeps=sweeps, drawable=False
    )
    run = Inputs(as_benchmark(made, "scienceqa-img", subtasks=SUBJECTS), Bootstrap(200))
    found = findings(run)
    # No method of Table 1, and no captions: two claims, and half of the last, were not measured.
    assert [each.verdict == "no data" for each in found] == [True, True, False, False, True]
    assert "vispruner" in found[0].missing
    assert "annotations" in found[1].missing
    assert "annotations" in found[4].missing
    for each in found[2:4]:
        decisive = each.judgement.frame[each.judgement.frame["decisive"]]
        assert len(decisive)
        assert (decisive["measure"] == "ScienceQA").all()
