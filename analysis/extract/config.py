"""What an extraction is, and how it is made: every option of ``agile extract``."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from analysis.catalogue import STUDY
from analysis.datasets.base import TASKS
from analysis.errors import UsageError
from analysis.models.options import Checkpoint, Placement
from analysis.options import check, option


@dataclass(frozen=True)
class ExtractConfig(Checkpoint):
    """Everything that decides which rows a run holds.

    How fast they are made (batch size, device, number of workers) is not part of it.

    Parameters
    ----------
    model, revision, dtype, attention, image_aspect, prompt, quantize
        See :class:`analysis.models.options.Checkpoint`.
    data
        Spec of the data set, such as ``scenes`` or ``pope:PATH``.
    pruners
        Pruner specs, such as ``fastervlm`` or ``mixture:attention_share=0.25``. With a
        budget of its own (``fastervlm@64``) a pruner is not crossed with ``keeps``.
    keeps
        Tokens to keep; empty means 2/9, 1/9 and 1/18 of N (128, 64, 32 of 576).
    limit, offset
        Images to take and to skip; no limit takes all.
    seed
        Seed of everything random.
    tasks
        Tasks to run; empty means all the data set has.
    max_new_tokens
        Limit for captions; 0 means the checkpoint's own, else 512.
    max_answer_tokens
        Limit for yes/no and choice questions.
    full
        Whether the unpruned model answers too.
    study
        Whether the variants of the study's figures are added, each at the middle keep;
        see :mod:`analysis.extract.study`.
    design
        ``randomised`` adds variants whose dose is drawn for each image, at every keep; see
        :mod:`analysis.extract.design`.
    budget
        For models that split an image into crops: ``crop`` shares the budget among
        them, ``global`` prunes the whole image at once.
    shard_size
        Images per shard, the unit that is resumed.
    """

    data: str = option(
        "Data set: scenes, coco-chair:PATH, pope:PATH, folder:PATH, "
        "hf:OWNER/NAME[:CONFIG][:SPLIT]:image=COLUMN,question=COLUMN,answer=COLUMN, …"
    )
    pruners: tuple[str, ...] = option(
        "Comma-separated specs: name, name:key=value:…, or …@keep.", STUDY
    )
    keeps: tuple[int, ...] = option(
        "Tokens to keep, such as 128,64,32; default 2/9, 1/9, 1/18.", (), low=1
    )
    limit: int | None = option("Use this many images.", None, low=1)
    offset: int = option("Skip this many images first.", 0, low=0)
    seed: int = option("Seed of everything random.", 0)
    tasks: tuple[str, ...] = option("caption, yesno, choice; default all.", ())
    max_new_tokens: int = option("Limit for captions; 0: the checkpoint's own.", 0, low=0)
    max_answer_tokens: int = option("Limit for short answers.", 16, low=1)
    full: bool = option("Also run the unpruned model.", True)
    study: bool = option("Add the variants of the study's figures.", False)
    design: str = option(
        "none, or randomised: doses drawn for each image, for cause and effect.",
        "none",
        choices=("none", "randomised"),
    )
    budget: str = option(
        "crop or global, for models that tile images.", "crop", choices=("crop", "global")
    )
    shard_size: int = option("Images per shard.", 32, low=1)

    def __post_init__(self) -> None:
        """Check ranges, and what is listed: nothing twice, budgets that are numbers.

        Raises
        ------
        UsageError
            Naming field, value and what is allowed.
        """
        if not self.model or not self.data:
            raise UsageError(
                "model and data must be given; for the embedded ones use "
                "--model data/pocket --data scenes."
            )
        check(self)
        for name in ("pruners", "keeps", "tasks"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise UsageError(f"{name} {list(values)} repeats an entry; list each once.")
        for task in self.tasks:
            if task not in TASKS:
                raise UsageError(f"task {task!r} is unknown; choose among: {', '.join(TASKS)}.")
        for spec in self.pruners:
            split_keep(spec)
        if not (self.pruners or self.full or self.study or self.design != "none"):
            raise UsageError("nothing to do: give --pruners, or leave the full model in.")

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        plain = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


@dataclass(frozen=True)
class Runtime(Placement):
    """How fast and where: nothing here changes the rows.

    Parameters
    ----------
    device, device_map, compile
        See :class:`analysis.models.options.Placement`.
    batch_size
        Rows in one generation; 0 means 256 for small models and 16 for large ones.
    worker, workers
        This process makes every shard whose index is ``worker`` modulo ``workers``.
    progress
        Show a progress bar when standard error is a terminal.
    """

    batch_size: int = option("Rows per generation; 0 chooses.", 0, low=0)
    worker: int = option("Index of this process.", 0)
    workers: int = option("How many processes share the run.", 1)
    progress: bool = True

    def __post_init__(self) -> None:
        """Check ranges.

        Raises
        ------
        UsageError
            Naming field, value and range.
        """
        check(self)
        if not 0 <= self.worker < self.workers:
            raise UsageError(
                f"worker is {self.worker} of {self.workers}; it must be 0 to workers - 1."
            )


def split_keep(spec: str) -> tuple[str, int | None]:
    """Split ``pruner@keep`` into the pruner's spec and its own budget.

    Returns
    -------
    tuple
        The spec, and None where it has no budget of its own.

    Raises
    ------
    UsageError
        When what follows the ``@`` is no whole number of at least 1.
    """
    name, at, keep = spec.partition("@")
    if not at:
        return spec, None
    if not (keep.isascii() and keep.isdigit()) or int(keep) < 1:
        raise UsageError(
            f"pruner {spec!r} has the budget {keep!r}; after @ comes a whole number of at least 1, "
            "such as fastervlm@64."
        )
    return name, int(keep)
