"""What an extraction is: the parameters that decide its rows."""

import dataclasses
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from analysis.catalogue import STUDY
from analysis.datasets.base import TASKS
from analysis.errors import UsageError

# 128, 64 and 32 of LLaVA-1.5's 576 tokens, the budgets of the paper.
DEFAULT_SHARES = (2 / 9, 1 / 9, 1 / 18)


@dataclass(frozen=True)
class ExtractConfig:
    """Everything that decides which rows a run holds.

    How fast they are made (batch size, device, number of workers) is not part of it.

    Parameters
    ----------
    model
        Hub id or folder of the checkpoint.
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
    revision, dtype, attention, image_aspect, prompt, quantize
        See :class:`analysis.models.options.LoadOptions`.
    budget
        For models that split an image into crops: ``crop`` shares the budget among
        them, ``global`` prunes the whole image at once.
    shard_size
        Images per shard, the unit that is resumed.
    """

    model: str
    data: str
    pruners: tuple[str, ...] = STUDY
    keeps: tuple[int, ...] = ()
    limit: int | None = None
    offset: int = 0
    seed: int = 0
    tasks: tuple[str, ...] = ()
    max_new_tokens: int = 0
    max_answer_tokens: int = 16
    full: bool = True
    study: bool = False
    revision: str | None = None
    dtype: str = "auto"
    attention: str = "sdpa"
    image_aspect: str = "auto"
    prompt: str = "auto"
    quantize: str | None = None
    budget: str = "crop"
    shard_size: int = 32

    def __post_init__(self) -> None:
        """Check ranges.

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
        for name, low in (
            ("offset", 0),
            ("shard_size", 1),
            ("max_answer_tokens", 1),
            ("max_new_tokens", 0),
        ):
            if getattr(self, name) < low:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be at least {low}.")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"limit is {self.limit}; it must be at least 1.")
        if any(keep < 1 for keep in self.keeps):
            raise UsageError(f"keeps are {list(self.keeps)}; every one must be at least 1.")
        self._check_lists()
        if self.budget not in ("crop", "global"):
            raise UsageError(f"budget is {self.budget!r}; choose crop or global.")

    def _check_lists(self) -> None:
        """Check what is listed: nothing twice, budgets that are numbers, something to do."""
        for name in ("pruners", "keeps", "tasks"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise UsageError(f"{name} {list(values)} repeats an entry; list each once.")
        for task in self.tasks:
            if task not in TASKS:
                raise UsageError(f"task {task!r} is unknown; choose among: {', '.join(TASKS)}.")
        for spec in self.pruners:
            split_keep(spec)
        if not (self.pruners or self.full or self.study):
            raise UsageError("nothing to do: give --pruners, or leave the full model in.")

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        plain = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ExtractConfig":
        """Build a configuration from parsed YAML or JSON.

        Raises
        ------
        UsageError
            For an unknown key, with the closest known one.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        for key in values:
            if key not in known:
                close = get_close_matches(key, known, n=1)
                hint = f"; did you mean {close[0]}?" if close else "."
                raise UsageError(f"unknown configuration key {key!r}{hint}")
        ready: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**ready)


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
