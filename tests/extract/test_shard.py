"""One shard on little memory, and on images that do not fit a budget."""

import pytest
import torch

from analysis.datasets import load_dataset
from analysis.errors import AgileError, UsageError
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.shard import make_worker


@pytest.fixture
def worker(tiny_folder):
    config = ExtractConfig(
        model=tiny_folder,
        data="scenes:dev:5",
        pruners=("fastervlm", "divprune"),
        keeps=(5,),
        tasks=("caption",),
        max_new_tokens=4,
    )
    return make_worker(config, Runtime(device="cpu"), "scenes")


@pytest.fixture(scope="module")
def samples():
    return list(load_dataset("scenes:dev:5").samples())


def limited(adapter, monkeypatch, most):
    """Let the tower's memory end at ``most`` images; returns the sizes it was asked for."""
    asked, encode = [], adapter.encode

    def encode_few(images, needs=frozenset()):
        asked.append(len(images))
        if len(images) > most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return encode(images, needs)

    monkeypatch.setattr(adapter, "encode", encode_few)
    return asked


def test_a_shard_too_large_for_the_tower_is_encoded_in_halves(worker, samples, monkeypatch):
    whole = worker.rows(samples)
    asked = limited(worker.adapter, monkeypatch, 2)
    parts = worker.rows(samples)
    assert asked == [5, 2, 3, 1, 2]
    assert [row["indices"] for row in parts["kept"]] == [row["indices"] for row in whole["kept"]]
    assert parts["answers"] == whole["answers"]


def test_an_image_too_large_for_the_tower_is_named(worker, samples, monkeypatch):
    limited(worker.adapter, monkeypatch, 0)
    name = samples[0].image_id
    with pytest.raises(AgileError, match=rf"encode image {name} \(\d+ x \d+\); shrink it"):
        worker.rows(samples)


def test_memory_that_runs_out_between_tower_and_answers_is_one_sentence(
    worker, samples, monkeypatch
):
    def fail(*_args):
        raise RuntimeError("CUDA error: CUSOLVER_STATUS_ALLOC_FAILED")

    monkeypatch.setattr("analysis.extract.shard.kept_measures", fail)
    with pytest.raises(AgileError, match="smaller --shard-size"):
        worker.rows(samples)


def test_compiled_models_are_not_pruned_inside(tiny_folder):
    config = ExtractConfig(model=tiny_folder, data="scenes:dev:2", pruners=("fastv",), keeps=(12,))
    with pytest.raises(UsageError, match="--compile does not go with fastv"):
        make_worker(config, Runtime(device="cpu", compile=True), "scenes")


def test_other_failures_are_not_hidden(worker, samples, monkeypatch):
    def fail(*_args):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(worker.adapter, "encode", fail)
    with pytest.raises(RuntimeError, match="device-side assert"):
        worker.rows(samples)


@pytest.mark.parametrize(("rows", "advice"), [(6, "--batch-size 3"), (1, "--device-map auto")])
def test_the_batch_that_failed_is_the_one_that_is_halved(worker, rows, advice, monkeypatch):
    """Three variants of two images make six answers, whatever --batch-size allows."""

    def fail(*_args, **_kwargs):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(worker.adapter, "generate", fail)
    object.__setattr__(worker, "batch_size", 256 if rows > 1 else 1)
    with pytest.raises(AgileError, match=advice):
        worker.rows(list(load_dataset("scenes:dev:2").samples()))
