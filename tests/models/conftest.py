"""Tiny models shared by the tests of this folder."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.models import LoadOptions, load


def _beside(name):
    """Import a helper module that lies beside this file."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tiny = _beside("tiny")


@pytest.fixture(scope="session")
def tiny_module():
    """Give tests ``tiny_module("tiny_next")``, the module of that name in this folder."""
    return _beside


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    return tiny.tiny_llava(tmp_path_factory.mktemp("tiny-llava"))


@pytest.fixture(scope="session")
def adapter(tiny_folder):
    return load(LoadOptions(str(tiny_folder), device="cpu"))


@pytest.fixture(scope="session")
def pictures():
    rng = np.random.default_rng(0)
    sizes = [(56, 56), (80, 40), (30, 90)]
    return [Image.fromarray(rng.integers(0, 255, (h, w, 3), dtype=np.uint8)) for w, h in sizes]
