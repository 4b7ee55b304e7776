"""Equality with the index lists the official routines returned on formula-defined inputs."""

import hashlib

import pytest

from analysis.pruners import make_pruner
from tests.pruners.inputs import golden_arrays, golden_tokens

# Of the JSON's cases DART belongs to the tests of methods inside the language model.
PLAIN = [
    ("fastervlm", 128, "fastervlm_T128"),
    ("fastervlm", 64, "fastervlm_T64"),
    ("vispruner", 192, "vispruner_T192_r0.5"),
    ("vispruner", 128, "vispruner_T128_r0.5"),
    ("vispruner", 64, "vispruner_T64_r0.5"),
    ("vispruner", 32, "vispruner_T32_r0.5"),
    ("vispruner:attention_share=0.75", 64, "vispruner_T64_r0.75"),
    ("cdpruner", 32, "cdpruner_T32"),
    ("cdpruner", 16, "cdpruner_T16"),
    ("hiprune", 192, "hiprune_T192"),
    ("hiprune", 64, "hiprune_T64"),
]


@pytest.fixture(scope="module")
def tokens():
    return golden_tokens()


def digest(indices: list[int]) -> str:
    """First 12 hex of the sha1 of the comma-joined list."""
    return hashlib.sha1(",".join(map(str, indices)).encode()).hexdigest()[:12]


def test_inputs_have_the_stated_sums(golden):
    arrays = golden_arrays()
    for name, total in (("Xv", "Xv_sum"), ("Xp", "Xp_sum"), ("A", "A_sum")):
        assert arrays[name].sum() == pytest.approx(golden["inputs"][total], abs=1e-5)


@pytest.mark.parametrize(("spec", "keep", "case"), PLAIN)
def test_selection(tokens, golden, spec, keep, case):
    found = make_pruner(spec).select(tokens, keep).indices.tolist()
    assert found == golden["methods"][case]["indices"]
    assert digest(found) == golden["methods"][case]["sha1"]


@pytest.mark.parametrize("spec", ["divprune", "fps:start=max_nn"])
@pytest.mark.parametrize("keep", [128, 64, 56])
def test_divprune_pick_order(tokens, golden, spec, keep):
    found = make_pruner(spec).select(tokens, keep).info["pick_order"]
    assert found == golden["methods"][f"divprune_K{keep}_pickorder"]["indices"]


@pytest.mark.parametrize(("keep", "split"), [(64, "54_10"), (128, "108_20")])
def test_visionzip(tokens, golden, keep, split):
    case = golden["methods"][f"visionzip_{split}_kept_incl_cls"]
    found = make_pruner("visionzip").select(tokens, keep)
    # The golden lists count [CLS] as token 0.
    rows = (found.indices + 1).tolist()
    assert rows[: case["n"]] == case["indices"]
    assert rows[case["n"] :] == case["targets"]
    out = found.apply(tokens.encoder_features, tokens.cls_feature)
    assert list(out.shape) == case["out_shape"][1:]
    assert float(out.double().sum()) == pytest.approx(case["out_sum"], abs=1e-4)


@pytest.mark.parametrize("name", ["prumerge", "prumerge_plus"])
def test_prumerge(tokens, golden, name):
    case = golden["methods"][name]
    found = make_pruner(name).select(tokens, None)
    assert found.indices.tolist() == [*case["indices"], -1]
    assert found.info["outliers"] == golden["methods"]["prumerge"]["iqr_count"]
    out = found.apply(tokens.encoder_features)
    assert list(out.shape) == case["out_shape"][1:]
    assert float(out.double().sum()) == pytest.approx(case["out_sum"], abs=1e-4)
