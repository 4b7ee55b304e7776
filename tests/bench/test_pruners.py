"""The bench compares like with like: published formulations give what ours give."""

import time

import pytest
import torch

from analysis.bench import published
from analysis.bench.image import alone, merged, shared
from analysis.bench.pruners import Comparison, measure
from analysis.bench.timing import time_together
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
    svd = published.erank_svd(tokens.features, True)
    assert svd == pytest.approx(float(effective_rank(tokens.features)), rel=1e-4)


def test_alternatives_are_timed_in_turn():
    calls: list[str] = []
    works = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    timings = time_together(works, repeats=3, block=0.0)
    # Warmed up and sized one after the other, then in turn.
    assert calls == ["a", "a", "b", "b"] + ["a", "b"] * 3
    assert {t.repeats for t in timings.values()} == {3}
    assert all(0 <= t.best <= t.median for t in timings.values())
    assert time_together(works, repeats=99, seconds=0.0)["a"].repeats == 1


def test_short_work_fills_its_block_and_long_work_runs_once():
    calls = {"short": 0, "long": 0}

    def work(name, seconds):
        calls[name] += 1
        time.sleep(seconds)

    works = {"short": lambda: work("short", 0.001), "long": lambda: work("long", 0.03)}
    timings = time_together(works, repeats=2, block=0.02)
    assert calls["long"] == 2 + 2
    assert calls["short"] > 2 + 2 * 5
    assert 1.0 <= timings["short"].best < 5.0


def test_rows_hold_ratios_against_goals():
    works = {"reference": lambda: sum(range(10**6)), "ours": lambda: sum(range(1000))}
    for limit, met in ((0.5, "yes"), (1e-9, "no")):
        comparison = Comparison("adding", works, "64", (("ours", limit),), repeats=5)
        first, second = measure(comparison, torch.device("cpu"), "cpu")
        assert first.clock == "cpu"
        assert (first.reference, first.ratio, first.goal, first.met) == ("", None, "", "")
        assert second.ratio < 0.5
        assert (second.reference, second.met) == ("reference", met)


def test_work_shared_and_alone_runs_on_any_image(tokens):
    """The bench's big row does both kinds of work to the end."""
    rules = [make_pruner("divprune"), make_pruner("agilepruner")]
    image = random_tokens(160)
    for work in (shared, alone):
        work(image, rules)
    assert not image.gram.has_distance, "work on a fresh copy only"
    assert merged(make_pruner("bat"), tokens, 5).shape == (5, 12)
