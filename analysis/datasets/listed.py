"""A data set whose samples are all known from the start, as benchmarks are."""

from pathlib import Path

from analysis.datasets.base import Dataset, Question, Sample
from analysis.errors import UsageError

#: What LLaVA-1.5 appends to POPE and MME questions (its evaluation files, and lmms-eval).
SHORT_ANSWER = "\nAnswer the question using a single word or phrase."

#: Where ``agile data get NAME`` puts a data set, and where it is looked for without a path.
FETCHED = Path("data/raw")


class Listed(Dataset):
    """Base of the benchmark readers: a list of samples, found by id.

    Parameters
    ----------
    samples
        At least one, in order, ids unique.
    revision
        What pins the content.
    """

    def __init__(self, samples: list[Sample], revision: str) -> None:
        self._samples = {sample.image_id: sample for sample in samples}
        if len(self._samples) != len(samples):
            raise ValueError(f"the ids of {self.name} are not unique")
        self.revision = revision

    def ids(self) -> list[str]:
        """Return image ids in the order of the source."""
        return list(self._samples)

    def sample(self, image_id: str) -> Sample:
        """Return one sample; ``KeyError`` when there is none of that id."""
        return self._samples[image_id]


def existing_path(name: str, path: str | Path) -> Path:
    """Return the path of a benchmark's local copy; without a path, where it is fetched to.

    Raises
    ------
    UsageError
        If it does not exist; the message says how to get the data.
    """
    found = Path(path).expanduser() if str(path) else FETCHED / name
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


def add_question(asked: dict[str, list[Question]], image_id: str, question: Question) -> None:
    """File a question under its image, keeping the order of first mention."""
    asked.setdefault(image_id, []).append(question)
