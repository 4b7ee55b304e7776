"""Answering many questions: all variants of a shard generated together, by prompt length.

Rows of one length need no padding, so a batch wastes nothing and a pruned row costs
what a pruned row costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from analysis.datasets.base import Question
from analysis.errors import AgileError
from analysis.extract.variants import Variant
from analysis.models.base import Adapter
from analysis.models.devices import ran_out
from analysis.models.exchange import Answer, Request
from analysis.tokens import VisualTokens


@dataclass(frozen=True, eq=False)
class Job:
    """One question about one image under one variant."""

    tokens: VisualTokens
    question: Question
    variant: Variant
    selection: Any | None

    @property
    def request(self) -> Request:
        """What the adapter is asked."""
        full = self.variant.keep is None
        return Request(self.question.text, self.tokens, None if full else self.selection)

    @property
    def n_visual(self) -> int:
        """Visual tokens that enter the language model."""
        return self.tokens.n if self.selection is None else int(self.selection.n_kept)


def _group(job: Job, limit: int) -> tuple[Any, ...]:
    """Return what rows of one generation must share, then what they should share.

    Inside the language model rows of unlike images may have their stages at unlike layers.
    """
    inside = f"{job.variant.label} of {job.tokens.n}" if job.variant.inside else ""
    return (inside, limit, job.n_visual, len(job.question.text.split()), len(job.question.text))


def answer_all(
    adapter: Adapter,
    jobs: Sequence[Job],
    batch_size: int,
    limit_of: Callable[[str], int],
) -> list[Answer]:
    """Answer every job; the order of the answers is the order of the jobs.

    Parameters
    ----------
    adapter
        The loaded model.
    jobs
        Any mixture of images, variants and questions.
    batch_size
        Rows in one generation at most.
    limit_of
        Task → upper limit of new tokens.

    Raises
    ------
    AgileError
        When memory runs out; names a smaller batch.
    """
    keys = [_group(job, limit_of(job.question.task)) for job in jobs]
    order = sorted(range(len(jobs)), key=lambda i: (keys[i], i))
    answers: dict[int, Answer] = {}
    for (_, limit), members in groupby(order, key=lambda i: keys[i][:2]):
        rows = list(members)
        for start in range(0, len(rows), batch_size):
            part = rows[start : start + batch_size]
            made = _generate(adapter, [jobs[i] for i in part], limit)
            answers.update(zip(part, made, strict=True))
    return [answers[i] for i in range(len(jobs))]


def _generate(adapter: Adapter, jobs: Sequence[Job], limit: int) -> list[Answer]:
    variant = jobs[0].variant
    inside: dict[str, Any] = (
        {"pruner": variant.pruner, "keep": variant.keep} if variant.inside else {}
    )
    try:
        return adapter.generate([job.request for job in jobs], limit, **inside)
    except Exception as error:
        if not ran_out(error):
            raise
        raise AgileError(_advice(len(jobs))) from error


def _advice(rows: int) -> str:
    """Say what to do when a generation of that many rows does not fit into memory."""
    if rows > 1:
        return (
            f"not enough memory for a batch of {rows}; run the same command with "
            f"--batch-size {rows // 2}, finished shards are kept."
        )
    return (
        "not enough memory for a single answer; go on with --device-map auto or on a larger "
        "device, or start anew with --dtype bfloat16 or --quantize 4bit and another --out; "
        "finished shards are kept."
    )
