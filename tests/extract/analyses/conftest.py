"""A tiny finished run, its adapter, and a bench around it."""

import shutil

import pytest

from analysis.datasets import load_dataset
from analysis.extract.analyses.base import Averages, Bench, Item
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.loop import run_extraction
from analysis.models import LoadOptions, load
from analysis.runs import Run


@pytest.fixture(scope="session")
def whole_run(tiny_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("analyses") / "run"
    config = ExtractConfig(
        tiny_folder,
        "scenes:dev:12",
        pruners=(),
        tasks=("caption",),
        max_new_tokens=2,
        shard_size=6,
    )
    run_extraction(config, out, Runtime(device="cpu", progress=False))
    return out


@pytest.fixture
def run(whole_run, tmp_path):
    """A copy that a test may write to."""
    return Run.open(shutil.copytree(whole_run, tmp_path / "run"))


@pytest.fixture(scope="session")
def adapter(tiny_folder):
    return load(LoadOptions(tiny_folder, device="cpu"))


@pytest.fixture(scope="session")
def bench(adapter):
    return Bench(adapter, Averages(erank=9.0, erank_plain=8.0, entropy=2.5))


@pytest.fixture(scope="session")
def items():
    samples = load_dataset("scenes:dev:3").samples()
    return [Item(i, sample, sample.load()) for i, sample in enumerate(samples)]
