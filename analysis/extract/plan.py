"""The plan of a run: what `--dry-run` prints, worked out without loading weights."""

import math
from dataclasses import dataclass
from pathlib import Path

from analysis.datasets import load_dataset
from analysis.extract.config import ExtractConfig
from analysis.extract.loop import image_ids
from analysis.extract.run import Run
from analysis.extract.study import with_study
from analysis.extract.variants import Variant, calibration, default_keeps, make_variants
from analysis.models import LoadOptions
from analysis.models.loading import load_config

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
        Visual tokens of an image.
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

    @property
    def generations(self) -> int:
        """Answers to generate."""
        return self.n_questions * len(self.variants)

    def text(self) -> str:
        """Render the plan as a few lines."""
        labels = ", ".join(v.label for v in self.variants)
        return "\n".join(
            [
                f"model        {self.config.model} ({self.n_tokens} visual tokens an image)",
                f"data         {self.config.data}",
                f"images       {self.n_images} (vision tower once each)",
                f"variants     {len(self.variants)}: {labels}",
                f"questions    {self.n_questions}",
                f"generations  {self.generations}",
                f"shards       {self.n_shards}, {self.missing} still to be made",
                f"disk         about {max(1, round(self.disk / 2**20))} MiB",
            ]
        )


def _sizes(config: ExtractConfig) -> tuple[int, int | None]:
    """Visual tokens of an image and decoder layers, from the configuration alone."""
    loaded = load_config(LoadOptions(config.model, revision=config.revision))
    vision = loaded.vision_config
    side = getattr(vision, "image_size", None)
    tokens = int((side // vision.patch_size) ** 2) if side else 576
    return tokens, getattr(loaded.get_text_config(), "num_hidden_layers", None)


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
    n_tokens, n_layers = _sizes(config)
    dataset = load_dataset(config.data)
    ids = image_ids(dataset, config)
    ready = ExtractConfig.from_dict(
        {**config.as_dict(), "keeps": list(config.keeps or default_keeps(n_tokens))}
    )
    ready = with_study(ready, n_layers, n_tokens)
    variants = make_variants(ready, n_tokens, calibration(config.model))
    questions = sum(
        1
        for sample in dataset.samples(config.offset, len(ids))
        for question in sample.questions
        if not config.tasks or question.task in config.tasks
    )
    shards = math.ceil(len(ids) / config.shard_size)
    there = out is not None and (out / "run.json").is_file()
    missing = len(Run.open(out).missing) if there and out is not None else shards
    kept = sum(v.keep or n_tokens for v in variants)
    disk = len(ids) * (n_tokens * _BYTES_PER_TOKEN + kept * _BYTES_PER_INDEX)
    disk += questions * len(variants) * _BYTES_PER_ANSWER
    return Plan(config, len(ids), questions, tuple(variants), n_tokens, shards, missing, disk)
