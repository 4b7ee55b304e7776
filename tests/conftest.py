"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared_path(*parts: str) -> Path:
    """Path of reference data beside the checkout; skips where it is absent."""
    path = ROOT.parent.joinpath("shared", *parts)
    if not path.exists():
        pytest.skip(f"reference data {'/'.join(parts)} is not beside this checkout")
    return path


@pytest.fixture(name="shared")
def shared_fixture():
    """Give tests ``shared("data", "chair")`` → path, or a skip with the reason."""
    return shared_path


@pytest.fixture
def root() -> Path:
    """Root of the repository."""
    return ROOT
