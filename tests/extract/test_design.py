"""The randomised design: declared once, drawn per image, and untouched by an interruption."""

import json
import logging

import pytest

from analysis.catalogue import DESIGN
from analysis.errors import UsageError
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.design import with_design
from analysis.extract.loop import run_extraction
from analysis.extract.plan import plan
from analysis.runs import TABLES, Run

QUIET = Runtime(device="cpu", progress=False)


def config(model="m", **changes):
    base = {"model": model, "data": "scenes:dev:6", "pruners": ("divprune",), "tasks": ("caption",)}
    base |= {"keeps": (8, 4), "max_new_tokens": 3, "shard_size": 2, "design": "randomised"}
    return ExtractConfig(**{**base, **changes})


def rows(path):
    return {name: Run.open(path).table(name).to_pylist() for name in TABLES}


def dose(path):
    """Return (image, variant) → drawn dose."""
    kept = Run.open(path).kept
    kept = kept[kept["pruner"].isin(DESIGN)]
    keys = zip(kept["image_id"], kept["variant"], strict=True)
    return {
        key: json.loads(text)["instrument"] for key, text in zip(keys, kept["info"], strict=True)
    }


@pytest.fixture(scope="module")
def finished(tiny_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    run_extraction(config(tiny_folder), out, QUIET)
    return out


def test_each_instrument_runs_at_every_keep_and_records_its_dose(finished):
    found = dose(finished)
    variants = {variant for _, variant in found}
    assert variants == {f"{name}@{keep}" for name in DESIGN for keep in (8, 4)}
    assert len(found) == 6 * 4
    assert len({value for (_, name), value in found.items() if "share" in name}) == 12
    manifest = json.loads((finished / "run.json").read_text())
    assert manifest["config_passed"]["design"] == "randomised"
    assert set(DESIGN) <= set(manifest["config"]["pruners"])


@pytest.mark.parametrize("lost", ["answers-00001.parquet", "kept-00000.parquet"])
def test_a_resumed_run_equals_an_undisturbed_one(finished, tiny_folder, tmp_path, lost):
    run_extraction(config(tiny_folder), tmp_path / "cut", QUIET)
    (tmp_path / "cut" / lost).unlink()
    assert run_extraction(config(tiny_folder), tmp_path / "cut", QUIET).made == 1
    assert rows(tmp_path / "cut") == rows(finished)


def test_shards_of_another_size_and_two_workers_draw_the_same(finished, tiny_folder, tmp_path):
    run_extraction(config(tiny_folder, shard_size=5), tmp_path / "large", QUIET)
    assert dose(tmp_path / "large") == dose(finished)
    for worker in (1, 0):
        runtime = Runtime(device="cpu", progress=False, worker=worker, workers=2)
        run_extraction(config(tiny_folder), tmp_path / "shared", runtime)
    assert rows(tmp_path / "shared") == rows(finished)


def test_another_seed_draws_other_doses(finished, tiny_folder, tmp_path):
    run_extraction(config(tiny_folder, seed=1), tmp_path / "other", QUIET)
    first, second = dose(finished), dose(tmp_path / "other")
    assert first.keys() == second.keys()
    assert all(first[key] != second[key] for key in first if "share" in key[1])


def test_the_plan_shows_it(tiny_folder, tmp_path):
    made = plan(config(tiny_folder), tmp_path / "none")
    assert "randomised_share@8, randomised_share@4, randomised_erank@8" in made.text()
    without = plan(config(tiny_folder, design="none"), tmp_path / "none")
    assert len(made.variants) == len(without.variants) + 4


def test_it_goes_without_other_pruners_and_lists_nothing_twice():
    alone = with_design(config(pruners=(), full=False))
    assert alone.pruners == DESIGN
    assert with_design(alone) == alone
    assert with_design(config(design="none")) == config(design="none")


def test_what_a_model_does_not_offer_is_left_out_and_named(caplog):
    with caplog.at_level(logging.WARNING):
        found = with_design(config(), frozenset({"features"}))
    assert found.pruners == ("divprune", "randomised_erank")
    assert "leaves out randomised_share: the model offers no cls_attention" in caplog.text


def test_an_unknown_design_is_refused():
    with pytest.raises(UsageError, match="design is 'random'; choose one of: none, randomised"):
        config(design="random")
