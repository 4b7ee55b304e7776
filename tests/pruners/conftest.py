"""Index lists that the official routines returned on formula-defined inputs."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden() -> dict:
    """Return inputs' sums and, for each method and budget, the selected indices."""
    return json.loads((Path(__file__).parent / "golden_methods.json").read_text())
