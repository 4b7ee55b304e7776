"""The bench compares like with like: published formulations give what ours give."""

import pytest
import torch

from analysis.bench import published
from analysis.bench.clock import CLOCKS, Clock
from analysis.bench.pruners import Comparison, alone, comparisons, measure, shared
from analysis.measures.erank import effective_rank
from analysis.measures.kept import kept_measures
from analysis.pruners import make_pruner
from tests.pruners.inputs import random_tokens


@pytest.fixture(scope="module")
def tokens():
    return random_tokens(60)


@pytest.mark.parametrize("formulation", [published.divprune, published.divprune_all_rows])
def test_published_divprune_picks_what_ours_picks(tokens, formulation):
    ours = make_pruner("divprune").select(tokens, 20).info["pick_order"]
    assert formulation(tokens.features, 20).tolist() == ours


def test_prumerge_loop_gives_our_rows(tokens):
    found = make_pruner("prumerge_plus_fixed").select(tokens, 20)
    rows = published.prumerge_loop(tokens, found.indices[:-1].tolist())
    torch.testing.assert_close(found.apply(tokens.encoder_features), rows, rtol=1e-4, atol=1e-5)


def test_measures_alone_are_the_kept_measures(tokens):
    found = make_pruner("divprune").select(tokens, 20)
    shared = kept_measures(tokens, found)
    wanted = (shared["erank"], shared["erank_plain"], shared["pairwise_distance"])
    assert published.measures_alone(tokens, found) == pytest.approx(wanted, rel=1e-4)
    svd = published.erank_svd(tokens.features)
    assert float(svd) == pytest.approx(float(effective_rank(tokens.features)), rel=1e-4)


def test_rows_hold_ratios_against_goals(monkeypatch):
    spent = []
    monkeypatch.setitem(CLOCKS, "cpu", lambda: sum(spent))
    works = {"reference": lambda: spent.append(1.0), "ours": lambda: spent.append(0.25)}
    for limit, met in ((0.25, "yes"), (0.2, "no")):
        comparison = Comparison("adding", works, "64", (("ours", limit),))
        clock = Clock(torch.device("cpu"), 1, 5, kind="cpu", block=0.02)
        first, second = measure(comparison, clock)
        assert (first["clock"], first["repeats"]) == ("cpu", 5)
        assert [first[k] for k in ("reference", "ratio", "goal", "met")] == ["", None, "", ""]
        assert (first["best_ms"], second["best_ms"], second["ratio"]) == (1000.0, 250.0, 0.25)
        assert (second["reference"], second["met"]) == ("reference", met)


def test_work_shared_and_alone_runs_on_any_image(tokens):
    """The bench's big row does both kinds of work to the end."""
    rules = [make_pruner("divprune"), make_pruner("agilepruner")]
    image = random_tokens(160)
    for work in (shared, alone):
        work(image, rules)
    assert not image.gram.has_distance, "work on a fresh copy only"


def test_every_comparison_has_its_reference_first_and_goals_for_its_own_variants():
    found = list(comparisons(torch.device("cpu"), tower=False))
    assert len({(c.measurement, c.keep) for c in found}) == len(found) == 12
    for comparison in found:
        names = list(comparison.works)
        assert {name for name, _ in comparison.goals} <= set(names[1:])
