"""The throughput comparison: both sides make the same rows, and the batched one is faster."""

import pytest

from analysis.bench.extract import prepare, run
from analysis.bench.settings import Extract
from analysis.errors import UsageError

SETTINGS = Extract(
    model="tiny", limit=2, pruners=("fastervlm", "divprune"), max_new_tokens=3, repeats=1
)


@pytest.fixture(scope="module")
def bench():
    return prepare(SETTINGS)


def test_both_sides_make_the_same_answers(bench):
    together = bench.worker.rows(bench.samples)["answers"]
    apart = []
    for sample in bench.samples:
        for variant in bench.worker.variants:
            single = type(bench)(bench.worker, [sample])
            worker = type(bench.worker)(
                bench.worker.adapter, bench.worker.config, [variant], "scenes", 1
            )
            apart += worker.rows(single.samples)["answers"]

    def key(row):
        return row["image_id"], row["variant"]

    assert sorted(map(key, together)) == sorted(map(key, apart))
    lengths = {key(row): row["n_new_tokens"] for row in apart}
    assert all(lengths[key(row)] == row["n_new_tokens"] for row in together)


def test_all_sides_count_as_many_answers(bench):
    n = len(bench.samples) * len(bench.worker.variants)
    assert bench.together() == bench.apart() == bench.apart_lean() == n == 8


def test_the_tower_runs_once_an_image_or_once_a_variant(bench, monkeypatch):
    adapter, seen = bench.worker.adapter, []
    original = adapter.encode

    def counted(images, needs=frozenset()):
        seen.append(len(images))
        return original(images, needs)

    monkeypatch.setattr(adapter, "encode", counted)
    bench.together()
    assert seen == [2]
    seen.clear()
    bench.apart()
    assert seen == [1] * 8


def test_table_holds_a_ratio_per_side():
    (found,) = run(SETTINGS)
    assert found["side"].tolist() == ["together", "apart", "apart_lean"]
    assert found["ratio"].iloc[0] == 1
    expected = found["seconds"] / found["seconds"].iloc[0]
    assert found["ratio"].tolist() == pytest.approx(expected.tolist())
    assert (found["images"] == 2).all()
    assert (found["variants"] == 4).all()


def test_wrong_settings_are_named():
    with pytest.raises(UsageError, match="limit is 0"):
        Extract(limit=0)
    with pytest.raises(UsageError, match="neither a folder nor a hub id"):
        prepare(Extract(model="./no/such/folder"))
