"""DART's choice, as a pure function of keys and states."""

import hashlib

import pytest
import torch

from analysis.pruners.dart import DART, pivots_and_unlike

PREFIX, N, LENGTH = 35, 576, 635


@pytest.fixture(scope="module")
def inputs():
    """The formula-defined inputs of the golden cases: L1 norms and states."""
    q = torch.arange(LENGTH, dtype=torch.float64)[:, None]
    d = torch.arange(40, dtype=torch.float64)[None]
    states = torch.sin(0.017 * (q + 1) * (d + 1)) + 0.3 * torch.cos(0.5 * q + 0.2 * d**2)
    h = torch.arange(4, dtype=torch.float64)[:, None, None]
    keys = torch.cos(0.013 * (q + 3) * (d[:, :10] + 1) * (h + 1)) * (
        1 + 0.5 * torch.sin(0.11 * q + h)
    )
    return keys.float().abs().sum((0, 2)), states.float()


def choose(inputs, n_keep, **kwargs):
    norms, states = inputs
    image = torch.arange(PREFIX, PREFIX + N)
    index = pivots_and_unlike(
        norms, states, image, torch.arange(PREFIX + N, LENGTH), n_keep, **kwargs
    )
    return image[index].tolist()


@pytest.mark.parametrize("order", ["cpython", "sorted"])
@pytest.mark.parametrize(
    ("case", "n_keep", "digest"),
    [
        ("dart_red0.778_abs_positions_cpython_set_order", 124, "b6887a1264b7"),
        ("dart_red0.889_abs_positions_cpython_set_order", 68, "3238a1a46e72"),
    ],
)
def test_golden_positions(inputs, golden, case, n_keep, digest, order):
    kept = choose(inputs, n_keep, order=order)
    assert kept == golden["methods"][case]["indices"]
    assert hashlib.sha1(",".join(map(str, kept)).encode()).hexdigest()[:12] == digest


@pytest.mark.parametrize("order", ["cpython", "sorted"])
@pytest.mark.parametrize("n_keep", [1, 2, 3, 4, 5, 11, 12, 13, 128, 575, 576])
def test_any_count_is_met_exactly(inputs, n_keep, order):
    kept = choose(inputs, n_keep, order=order)
    assert len(set(kept)) == len(kept) == n_keep
    assert kept == sorted(kept)


def test_image_pivots_are_always_kept(inputs):
    norms = inputs[0][PREFIX : PREFIX + N]
    pivots = {PREFIX + i for i in norms.topk(4).indices.tolist()}
    assert pivots <= set(choose(inputs, 12))


def test_few_words_are_all_pivots():
    norms, states = torch.tensor([1.0, 3.0, 2.0, 5.0]), torch.eye(4)
    kept = pivots_and_unlike(
        norms, states, torch.arange(3), torch.tensor([3]), 2, n_image=1, n_text=4
    )
    assert kept.tolist() == [0, 1]


def test_duplicate_and_zero_tokens_do_not_break_the_count():
    norms, states = torch.zeros(10), torch.zeros(10, 4)
    kept = pivots_and_unlike(norms, states, torch.arange(8), torch.arange(8, 10), 5)
    assert kept.tolist() == [0, 1, 2, 3, 4]


def test_officially_the_count_is_the_pivots_plus_a_multiple_of_their_number():
    assert DART().original_schedule(576, 32).stages == ((2, 4 + 8 * 15),)
    assert DART(reduction=0.0).original_schedule(576, 32).stages == ((2, 576),)


def test_the_default_order_is_the_official_one():
    assert DART().order == "cpython"
