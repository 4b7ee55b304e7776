"""Structure of the figures: points, labels, limits, captions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.errors import AgileError, UsageError
from analysis.figures import FIGURES, Recipe, recipes
from analysis.figures.findings import findings
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.latex import booktabs, cell, escape
from analysis.figures.needs import check
from analysis.figures.recipes import methods
from analysis.figures.recipes.overview import chosen_images
from analysis.figures.statistics import STATISTICS
from analysis.runs import TABLES
from analysis.stats.verdicts import VERDICTS
from chair_eval.bootstrap import Bootstrap


def drawn(name, inputs):
    return FIGURES.get(name).build(inputs)


def labels(figure):
    return {text for ax in figure.axes for text in (ax.get_xlabel(), ax.get_ylabel()) if text}


def test_every_recipe_says_what_it_shows_and_needs():
    for name in FIGURES:
        recipe = FIGURES.get(name)
        assert recipe.name == name
        assert recipe.shows
        assert recipe.needs


def test_entropy_vs_erank_draws_each_image_once(inputs):
    found = drawn("entropy_vs_erank", inputs)
    ax = found.figure.axes[0]
    assert sum(len(points.get_offsets()) for points in ax.collections[:3]) == 60
    assert {"attention entropy (nats)", "effective rank of all tokens"} <= labels(found.figure)
    assert "n = 60" in ax.get_title(loc="left")
    assert len(found.data["points"]) == 60
    assert found.data[""]["n"].tolist() == [60, 60, 60]


def test_complexity_shows_levels_scores_and_crossover(inputs):
    found = drawn("complexity", inputs)
    assert len(found.figure.axes) == 5
    assert set(found.data[""]["level"]) == {"simple", "medium", "complex"}
    assert set(found.data["crossover"]["group"]) == {"interaction", "simple", "complex"}
    assert set(found.data["crossover"]["split"]) == {
        "data set",
        "erank terciles",
        "entropy terciles",
    }
    assert "diversity minus attention is" in found.caption
    assert "cross" in found.caption or "swap" in found.caption
    names = [text.get_text() for text in found.figure.axes[2].get_yticklabels()]
    assert names[:2] == ["all tokens", "Random"]


def test_diversity_vs_hallucination_has_one_cross_a_method(inputs):
    found = drawn("diversity_vs_hallucination", inputs)
    methods = found.data[""]
    assert len(methods) == 12
    assert (methods["y_low"] <= methods["y"]).all()
    assert len(found.figure.axes[0].containers) == 6
    assert "CHAIR_i" in found.caption
    assert "[" in found.caption
    assert {"pooled", "between images", "within image"} <= set(found.data["correlations"]["group"])
    assert found.data["pairs"]["p"].notna().all()


def test_overview_shows_two_simple_and_two_complex(inputs):
    found = drawn("overview", inputs)
    assert len(found.figure.axes) == 12
    chosen = chosen_images(inputs.images).groupby("side")["erank"].mean()
    assert chosen["simple"] < chosen["complex"]
    assert len(found.data[""]) == 8


def test_chair_table_marks_only_clear_winners(inputs):
    found = drawn("chair_table", inputs)
    assert found.latex.count(r"\\") == 1 + 19
    assert found.latex.count(r"\textbf") == int(found.data[""]["clear_best"].sum())


@pytest.mark.parametrize("name", ["diversity_vs_hallucination", "overview"])
def test_missing_method_names_the_command(make_run, tmp_path, name):
    run = make_run(tmp_path / "run", 30, pruners=("random", "fastervlm"))
    with pytest.raises(MissingInput, match=r"divprune at keep 16.*agile extract .*--study"):
        drawn(name, Inputs(run, Bootstrap(200)))


def test_lost_pixels_give_the_remedy(make_run, tmp_path):
    run = make_run(tmp_path / "run", 30, drawable=False)
    with pytest.raises(MissingInput, match="put the images back"):
        drawn("overview", Inputs(run, Bootstrap(200)))


def test_units_add_up(inputs):
    units = inputs.units
    assert len(units) == 60 * 19
    assert (units["n_hallucinated"] <= units["n_mentions"]).all()
    answered = units.groupby("variant", observed=True)["n_answered"].sum()
    assert (answered == 120).all()


def test_main_keep_is_nearest_the_papers_share(inputs):
    assert inputs.main_keep == 16


def test_latex_escapes_what_would_stop_it():
    assert escape("a_b & 5% #1") == r"a\_b \& 5\% \#1"
    row = {"estimate": -1.0, "low": -2.0, "high": 0.5}
    assert cell(row, 1, bold=True) == r"\textbf{$-$1.0} {\scriptsize [$-$2.0, 0.5]}"
    assert cell({"estimate": np.nan, "low": 0, "high": 0}, 1) == "---"
    text = booktabs(["a", "b"], [["x", "1"], ["y", "2"]], rules_before=[1])
    assert text.count(r"\midrule") == 2
    assert text.startswith(r"\begin{tabular}{lr}")


def test_captions_of_images_without_annotations_name_a_run_that_has_both(make_run, tmp_path):
    from benchmark_runs import as_benchmark

    made = make_run(tmp_path / "run", 20, pruners=("fastervlm", "divprune"), drawable=False)
    run = Inputs(as_benchmark(made, "mme"), Bootstrap(200))
    for name in ("diversity_vs_hallucination", "chair_table", "attention_share"):
        with pytest.raises(MissingInput, match=r"agile extract --model \S+ --data scenes --study"):
            drawn(name, run)


def test_budget_has_no_empty_line_of_panels(make_run, tmp_path):
    from benchmark_runs import as_benchmark

    run = Inputs(
        as_benchmark(make_run(tmp_path / "run", 20, drawable=False), "mme"), Bootstrap(200)
    )
    figure = drawn("budget", run).figure
    assert len(figure.axes) == 3
    assert sum(ax.get_visible() for ax in figure.axes) == 2


def rewrite(run, table, change):
    """Replace every shard of one table by what ``change`` makes of it."""
    for file in run.glob(f"{table}-*.parquet"):
        frame = change(pd.read_parquet(file))
        made = pa.Table.from_pandas(frame, TABLES[table], preserve_index=False)
        pq.write_table(made, file)


LOSSES = {
    "no attention": ("images", lambda frame: frame.assign(entropy=None, cls_attention=None)),
    "no erank": ("images", lambda frame: frame.assign(erank=None)),
    "no boxes": ("images", lambda frame: frame.assign(boxes=None)),
    "no image": ("images", lambda frame: frame.assign(status="error", reason="gone")),
    "silent": ("answers", lambda frame: frame.assign(answer="")),
    "no captions": ("answers", lambda frame: frame[frame["task"] != "caption"]),
    "no answers": ("answers", lambda frame: frame.iloc[:0]),
    "no full": ("kept", lambda frame: frame[frame["variant"] != "full"]),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_run_that_lacks_something_gives_figures_or_one_sentence(make_run, tmp_path, loss):
    pruners = ("fastervlm", "divprune", "agilepruner")
    run = make_run(tmp_path / "run", 8, pruners=pruners, keeps=(16,), drawable=False, shard=8)
    rewrite(run, *LOSSES[loss])
    inputs = Inputs(run, Bootstrap(100))
    built, reasons = 0, []
    for name in FIGURES:
        try:
            drawn(name, inputs)
            built += 1
        except (AgileError, UsageError) as error:
            reasons.append(str(error))
    assert all(reason.endswith(".") for reason in reasons)
    assert built >= (0 if loss == "no image" else 5)
    assert {finding.verdict for finding in attempt(lambda: findings(inputs))} <= set(VERDICTS)
    for make in STATISTICS.values():
        attempt(lambda make=make: make(inputs))


def attempt(action):
    """Return what it returns, or nothing where it says what is missing."""
    try:
        return action()
    except (AgileError, UsageError):
        return ()


def test_every_file_of_the_folder_is_a_recipe_and_they_are_listed_by_place():
    files = {path.stem for path in Path(recipes.__file__).parent.glob("[!_]*.py")}
    tables = set(methods.LISTED["tables"])
    assert set(FIGURES) == files - {"methods"} | tables
    places = [FIGURES.get(name).place for name in FIGURES]
    assert places == sorted(places)
    assert next(iter(FIGURES)) == "overview"


def test_needs_are_checked_before_anything_is_drawn(inputs):
    def never(inputs):
        raise AssertionError("drawn")

    with pytest.raises(MissingInput, match="no corruption analysis; make it with: agile analyse"):
        Recipe("x", "", ("images", "analysis:corruption"), never).build(inputs)
    for name in FIGURES:
        for need in FIGURES.get(name).needs:
            attempt(lambda need=need: check(inputs, need))


def test_specification_curve_has_every_choice_of_the_run(inputs):
    found = drawn("specification_curve", inputs)
    frame = found.data[""]
    assert frame["estimate"].is_monotonic_increasing
    assert set(frame["keep"]) == {32, 16, 8}
    assert set(frame["methods"]) == {
        "all methods",
        "without Random",
        "core methods",
        "pure families",
    }
    assert f"{len(frame)} ways" in found.caption
    assert "shufflings" in found.caption
    grid = [text.get_text() for text in found.figure.axes[1].get_yticklabels()]
    assert "given: kept attention" in grid
    assert grid[-3:] == ["32 tokens", "16 tokens", "8 tokens"]


def test_specification_curve_needs_three_methods(make_run, tmp_path):
    run = make_run(tmp_path / "run", 20, drawable=False, pruners=("fastervlm", "divprune"))
    with pytest.raises(MissingInput, match="agile extract"):
        drawn("specification_curve", Inputs(run, Bootstrap(200)))
