"""A tiny checkpoint for extraction tests."""

import importlib.util
from pathlib import Path

import pytest

_file = Path(__file__).parents[1] / "models" / "tiny.py"
_spec = importlib.util.spec_from_file_location("tiny", _file)
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    return str(tiny.tiny_llava(tmp_path_factory.mktemp("tiny-llava")))
