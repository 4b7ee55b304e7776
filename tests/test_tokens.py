"""Visual tokens: shapes are checked by name, and a field that must be there is asked for."""

import pytest
import torch

from analysis.tokens import VisualTokens


def test_a_field_that_is_missing_is_an_error_and_no_gap():
    tokens = VisualTokens(torch.ones(4, 3), cls_attention=torch.ones(4))
    assert tokens.require("cls_attention") is tokens.cls_attention
    with pytest.raises(ValueError, match="keys must be given"):
        tokens.require("keys")


@pytest.mark.parametrize(
    ("field", "shape", "message"),
    [
        ("encoder_features", (5, 2), "must have 4 rows"),
        ("keys", (4, 2), "must have 5 rows"),
        ("cls_attention", (4, 1), "must have 1 dimensions"),
        ("llm_attention", (2, 3, 5), "must have 4 columns"),
    ],
)
def test_a_shape_that_does_not_fit_is_named(field, shape, message):
    with pytest.raises(ValueError, match=f"{field} {message}"):
        VisualTokens(torch.ones(4, 3), **{field: torch.ones(shape)})
