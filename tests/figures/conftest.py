"""A synthetic run shared by the figure tests."""

import importlib.util
import sys
from pathlib import Path

import pytest


def _load(name, file):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


synthetic = _load("synthetic_run", "synthetic.py")
_load("benchmark_runs", "benchmarks.py")


@pytest.fixture(scope="session")
def make_run():
    """The generator of synthetic runs."""
    return synthetic.make_run


@pytest.fixture(scope="session")
def run_path(tmp_path_factory) -> Path:
    """A run of 60 images, 6 pruners and 3 keeps."""
    return synthetic.make_run(tmp_path_factory.mktemp("runs") / "tiny", 60)


@pytest.fixture(scope="session")
def inputs(run_path):
    """The run as figures see it, with few resamples."""
    from analysis.figures.inputs import Inputs
    from chair_eval.bootstrap import Bootstrap

    return Inputs(run_path, Bootstrap(200))
