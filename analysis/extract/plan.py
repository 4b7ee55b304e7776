"""The plan of a run: what `--dry-run` prints, worked out without loading weights."""

import math
from dataclasses import dataclass
from pathlib import Path

from analysis.datasets import load_dataset
from analysis.extract.config import ExtractConfig
from analysis.extract.loop import Runtime, finished, image_ids
from analysis.extract.prepare import check_variants, load_options
from analysis.extract.study import with_study
from analysis.extract.variants import Variant, calibration, default_keeps, make_variants
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
    n_images, n_questions
        Images, and questions about all of them together.
    variants
        Ways of pruning, the full model included.
    n_tokens
        Visual tokens of an image; where they differ from image to image, what is assumed.
    varies
        Whether they do.
    n_shards, missing
        Shards of the run and those still to be made.
    disk
        Estimated size of the records in bytes.
    """

    config: ExtractConfig
    n_images: int
    n_questions: int
    variants: tuple[Variant, ...]
    n_tokens: int
    n_shards: int
    missing: int
    disk: int
    varies: bool = False

    @property
    def generations(self) -> int:
        """Answers to generate."""
        return self.n_questions * len(self.variants)

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


def plan(config: ExtractConfig, out: Path | None = None) -> Plan:
    """Work out what a run will do.

    Parameters
    ----------
    config
        What the run is.
    out
        Its folder; what is there already is not made again.

    Raises
    ------
    UsageError
        For the same mistakes the run itself would refuse.
    """
    known = outline(load_options(config, Runtime()))
    dataset = load_dataset(config.data)
    ids = image_ids(dataset, config)
    # Without a fixed N the run itself takes LLaVA-1.5's budgets.
    keeps = config.keeps or default_keeps(known.n_tokens or 576)
    ready = ExtractConfig.from_dict({**config.as_dict(), "keeps": list(keeps)})
    ready = with_study(ready, known.depth, known.n_tokens, known.offers)
    variants = make_variants(ready, known.n_tokens, calibration(config.model))
    check_variants(variants, known.family, known.offers, known.n_tokens, known.depth)
    questions = sum(
        1
        for sample in dataset.samples(config.offset, len(ids))
        for question in sample.questions
        if not config.tasks or question.task in config.tasks
    )
    shards = math.ceil(len(ids) / config.shard_size)
    missing = shards
    if out is not None:
        finished(out, config)
        missing = len(Run.open(out).missing) if Run.is_at(out) else shards
    kept = sum(v.keep or known.assumed for v in variants)
    disk = len(ids) * (known.assumed * _BYTES_PER_TOKEN + kept * _BYTES_PER_INDEX)
    disk += questions * len(variants) * _BYTES_PER_ANSWER
    return Plan(
        config,
        len(ids),
        questions,
        tuple(variants),
        known.assumed,
        shards,
        missing,
        disk,
        varies=known.n_tokens is None,
    )
