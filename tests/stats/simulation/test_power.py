"""Planted truths come back as verdicts; what a truth plants is what the tables say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.stats.claims import ROLES
from analysis.stats.margins import declared
from analysis.stats.simulation.power import Goal, Plan, about, goal, rates
from analysis.stats.simulation.truths import (
    ACCURACY,
    CAPTIONS,
    ERANK,
    IMAGE_ENTROPY,
    IMAGE_ERANK,
    MEAN_GAP,
    OWN,
    PAPER,
    SLOPE,
    STEERING,
    TRUTHS,
)
from analysis.stats.simulation.world import World, roles

SMALL = Plan(simulations=3, n_images=500, n_resamples=300)


@pytest.fixture(scope="module")
def table():
    """Verdicts of three studies of some truths; equal seeds give equal studies."""
    chosen = ("null", "paper-like", "reversed", "reversed audit", "recall only", "no crossover",
              "rival ties")  # fmt: skip
    *_, last = rates(Plan(3, 500, 6, 300, 0, chosen))
    return last.set_index(["truth", "claim"])


def test_truths_give_their_verdicts(table):
    assert (table.loc["null", ["supported", "contradicted"]].to_numpy() == 0).all()
    paper = table.loc["paper-like"]
    assert (paper["supported"] + paper["partly"] == 1).all()
    assert "audit" not in table.loc["reversed"].index  # its kept eranks are as published
    assert (table.loc["reversed", "contradicted"] == 1).all()
    assert table.loc[("reversed audit", "audit"), "contradicted"] == 1
    assert table.loc[("recall only", "hallucination"), "contradicted"] == 0
    assert table.loc[("no crossover", "complexity"), "crossover"] == 0
    assert table.loc[("rival ties", "audit"), "supported"] == 0


def test_every_goal_that_is_asked_is_said_and_met(table):
    asked = table[table["goal"] != ""]
    assert len(asked) == len(table) == 5 + 5 + 4 + 4
    assert set(asked["met"]) == {"yes"}
    assert (table[["simulations", "n_images", "questions"]] == [3, 500, 6]).all(axis=None)


def test_processes_do_not_change_the_table(monkeypatch):
    monkeypatch.setattr("analysis.stats.simulation.power._BATCH", 1)
    plan = Plan(2, 60, 6, 200, 1, ("no crossover",))
    alone, together = (list(rates(plan, processes))[-1] for processes in (1, 2))
    pd.testing.assert_frame_equal(alone, together)


def test_goals_are_the_ones_declared():
    assert goal("half", "audit") is None
    assert goal("reversed", "audit") is None
    assert str(goal("null", "audit")) == "supported or contradicted <= 5 %"
    assert Goal(("a",), True, 0.05).met(0.05)
    assert not Goal(("a",), False, 0.8).met(0.79)


def test_shares_of_verdicts_sum_to_one(table):
    verdicts = ["supported", "partly", "equivalent", "contradicted", "mixed", "inconclusive",
                "no data"]  # fmt: skip
    assert table[verdicts].sum(axis=1).to_numpy() == pytest.approx(1)
    assert list(table.loc["null"].index) == list(declared()["claims"]) == about("half")


def published(number):
    folder = Path(__file__).parents[3] / "data" / "published"
    frame = pd.read_csv(folder / f"table{number:02d}.csv")
    return frame[frame["keep"].isin([64, 576])]


def test_planted_numbers_are_the_published_ones():
    one = published(1).set_index("pruner")["value"]
    assert {name: ERANK[name] for name in one.index} == one.to_dict()
    eight = (
        published(8)
        .query("keep == 64")
        .pivot_table(index="pruner", columns="metric", values="value")
    )
    for name, row in eight.iterrows():
        assert CAPTIONS[name] == tuple(row[["CHAIR_s", "CHAIR_i", "recall"]])
    three = published(3).query("pruner == 'mixture'").set_index("metric")["value"]
    assert CAPTIONS["mixture"] == tuple(three[["CHAIR_s", "CHAIR_i", "recall"]])
    assert ERANK["mixture"] == three["erank"]
    five = published(5).query("data == 'POPE' and keep == 64").set_index("pruner")["value"]
    for method in ("bat", "vispruner"):
        gains = [five[f"steered:method={method}{rule}"] - five[method]
                 for rule in ("", ":rule=inverse")]  # fmt: skip
        assert pytest.approx(gains) == STEERING[method]
    six = published(6).query("data == 'POPE' and keep == 64").set_index("pruner")["value"]
    assert STEERING["mixture"][0] == pytest.approx(six["steered"] - six["mixture"])
    assert six["mixture"] == ACCURACY
    seven = published(7).query("data == 'average' and keep == 64").set_index("pruner")["value"]
    assert pytest.approx(seven["agilepruner"] - seven["divprune"]) == OWN


def test_the_gap_is_the_line_through_table_four():
    four = published(4).pivot_table(index="data", columns=["pruner", "metric"], values="value")
    eranks, entropies = four["full"]["image_erank"], four["full"]["image_entropy"]
    most = np.where(four.index.str.startswith("MME"), 200, 100)
    gaps = 100 * (four["divprune"]["score"] - four["fastervlm"]["score"]) / most
    slope, _ = np.polyfit(eranks, gaps, 1)
    assert pytest.approx(slope, abs=0.001) == SLOPE
    assert pytest.approx(gaps.mean(), abs=0.01) == MEAN_GAP
    for values, planted in ((eranks, IMAGE_ERANK), (entropies, IMAGE_ENTROPY)):
        assert pytest.approx((values.mean(), values.std()), abs=0.06) == planted


def means(truth, n=20_000):
    units, _ = World(truth, n).draw(np.random.default_rng(3))
    return units.groupby("variant").mean(numeric_only=True)


def test_a_world_holds_what_was_planted():
    found = means(PAPER)
    for name, (chair_s, chair_i, recall) in CAPTIONS.items():
        row = found.loc[f"{name}@64"]
        assert 100 * row["any_hallucinated"] == pytest.approx(chair_s, abs=1.5)
        assert 100 * row["n_hallucinated"] / row["n_mentions"] == pytest.approx(chair_i, abs=0.8)
        assert 100 * row["n_recalled"] / row["n_gt"] == pytest.approx(recall, abs=1.5)
        assert row["erank"] == pytest.approx(ERANK[name], rel=0.02)
    right = 100 * found["n_correct"] / 6
    assert right["bat_adaptive@64"] - right["bat_fixed@64"] == pytest.approx(2.0, abs=0.7)


def test_null_is_no_difference_at_all():
    found = means(TRUTHS["null"]).drop(columns=["keep", "n_answered"])
    spread = (found.max() - found.min()) / found.mean()
    assert (spread < 0.06).all()


def test_roles_are_roles_of_the_claims_and_drawn():
    units, _ = World(PAPER, 10).draw(np.random.default_rng(0))
    assert set(roles()) <= set(ROLES)
    assert {name for names in roles().values() for name in names} == set(units["variant"])


def test_equal_seeds_give_equal_studies():
    first, again = (SMALL.study("half", 4) for _ in range(2))
    pd.testing.assert_frame_equal(first.units, again.units)
    assert not first.units.equals(SMALL.study("half", 5).units)
