"""A data set whose samples are all known from the start, as benchmarks are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from analysis.datasets.base import Dataset, Question, Sample
from analysis.errors import UsageError
from analysis.paths import written

#: What LLaVA-1.5 appends to POPE and MME questions (its evaluation files, and lmms-eval).
SHORT_ANSWER = "\nAnswer the question using a single word or phrase."

#: Where ``agile data get NAME`` puts a data set, and where it is looked for without a path.
FETCHED = Path("data/raw")


@dataclass(frozen=True)
class Asked:
    """One question, and the image it is about.

    Attributes
    ----------
    image_id
        Questions of one image become one sample, in the order of first mention.
    load
        Returns the image, given the name it has in messages; the first question's is used.
    question
        What is asked.
    file_name, meta
        As in `Sample`; of the first question.
    objects
        As in `Sample`; those of all questions together.
    """

    image_id: str
    load: Callable[[str], Image.Image]
    question: Question
    file_name: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[str, ...] | None = None


def joined(rows: Sequence[Asked]) -> Sample:
    """Return the sample of one image from all that is asked about it; equal questions once."""
    first = rows[0]
    known = [row.objects for row in rows if row.objects is not None]
    return Sample(
        image_id=first.image_id,
        file_name=first.file_name or first.image_id,
        load=partial(first.load, first.image_id),
        questions=tuple(dict.fromkeys(row.question for row in rows)),
        objects=tuple(sorted(set().union(*known))) if known else None,
        meta=first.meta,
    )


class Listed(Dataset):
    """Base of the benchmark readers: samples made of questions, found by the image's id.

    Parameters
    ----------
    asked
        Every question, in order.
    revision
        What pins the content.
    """

    def __init__(self, asked: Iterable[Asked], revision: str) -> None:
        rows: dict[str, list[Asked]] = {}
        for one in asked:
            rows.setdefault(one.image_id, []).append(one)
        self._samples = {image_id: joined(found) for image_id, found in rows.items()}
        self.revision = revision

    def ids(self) -> list[str]:
        """Return image ids in the order of the source."""
        return list(self._samples)

    def sample(self, image_id: str) -> Sample:
        """Return one sample; ``KeyError`` when there is none of that id."""
        return self._samples[image_id]

    def parts(self, option: str, value: str, known: Sequence[str]) -> tuple[str, ...]:
        """Return the parts of the data set that an option names: one of them, or ``all``.

        Raises
        ------
        UsageError
            For any other value.
        """
        if value != "all" and value not in known:
            raise UsageError(
                f"{option}={value!r} is not a {option} of {self.name}; choose one of: "
                f"{', '.join((*known, 'all'))}."
            )
        return tuple(known) if value == "all" else (value,)


def existing_path(name: str, path: str | Path) -> Path:
    """Return the path of a benchmark's local copy; without a path, where it is fetched to.

    Raises
    ------
    UsageError
        If it does not exist; the message says how to get the data.
    """
    found = written(path) if str(path) else FETCHED / name
    if not found.exists():
        raise UsageError(
            f"{name} is not at {str(found)!r}; get it with: agile data get {name}, or give the "
            f"path of a copy: {name}:PATH."
        )
    return found


def yes_or_no(value: object, where: str) -> str:
    """Return ``"yes"`` or ``"no"``; ``UsageError`` for any other label."""
    label = str(value).strip().strip(".").lower()
    if label not in ("yes", "no"):
        raise UsageError(f"{where}: the label is {value!r}; a yes/no data set has yes or no.")
    return label
