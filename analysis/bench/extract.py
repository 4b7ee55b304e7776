"""Extraction throughput: one batched pass against every variant on its own.

Both sides make the same rows with the same code: `together` hands a shard of images to
one worker with all variants, so the tower runs once an image and all answers are
generated in batches; `apart` does what the released evaluation scripts do, one variant
after the other, batch one, the tower run anew for each. A third figure, `apart_lean`,
drops every measure from that loop and only encodes, selects and answers.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from analysis.bench.clock import Clock
from analysis.bench.output import as_command
from analysis.bench.presets import preset, presets
from analysis.bench.settings import Extract
from analysis.bench.synthetic import build
from analysis.datasets import load_dataset
from analysis.datasets.base import Sample
from analysis.extract.config import ExtractConfig
from analysis.extract.shard import Worker
from analysis.extract.variants import Variant, default_keeps, make_variants
from analysis.models import LoadOptions, load
from analysis.models.base import Adapter
from analysis.models.devices import device_name, pick_device
from analysis.models.exchange import Request

if TYPE_CHECKING:
    import pandas as pd

# A model below this many parameters is small enough for large batches anywhere.
_SMALL = 100_000_000


@dataclass(frozen=True, eq=False)
class Bench:
    """Worker and samples of one comparison."""

    worker: Worker
    samples: Sequence[Sample]

    def together(self) -> int:
        """Make all rows in one batched pass; returns the answers made."""
        return len(self.worker.rows(self.samples)["answers"])

    def apart(self) -> int:
        """Make the same rows one variant and one image at a time."""
        singles = [replace(self.worker, variants=[v], batch_size=1) for v in self.worker.variants]
        return sum(len(one.rows([s])["answers"]) for one in singles for s in self.samples)

    def apart_lean(self) -> int:
        """Encode, select and answer one variant and one image at a time, nothing else."""
        return sum(self._answer(v, s) for v in self.worker.variants for s in self.samples)

    def _answer(self, variant: Variant, sample: Sample) -> int:
        adapter, tasks = self.worker.adapter, self.worker.config.tasks
        tokens = adapter.encode([sample.load()], frozenset(variant.pruner.needs))[0]
        chosen = variant.pruner.select(tokens, variant.keep, torch.Generator().manual_seed(0))
        asked = [q for q in sample.questions if not tasks or q.task in tasks]
        for question in asked:
            request = Request(question.text, tokens, chosen)
            adapter.generate([request], self.worker.limit_of(question.task))
        return len(asked)


SIDES: dict[str, Callable[[Bench], int]] = {
    "together": Bench.together,
    "apart": Bench.apart,
    "apart_lean": Bench.apart_lean,
}


def prepare(settings: Extract) -> Bench:
    """Load model and images.

    Raises
    ------
    UsageError
        For a missing checkpoint or data set.
    """
    adapter = _adapter(settings)
    limit = settings.max_new_tokens or adapter.max_new_tokens or 512
    config = ExtractConfig(
        model=settings.model,
        data=settings.data,
        pruners=settings.pruners,
        keeps=settings.keeps or default_keeps(adapter.n_tokens or 576)[:2],
        limit=settings.limit,
        tasks=settings.tasks,
        max_new_tokens=limit,
        full=False,
        study=False,
    )
    dataset = load_dataset(settings.data)
    samples = list(itertools.islice(dataset.samples(0, settings.limit), settings.limit))
    variants = make_variants(config, adapter.n_tokens, {})
    small = adapter.n_parameters < _SMALL
    rows = settings.batch_size or (256 if small else 32)
    return Bench(Worker(adapter, config, variants, dataset.name, rows), samples)


def _adapter(settings: Extract) -> Adapter:
    if settings.model not in presets():
        return load(LoadOptions(settings.model, device=settings.device))
    device = pick_device(settings.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    return build(preset(settings.model), device, dtype)


def run(settings: Extract) -> Iterator["pd.DataFrame"]:
    """Time the three sides in turn, ``repeats`` rounds after one warm-up image each.

    Yields
    ------
    DataFrame
        One row per side: ``seconds`` (median round) with quartiles,
        ``images_per_s``, ``answers``, and ``ratio``, its seconds over those of
        ``together``.
    """
    import pandas as pd

    bench = prepare(settings)
    answers: dict[str, int] = {}

    def work(name: str, images: Bench) -> None:
        answers[name] = SIDES[name](images)

    for name in SIDES:
        work(name, replace(bench, samples=bench.samples[:1]))
    # Answers are text: a GPU has finished when they are there.
    clock = Clock(torch.device("cpu"), warmups=0, repeats=settings.repeats)
    taken = clock.together({name: partial(work, name, bench) for name in SIDES})
    rows = [
        {
            "side": name,
            **duration.columns("seconds", 1e-3),
            "images_per_s": len(bench.samples) / (duration.median * 1e-3),
            "answers": answers[name],
            "ratio": duration.median / taken["together"].median,
        }
        for name, duration in taken.items()
    ]
    yield pd.DataFrame(rows).assign(
        model=settings.model,
        data=settings.data,
        images=len(bench.samples),
        variants=len(bench.worker.variants),
        max_new_tokens=bench.worker.config.max_new_tokens,
        batch_size=bench.worker.batch_size,
        repeats=settings.repeats,
        device=device_name(pick_device(settings.device)),
        torch=torch.__version__,
    )


if __name__ == "__main__":
    as_command("extract")
