"""The study: extra variants at one budget, what can run and what cannot, and `spec@keep`."""

import json
import logging

import pytest
import torch

from analysis.errors import UsageError
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.loop import run_extraction
from analysis.extract.study import INSIDE_SPECS, STUDY_SPECS, middle_keep, study_specs, with_study
from analysis.extract.variants import make_variants
from analysis.pruners import make_pruner
from analysis.runs import Run
from analysis.tokens import VisualTokens

QUIET = Runtime(device="cpu", progress=False)


def config(model="m", **changes):
    base = {"model": model, "data": "scenes:dev:2", "pruners": ("fastervlm", "divprune")}
    base |= {"keeps": (8, 5, 3), "max_new_tokens": 3, "max_answer_tokens": 2, "shard_size": 2}
    return ExtractConfig(**{**base, **changes})


def test_every_spec_makes_a_pruner_and_none_is_listed_twice():
    labels = [make_pruner(spec).label for spec in (*STUDY_SPECS, *INSIDE_SPECS)]
    assert len(set(labels)) == len(labels)


def test_the_figures_find_their_variants():
    labels = set(study_specs(None, 144, 16))
    assert sum(label.split(":")[0] == "mixture" for label in labels) >= 3
    assert {make_pruner(f"quartile:quartile={q}").label for q in range(4)} <= labels
    assert {"random", "fastervlm", "vispruner:attention_share=0.0", "vispruner"} <= labels
    assert sum(label.startswith("steered") for label in labels) == 9


def test_a_shallow_model_leaves_out_what_cannot_be_scheduled(caplog):
    with caplog.at_level(logging.WARNING):
        labels = study_specs(4, 144, 16)
    assert not {label.split(":")[0] for label in labels} & set(INSIDE_SPECS)
    for name in INSIDE_SPECS:
        assert f"leaves out {name}: keep must be at least" in caplog.text


def test_a_deep_model_runs_all_of_them_shifted_where_it_must():
    labels = study_specs(32, 576, 64)
    inside = [label for label in labels if label.split(":")[0] in INSIDE_SPECS]
    assert [label.split(":")[0] for label in inside] == list(INSIDE_SPECS)
    assert "fastv" in inside
    assert "pyramiddrop:shift=true" in inside
    for label in inside:
        assert make_pruner(label).schedule(64, 576, 32).mean == pytest.approx(64, abs=1)


def test_missing_evidence_is_left_out_and_named(caplog):
    with caplog.at_level(logging.WARNING):
        labels = study_specs(None, 144, 16, frozenset({"features", "cls_attention"}))
    assert "visionzip" not in labels
    assert "leaves out visionzip: the model offers no keys" in caplog.text
    assert "agilepruner" in labels


def test_nothing_is_run_twice_and_ends_of_the_share_have_stand_ins():
    merged = with_study(config(study=True), 4, 16)
    added = merged.pruners[2:]
    assert all(spec.endswith("@5") for spec in added)
    names = {spec.removesuffix("@5") for spec in added}
    assert not names & {"fastervlm", "divprune"}
    assert not names & {"mixture:attention_share=0.0", "mixture:attention_share=1.0"}
    variants = [v.label for v in make_variants(merged, 16, {})]
    assert len(set(variants)) == len(variants) == 1 + 2 * 3 + len(added)
    assert with_study(config(), 4, 16) == config()


def test_the_stand_ins_select_the_same_tokens():
    random = torch.Generator().manual_seed(3)
    tokens = VisualTokens(
        features=torch.randn(36, 9, generator=random),
        cls_attention=torch.rand(36, generator=random),
    )
    for share, name in ((0.0, "divprune"), (1.0, "fastervlm")):
        mixture = make_pruner(f"mixture:attention_share={share}").select(tokens, 9)
        assert mixture.indices.tolist() == make_pruner(name).select(tokens, 9).indices.tolist()


def test_without_stand_ins_both_ends_are_run():
    merged = with_study(config(study=True, pruners=("fps",)), 4, 16)
    names = {spec.split("@")[0] for spec in merged.pruners}
    assert {"divprune", "fastervlm"} <= names


@pytest.mark.parametrize(("keeps", "middle"), [((8, 5, 3), 5), ((5, 3), 5), ((7,), 7)])
def test_middle_keep(keeps, middle):
    assert middle_keep(keeps) == middle


def test_a_budget_of_its_own_is_not_crossed():
    variants = make_variants(config(pruners=("fastervlm@7", "divprune")), 16, {})
    assert [v.label for v in variants] == [
        "full",
        "fastervlm@7",
        "divprune@8",
        "divprune@5",
        "divprune@3",
    ]
    assert variants[1].spec == "fastervlm"
    assert variants[1].keep == 7


@pytest.mark.parametrize(
    ("pruners", "message"),
    [
        (("fastervlm@x",), "budget 'x'"),
        (("fastervlm@0",), "whole number of at least 1"),
        (("fastervlm@17",), "keep 17 is larger than the 16"),
        (("fastervlm@5", "fastervlm"), "repeat fastervlm@5"),
    ],
)
def test_wrong_budgets_are_refused(pruners, message):
    with pytest.raises(UsageError, match=message):
        make_variants(config(pruners=pruners), 16, {})


def test_a_study_run_is_made_and_found_complete_again(tiny_folder, tmp_path):
    wanted = config(tiny_folder, study=True, tasks=("caption",))
    report = run_extraction(wanted, tmp_path / "run", QUIET)
    assert report.made == 1
    run = Run.open(tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert manifest["config_passed"]["study"] is True
    assert "quartile@5" in manifest["config"]["pruners"]
    labels = {entry["variant"] for entry in manifest["variants"]}
    assert set(run.kept["variant"]) == set(run.answers["variant"]) == labels
    own_count = run.kept["pruner"].str.contains("|".join(("adaptive_count", *INSIDE_SPECS)))
    fixed = run.kept[~own_count]
    assert (fixed["n_out"] == fixed["keep"]).all()
    assert run_extraction(wanted, tmp_path / "run", QUIET).made == 0


def test_the_plan_counts_the_study(tiny_folder, tmp_path):
    from analysis.extract.plan import plan

    with_it = plan(config(tiny_folder, study=True), tmp_path / "none")
    without = plan(config(tiny_folder), tmp_path / "none")
    assert len(with_it.variants) > len(without.variants) + 20
