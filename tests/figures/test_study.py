"""The study's figures and tables on a run with every sweep and every extra analysis."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.figures import FIGURES
from analysis.figures.choices import telling_image
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.recipes.published_vs_measured import paper_model, published, published_folder
from analysis.figures.statistics import STATISTICS
from analysis.figures.sweeps import rule_variants, shares
from analysis.plots.overlay import wrapped
from analysis.stats.estimate import COLUMNS
from chair_eval.bootstrap import Bootstrap

SWEEP_FIGURES = (
    "attention_share",
    "steering",
    "components",
    "quartile_ablation",
    "threshold",
    "sensitivity",
    "corruption",
)


@pytest.fixture(scope="module")
def study(make_run, tmp_path_factory):
    """A run of 40 images with the study's variants."""
    from synthetic_run import SWEEPS

    path = tmp_path_factory.mktemp("study") / "run"
    return Inputs(make_run(path, 40, sweeps=SWEEPS, extras=True), Bootstrap(200))


def drawn(name, inputs):
    return FIGURES.get(name).build(inputs)


def test_budget_has_a_line_a_pruner_in_every_panel(study):
    found = drawn("budget", study)
    panel = found.figure.axes[0]
    assert len(panel.containers) == 6
    assert set(found.data[""]["measure"]) == {
        "CHAIR_i", "CHAIR_s", "recall", "length", "accuracy", "erank"
    }  # fmt: skip
    assert "picked after looking" in found.caption


def test_erank_vs_score_sets_simple_beside_complex(study):
    found = drawn("erank_vs_score", study)
    assert set(found.data[""]["level"]) >= {"simple", "complex"}
    assert found.data[""]["x"].notna().all()
    assert found.figure.axes[0].get_title().startswith("simple images")


def test_responses_marks_each_scored_word(study):
    found = drawn("responses", study)
    texts = {text.get_text() for ax in found.figure.axes for text in ax.texts}
    assert {"grounded", "hallucinated"} <= texts
    assert len(found.data[""]) == 2


def test_the_telling_image_favours_no_method():
    frame = pd.DataFrame(
        {
            "image_id": ["1", "1", "2", "2"],
            "variant": ["a", "b"] * 2,
            "n_hallucinated": [0, 3, 2, 0],
            "n_mentions": 4,
        }
    )
    assert telling_image(frame, ("a", "b")) == "1"
    swapped = frame.assign(variant=["b", "a"] * 2)
    assert telling_image(swapped, ("a", "b")) == "1"


def test_names_are_broken_into_lines():
    assert wrapped(["person", "bicycle"], limit=10) == "person,\nbicycle"


def test_attention_share_orders_the_ends_by_definition(study):
    found = shares(study)
    assert list(found.values()) == [0, 0.25, 0.5, 0.75, 1]
    assert next(iter(found)) == "divprune@16"
    found = drawn("attention_share", study)
    assert found.figure.axes[0].lines[0].get_xdata().tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_steering_compares_with_the_fixed_rule(study):
    rules = rule_variants(study)
    assert rules[("mixture", "fixed")] == "steered:rule=fixed@16"
    assert rules[("vispruner", "fixed")] == "vispruner@16"
    found = drawn("steering", study)
    assert set(found.data[""]["rule"]) == {"adaptive", "inverse"}
    assert found.data[""]["p"].notna().all()


def test_threshold_sweeps_and_shows_both_ends(study):
    found = drawn("threshold", study)
    sweep = found.data[""]
    erank = sweep[sweep["measure"] == "erank"].sort_values("tau")["estimate"]
    assert erank.is_monotonic_increasing
    titles = [ax.get_title() for ax in found.figure.axes]
    assert "τ = 0.05" in titles
    assert "τ = 0.4" in titles


def test_sensitivity_has_a_line_a_change(study):
    found = drawn("sensitivity", study)
    assert len(found.figure.axes[0].get_yticklabels()) == 10
    assert "10 single changes" in found.caption


def test_corruption_is_paired_with_the_clean_image(study):
    found = drawn("corruption", study)
    noise = found.data[""].query("corruption == 'gaussian noise' and measure == 'erank'")
    assert noise.sort_values("severity")["estimate"].tolist() == pytest.approx([3, 9, 15], abs=0.5)
    assert set(found.data["deviation"]["group"]) == {"1", "3", "5"}


def test_quarters_and_components_are_in_reading_order(study):
    quarters = drawn("quartile_ablation", study).figure.axes[0].get_yticklabels()
    assert [text.get_text()[0] for text in quarters] == ["1", "2", "3", "4"]
    parts = drawn("components", study).figure.axes[0].get_yticklabels()
    assert [text.get_text() for text in parts] == [
        "random", "important only", "diverse only", "both"
    ]  # fmt: skip


