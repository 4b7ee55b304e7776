"""The plan of a run: what `--dry-run` prints, worked out without loading weights."""

import math
from dataclasses import dataclass
from pathlib import Path

from analysis.datasets import load_dataset
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.images import image_ids
from analysis.extract.loop import finished
from analysis.extract.resolve import load_options, resolve
from analysis.extract.variants import Variant
from analysis.models import outline
from analysis.runs import Run

# Bytes a row takes on disk, measured on a run of the embedded model (zstd Parquet): an
# index costs about 2 bytes, an attention value 4, an answer about 60.
_BYTES_PER_TOKEN = 4
_BYTES_PER_INDEX = 2
_BYTES_PER_ANSWER = 60


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes
    ----------
    config
        As asked for.
    variants
        Ways of pruning, the full model included.
    n_images, n_questions
        Images, and questions about all of them together.
    n_tokens
        Visual tokens of an image; where they differ from image to image, what is assumed.
    varies
        Whether they do.
    n_shards, missing
        Shards of the run and those still to be made.
    """

    config: ExtractConfig
    variants: tuple[Variant, ...]
    n_images: int
    n_questions: int
    n_tokens: int
    varies: bool
    n_shards: int
    missing: int

    @property
    def generations(self) -> int:
        """Answers to generate."""
        return self.n_questions * len(self.variants)

    @property
    def disk(self) -> int:
        """Estimated size of the records in bytes."""
        kept = sum(variant.keep or self.n_tokens for variant in self.variants)
        rows = self.n_images * (self.n_tokens * _BYTES_PER_TOKEN + kept * _BYTES_PER_INDEX)
        return rows + self.generations * _BYTES_PER_ANSWER

    def text(self) -> str:
        """Render the plan as a few lines."""
        labels = ", ".join(v.label for v in self.variants)
        tokens = f"{self.n_tokens} visual tokens an image"
        if self.varies:
            tokens = f"visual tokens differ from image to image, {self.n_tokens} assumed"
        return "\n".join(
            [
                f"model        {self.config.model} ({tokens})",
                f"data         {self.config.data}",
                f"images       {self.n_images} (vision tower once each)",
                f"variants     {len(self.variants)}: {labels}",
                f"questions    {self.n_questions}",
                f"generations  {self.generations}",
                f"shards       {self.n_shards}, {self.missing} still to be made",
                f"disk         about {max(1, round(self.disk / 2**20))} MiB",
            ]
        )


def plan(config: ExtractConfig, out: Path | None = None, runtime: Runtime | None = None) -> Plan:
    """Work out what a run will do.

    Parameters
    ----------
    config
        What the run is.
    out
        Its folder; what is there already is not made again.
    runtime
        How it would be made.

    Raises
    ------
    UsageError
        For the same mistakes the run itself would refuse.
    """
    runtime = runtime or Runtime()
    known = outline(load_options(config, runtime))
    dataset = load_dataset(config.data)
    ids = image_ids(dataset, config)
    variants = resolve(config, known, runtime).variants
    questions = sum(
        1
        for sample in dataset.samples(config.offset, len(ids))
        for question in sample.questions
        if not config.tasks or question.task in config.tasks
    )
    shards = missing = math.ceil(len(ids) / config.shard_size)
    if out is not None:
        finished(out, config)
        missing = len(Run.open(out).missing) if Run.is_at(out) else shards
    varies = known.n_tokens is None
    return Plan(
        config,
        variants,
        len(ids),
        questions,
        known.assumed,
        varies,
        n_shards=shards,
        missing=missing,
    )
