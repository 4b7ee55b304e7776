"""A seeded generator for the tests of this folder."""

import pytest
import torch


@pytest.fixture
def rng() -> torch.Generator:
    """Give every test the same numbers each time."""
    return torch.Generator().manual_seed(20260301)