def test_attention_figures_read_records_and_add_text_layers(study, inputs):
    shift = drawn("attention_shift", study)
    assert set(shift.data[""]["source"]) == {"cls", "text"}
    bare = drawn("attention_shift", inputs)
    assert set(bare.data[""]["source"]) == {"cls"}
    assert "agile analyse" in bare.caption
    spread = drawn("attention_dispersion", study)
    assert len(spread.data[""]) == 5
    assert spread.data["curves"].groupby("line")["held"].last().tolist() == pytest.approx([100] * 5)


def test_attention_vs_hallucination_counts_objects(study):
    found = drawn("attention_vs_hallucination", study)
    states = found.data[""]
    full = states[states["variant"] == "full"].set_index("group")["objects"]
    assert full["mentioned"] + full["missed"] == full["mentioned - missed"]


@pytest.mark.parametrize("name", SWEEP_FIGURES)
def test_missing_sweeps_name_the_command(inputs, name):
    with pytest.raises(MissingInput, match=r"agile (extract|analyse) "):
        drawn(name, inputs)


@pytest.mark.parametrize("name", [n for n in FIGURES if FIGURES.get(n).kind == "table"])
def test_every_table_is_balanced_latex_with_its_numbers(study, name):
    if FIGURES.get(name).optional:
        pytest.skip("its inputs are no part of every run")
    found = drawn(name, study)
    assert found.latex.startswith(r"\begin{tabular}")
    columns = found.latex.splitlines()[0].count("r") - found.latex.splitlines()[0].count("ar")
    rows = [line for line in found.latex.splitlines() if line.endswith(r"\\")]
    assert {line.count(" & ") for line in rows} == {rows[0].count(" & ")}
    assert columns >= 1
    assert set(COLUMNS) - {"group"} <= set(found.data[""].columns) or found.data[""].empty


def test_published_numbers_have_slips_marked():
    numbers = published(published_folder())
    assert len(numbers) > 800
    assert numbers["value"].notna().all()
    slip = numbers.query("table == '7' and keep == '128' and pruner == 'divprune'")
    assert slip.set_index("data")["note"]["TextVQA"].startswith("copy slip")
    seven = numbers.query("table == '8' and pruner == 'full' and metric == 'CHAIR_i'")
    assert seven["value"].tolist() == [13.9]


def test_published_rows_match_only_their_own_model_and_data(study, make_run, tmp_path):
    assert drawn("published_vs_measured", study).data[""].empty
    run = make_run(tmp_path / "run", 30, keeps=(128, 64), drawable=False, full_tokens=576)
    record = json.loads((run / "run.json").read_text())
    record["config"] |= {"model": "llava-hf/llava-1.5-7b-hf", "data": "coco-chair:there"}
    (run / "run.json").write_text(json.dumps(record))
    found = drawn("published_vs_measured", Inputs(run, Bootstrap(200))).data[""]
    assert set(found["table"]) == {"2", "3", "8"}
    assert set(found["pruner"]) == {"full", "fastervlm", "divprune", "vispruner", "fps",
                                    "agilepruner"}  # fmt: skip
    assert np.isfinite(found["estimate"]).all()


@pytest.mark.parametrize(
    ("name", "paper"),
    [
        ("llava-hf/llava-1.5-7b-hf", "LLaVA-1.5-7B"),
        ("liuhaotian/llava-v1.5-13b", "LLaVA-1.5-13B"),
        ("llava-hf/llava-v1.6-vicuna-7b-hf", "LLaVA-NeXT-7B"),
        ("data/pocket", None),
    ],
)
def test_checkpoints_are_told_apart(name, paper):
    assert paper_model(name) == paper


def test_all_statistics_are_estimates_and_repeat(study):
    for name, make in STATISTICS.items():
        found = make(study)
        assert list(found.columns[: len(COLUMNS)]) == list(COLUMNS), name
        optional = name in {"dose_response", "hard_samples"}  # this run has neither variant
        assert len(found) or optional, name
    again = STATISTICS["images"](study)
    pd.testing.assert_frame_equal(again, STATISTICS["images"](study))


def test_a_run_that_invents_nothing_has_an_empty_mention_model(make_run, tmp_path):
    run = Inputs(make_run(tmp_path / "run", 20, drawable=False), Bootstrap(200))
    run.units["n_hallucinated"] = 0
    found = STATISTICS["mentions"](run)
    assert found.empty
    assert list(found.columns[: len(COLUMNS)]) == list(COLUMNS)
