"""What every pruner refuses, naming the field; over the matrix of `test_matrix`."""

from dataclasses import replace

import pytest
import torch

from analysis.pruners import make_pruner
from tests.pruners.inputs import random_tokens
from tests.pruners.test_matrix import FREE, SPECS


@pytest.mark.parametrize("spec", [*SPECS, *FREE, "full"])
@pytest.mark.parametrize("keep", [0, -3, 10, 576, 2.0, True])
def test_illegal_keep_is_named(spec, keep):
    with pytest.raises(ValueError, match="keep"):
        make_pruner(spec).select(random_tokens(9), keep)


@pytest.mark.parametrize("spec", SPECS)
def test_missing_keep_is_named(spec):
    with pytest.raises(ValueError, match="keep must be given"):
        make_pruner(spec).select(random_tokens(9), None)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("spec", [*SPECS, *FREE])
def test_values_that_are_no_number_name_the_field(spec, bad):
    pruner = make_pruner(spec)
    for name in ("features", *pruner.needs):
        tokens = random_tokens(9)
        value = getattr(tokens, name).clone()
        value.flatten()[-1] = bad
        with pytest.raises(ValueError, match=f"^{name} must be finite"):
            pruner.select(replace(tokens, **{name: value}), 4)


@pytest.mark.parametrize("spec", [*SPECS, *FREE])
def test_missing_field_is_named(spec):
    pruner = make_pruner(spec)
    for name in pruner.needs:
        with pytest.raises(ValueError, match=f"needs {name}"):
            pruner.select(replace(random_tokens(9), **{name: None}), 4)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("encoder_features", (8, 3)),
        ("cls_attention", (10,)),
        ("keys", (9, 2)),
        ("features", (9,)),
        ("llm_attention", (2, 3, 8)),
        ("llm_attention", (3, 9)),
        ("llm_words", (4, 12)),
        ("llm_rotary_bias", (0, 9)),
        ("llm_states", (10, 9)),
    ],
)
def test_shape_that_does_not_fit_is_named(name, shape):
    with pytest.raises(ValueError, match=name):
        replace(random_tokens(9), **{name: torch.zeros(*shape)})


@pytest.mark.parametrize(
    ("spec", "name", "shape"),
    [
        ("cdpruner", "text_embeds", (2, 7)),
        ("cdpruner", "text_embeds", (0, 10)),
        ("prumerge", "last_query", (7,)),
        ("prumerge_plus_fixed", "last_query", (7,)),
        ("divprune", "features", (9, 0)),
        ("visionzip", "keys", (10, 0)),
        ("sparsevlm", "llm_words", (3, 7)),
        ("dart", "llm_word_keys", (3, 7)),
        ("dart", "llm_word_normed", (3, 7)),
    ],
)
def test_field_that_fits_no_other_is_named(spec, name, shape):
    image = replace(random_tokens(9), **{name: torch.zeros(*shape)})
    with pytest.raises(ValueError, match=f"^{name} must"):
        make_pruner(spec).select(image, 4)


@pytest.mark.parametrize("spec", ["divprune", "fps", "mixture", "agilepruner"])
def test_what_float32_cannot_hold_is_refused(spec):
    tokens = random_tokens(9)
    with pytest.raises(ValueError, match=r"^features must be finite in float32"):
        make_pruner(spec).select(replace(tokens, features=tokens.features.double() * 1e40), 4)


@pytest.mark.parametrize("spec", ["prumerge", "prumerge_plus", "prumerge_plus_fixed"])
def test_scores_that_overflow_are_refused(spec):
    tokens = random_tokens(9)
    large = {name: getattr(tokens, name) * 1e25 for name in ("last_keys", "last_query")}
    with pytest.raises(ValueError, match="last_keys and last_query"):
        make_pruner(spec).select(replace(tokens, **large), 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grid", (-3, -3)),
        ("grid", (9,)),
        ("grid", "33"),
        ("grid", (4.5, 2)),
        ("cls_feature", torch.zeros(5)),
        ("features", [[1.0, 2.0]]),
        ("features", None),
        ("cls_attention", torch.zeros(9).numpy()),
        ("encoder_features", torch.zeros(9, 12, dtype=torch.complex64)),
        ("llm_prefix", -1),
    ],
)
def test_what_is_no_field_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        replace(random_tokens(9), **{name: value})
