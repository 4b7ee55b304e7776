"""What every pruner promises, over one matrix; a new method is one more line in `SPECS`."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.catalogue import FAMILIES, METHODS
from analysis.measures.kept import kept_measures
from analysis.pruners import make_pruner
from analysis.pruners.inllm import InsidePruner
from analysis.tokens import VisualTokens
from tests.pruners.inputs import random_tokens

# Methods with a budget: exactly K rows, whatever the image.
SPECS = [
    "downsample",
    "random",
    "randomised_share",
    "randomised_erank",
    "randomised_erank:draws=6:strata=3",
    "fastervlm",
    "divprune",
    "fps",
    "fps:metric=euclidean:start=far_from_mean",
    "fps:start=far_from_mean",
    "visionzip",
    "prumerge_plus_fixed",
    "hiprune",
    "hiprune:alpha=1.0",
    "vispruner",
    "vispruner:attention_share=0.9",
    "vispruner:attention_share=0.0",
    "cdpruner",
    "bat",
    "bat:merge=false",
    "mixture",
    "mixture:seeded=false",
    "mixture:attention_share=0.0",
    "mixture:attention_share=1.0",
    "quartile:quartile=2",
    "steered",
    "steered:method=bat:rule=inverse",
    "steered:method=vispruner:steer=entropy",
    "steered:method=mixture/seeded=false:rule=fixed",
    "agilepruner",
    "agilepruner:steer=entropy",
    "agilepruner:tau=2.0",
    "agilepruner:tau=0.0",
    "fastv",
    "pyramiddrop",
    "sparsevlm",
    "sparsevlm_v2",
    "dart",
    "dart:order=cpython",
]
# Methods that set their own count.
FREE = ["prumerge", "prumerge_plus", "agilepruner:adaptive_count=true"]


def odd_image(kind: str, n: int) -> VisualTokens:
    """Return tokens of a shape that trips careless code."""
    tokens = random_tokens(n, seed=n)
    full = {name: getattr(tokens, name) for name in ("features", "encoder_features")}
    if kind == "duplicates":
        full = {name: x[torch.arange(n) % 3] for name, x in full.items()}
        kept = torch.cat([torch.zeros(1, dtype=torch.long), torch.arange(n) % 3 + (n >= 3)])
        keys = {name: getattr(tokens, name)[kept] for name in ("keys", "last_keys")}
        inside = ("llm_keys", "llm_states", "llm_normed")
        full |= {name: getattr(tokens, name)[torch.arange(n) % 3] for name in inside}
        equal = dict.fromkeys(
            ("cls_attention", "object_attention", "received_attention"), torch.full((n,), 0.5 / n)
        )
        return replace(tokens, **full, **keys, **equal, image_embeds=torch.ones(n, 10))
    if kind == "zeros":
        full = {name: x * (torch.arange(n) % 2)[:, None] for name, x in full.items()}
        inside = ("llm_attention", "llm_rotary_bias", "llm_keys", "llm_states", "llm_normed")
        full |= {name: getattr(tokens, name) * 0 for name in ("image_embeds", *inside)}
        return replace(tokens, **full)
    if kind == "rank one":
        full = {name: x[:, :1].repeat(1, x.shape[1]) for name, x in full.items()}
        return replace(tokens, **full)
    if kind == "half":
        names = [f for f in vars(tokens) if isinstance(getattr(tokens, f), torch.Tensor)]
        return replace(tokens, **{f: getattr(tokens, f).half() for f in names})
    return tokens


def check(selection, tokens: VisualTokens, keep: int | None) -> None:
    """Check everything a selection promises."""
    found = selection.indices.tolist()
    assert len(set(found)) == len(found), "tokens repeat"
    assert all(-1 <= i < tokens.n for i in found)
    assert len(selection.groups) == len(found) == selection.n_kept
    assert selection.n_tokens == tokens.n
    if keep is not None:
        assert len(found) == keep
    if selection.weights is None:
        assert found == sorted(found)
        assert -1 not in found
    else:
        assert selection.weights.shape == (len(found), tokens.n + 1)
        assert bool((selection.weights >= 0).all())
        assert bool(torch.isfinite(selection.weights).all())
    out = selection.apply(tokens.encoder_features.float(), tokens.cls_feature.float())
    assert out.shape == (len(found), 12)
    assert bool(torch.isfinite(out).all())
    measures = kept_measures(tokens, selection)
    assert 1.0 <= measures["erank"] <= max(1, len(found)) + 1e-9


@pytest.mark.parametrize("kind", ["random", "duplicates", "zeros", "rank one", "half"])
@pytest.mark.parametrize("spec", [*SPECS, *FREE])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(data=st.data())
def test_exactly_k_distinct_tokens(spec, kind, data):
    n = data.draw(st.integers(1, 70), label="N")
    keep = data.draw(st.integers(1, n), label="K")
    tokens = odd_image(kind, n)
    selection = make_pruner(spec).select(tokens, keep)
    check(selection, tokens, keep if spec in SPECS or keep == n else None)


@pytest.mark.parametrize("spec", [*SPECS, *FREE])
@pytest.mark.parametrize("n", [1, 2, 3, 9, 33])
def test_keeping_all_is_the_identity(spec, n):
    tokens = random_tokens(n)
    selection = make_pruner(spec).select(tokens, n)
    assert selection.indices.tolist() == list(range(n))
    assert torch.equal(selection.apply(tokens.features), tokens.features)


@pytest.fixture(scope="module")
def large() -> VisualTokens:
    return random_tokens(2880)


@pytest.mark.parametrize("spec", [*SPECS, *FREE])
def test_large_image(spec, large):
    tokens = large
    check(make_pruner(spec).select(tokens, 321), tokens, 321 if spec in SPECS else None)


@pytest.mark.parametrize("spec", SPECS)
def test_every_keep_of_a_small_image(spec):
    tokens = random_tokens(23, grid=(1, 23) if make_pruner(spec).on_grid else None)
    for keep in range(1, 24):
        check(make_pruner(spec).select(tokens, keep), tokens, keep)


@pytest.mark.parametrize("spec", [*SPECS, *FREE])
def test_same_input_same_selection_and_inputs_untouched(spec):
    tokens = odd_image("duplicates", 40)
    before = {k: v.clone() for k, v in vars(tokens).items() if isinstance(v, torch.Tensor)}
    first = make_pruner(spec).select(tokens, 17, torch.Generator().manual_seed(5))
    again = make_pruner(spec).select(
        odd_image("duplicates", 40), 17, torch.Generator().manual_seed(5)
    )
    assert first.indices.tolist() == again.indices.tolist()
    for name, value in before.items():
        assert torch.equal(getattr(tokens, name), value), name


@pytest.mark.parametrize("spec", [*SPECS, *FREE])
def test_tokens_that_carry_gradients_are_selected_alike(spec):
    tokens = random_tokens(30, seed=2)
    wanted = make_pruner(spec).select(tokens, 11).indices.tolist()
    names = [n for n, v in vars(tokens).items() if isinstance(v, torch.Tensor)]
    grads = {n: getattr(tokens, n).clone().requires_grad_() for n in names}
    found = make_pruner(spec).select(replace(tokens, **grads), 11)
    assert found.indices.tolist() == wanted
    assert found.weights is None or not found.weights.requires_grad


def test_matrix_knows_every_method():
    assert set(METHODS) - {"full"} == {spec.split(":")[0] for spec in (*SPECS, *FREE)}


@pytest.mark.parametrize("name", METHODS.names())
def test_every_class_describes_itself(name):
    row = METHODS.get(name)
    rule = row.cls()
    assert rule.name == name
    assert rule.__doc__
    assert rule.family == row.family in FAMILIES
    assert (rule.prunes == "in LLM") == isinstance(rule, InsidePruner)
    assert rule.position_policy in {"reindex", "keep"}
    assert set(rule.needs) <= set(VisualTokens.__dataclass_fields__)


@pytest.mark.parametrize(
    "spec", ["fastervlm", "divprune", "vispruner", "mixture", "agilepruner", "cdpruner", "bat"]
)
def test_a_permuted_image_gives_the_permuted_selection(spec):
    """Only methods with a grid, a stride or a fixed start may depend on where a token is."""
    tokens = random_tokens(40, seed=3)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    names = ("features", "encoder_features", "cls_attention", "image_embeds")
    moved = replace(tokens, **{n: getattr(tokens, n)[order] for n in names})
    plain = set(make_pruner(spec).select(tokens, 13).indices.tolist())
    found = order[make_pruner(spec).select(moved, 13).indices].tolist()
    assert set(found) == plain


COSINE = ["divprune", "fps", "mixture", "vispruner", "cdpruner", "visionzip", "dart", "steered"]


@pytest.mark.parametrize("power", [-100, 70, 120])
@pytest.mark.parametrize("spec", [*COSINE, "fps:metric=euclidean:start=far_from_mean"])
def test_the_unit_of_the_features_does_not_matter(spec, power):
    """Squares of such numbers leave float32; a power of two loses no bit."""
    tokens = random_tokens(40, seed=4)
    names = ("features", "encoder_features", "image_embeds", "keys", "llm_normed")
    scaled = {name: getattr(tokens, name) * 2.0**power for name in names}
    pruner = make_pruner(spec)
    found = pruner.select(replace(tokens, **scaled), 13)
    assert found.indices.tolist() == pruner.select(tokens, 13).indices.tolist()
