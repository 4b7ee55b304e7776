"""Overhead of entropy, erank and selection at tiny size."""

import pytest
import torch

from analysis.bench.overhead import PUBLISHED, run, usual_erank
from analysis.bench.presets import preset
from analysis.bench.settings import Overhead
from analysis.bench.synthetic import synthetic_tokens
from analysis.errors import UsageError
from analysis.measures.gram import eranks

CPU = torch.device("cpu")


def test_every_part_at_every_batch():
    options = {"preset": "tiny", "batches": (1, 3), "device": "cpu", "warmups": 0, "repeats": 1}
    first, found = run(Overhead(**options))
    assert len(first) == 5
    assert len(found) == 10
    assert set(found["part"]) == {
        "entropy",
        "erank",
        "selection",
        "all",
        "erank, singular values",
    }
    assert (found["ms"] > 0).all()
    assert (found["ms_per_image"] * found["batch"]).tolist() == pytest.approx(found["ms"].tolist())
    assert found[found["batch"] == 3]["paper_ms"].unique().tolist() == [10.21]
    assert (found["keep"] == 7).all()


def test_the_papers_batches_are_the_default():
    chosen = Overhead(preset="llava-1.5-7b")
    assert chosen.batches == tuple(PUBLISHED) == (1, 3, 5, 10)
    assert chosen.kept == 64


def test_both_ways_to_erank_agree():
    tokens = [synthetic_tokens(preset("tiny"), CPU, seed=seed) for seed in range(3)]
    assert torch.allclose(usual_erank(tokens).double(), eranks(tokens), rtol=1e-4)


def test_wrong_settings_are_named():
    with pytest.raises(UsageError, match="keep is 65"):
        Overhead(preset="tiny", keep=65)
    with pytest.raises(UsageError, match="batches"):
        Overhead(batches=(0,))
    with pytest.raises(UsageError, match="unknown pruner"):
        Overhead(pruner="agile")
