"""`mme:PATH`: two yes/no questions on each image in 14 subtasks (Fu et al. 2023).

Two layouts are read:

* Parquet as in the hub's ``lmms-lab/MME``; columns ``question_id, image, question, answer,
  category``, both rows of an image having the same ``question_id``.
* The official ``MME_Benchmark_release_version``: a folder per subtask with one ``NAME.txt`` an
  image (lines ``question<TAB>Yes|No``) and the image, side by side or in ``questions_answers_YN/``
  and ``images/``.

``image_id`` is ``SUBTASK/NAME``, ``split`` of a question is the subtask.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from PIL import Image

from analysis.benchmarks import SUBTASKS
from analysis.datasets.base import Question
from analysis.datasets.images import BENCHMARK, SUFFIXES, load_image
from analysis.datasets.listed import SHORT_ANSWER, Asked, Listed, existing_path, yes_or_no
from analysis.datasets.tables import parquet_files, read_rows, revision_of
from analysis.errors import UsageError

COLUMNS = ("question_id", "question", "answer", "category")

#: Part of the official questions; LLaVA-1.5's own instruction takes its place.
OFFICIAL_SUFFIX = "Please answer yes or no."

# Id and loader of an image, what is asked about it, and the label.
_Found = tuple[str, Callable[[str], Image.Image], str, str]


class Mme(Listed):
    """MME's questions, grouped by image.

    Parameters
    ----------
    path
        Folder or Parquet file of a local copy.
    subtask
        One of the 14 subtasks, or ``"all"``.
    suffix
        Takes the place of "Please answer yes or no."; empty keeps the official wording.

    Raises
    ------
    UsageError
        If the path or subtask does not exist, or a file is not in a known layout.
    """

    name = "mme"
    source = "lmms-lab/MME or the official release"
    license = "research only, see the MME release"

    def __init__(self, path: str | Path, subtask: str = "all", suffix: str = SHORT_ANSWER) -> None:
        wanted = self.parts("subtask", subtask, SUBTASKS)
        root = existing_path(self.name, path)
        files = parquet_files(root, "test")
        rows = _from_parquet(files, wanted) if files else _from_folders(root, wanted)
        super().__init__(_worded(rows, suffix), revision_of(root, files))
        if not len(self):
            raise UsageError(
                f"{str(path)!r} has neither Parquet files (test-….parquet) nor subtask folders "
                f"of MME; get them with: agile data get mme."
            )


def _worded(rows: Iterable[_Found], suffix: str) -> Iterator[Asked]:
    """Yield the questions, numbered within their image and ended as asked for."""
    counts: Counter[str] = Counter()
    for image_id, load, text, label in rows:
        subtask = image_id.partition("/")[0]
        words = text.strip()
        if suffix:
            words = words.removesuffix(OFFICIAL_SUFFIX).rstrip() + suffix
        question = Question(f"q{counts[image_id]}", "yesno", words, subtask, label)
        counts[image_id] += 1
        yield Asked(image_id, load, question, meta={"subtask": subtask})


def _from_parquet(files: list[Path], wanted: tuple[str, ...]) -> Iterator[_Found]:
    for row in read_rows(files, COLUMNS):
        subtask, name = str(row.fields["category"]), str(row.fields["question_id"])
        if subtask not in SUBTASKS:
            raise UsageError(f"{row.where}: category {subtask!r} is none of MME's subtasks.")
        if subtask in wanted:
            image_id = f"{subtask}/{name.removeprefix(f'{subtask}/')}"
            label = yes_or_no(row.fields["answer"], row.where)
            yield image_id, row.load, str(row.fields["question"]), label


def _from_folders(root: Path, wanted: tuple[str, ...]) -> Iterator[_Found]:
    for subtask in wanted:
        for file in question_files(root / subtask):
            picture = _picture_of(file)
            for number, line in enumerate(_lines(file), 1):
                question, tab, answer = line.partition("\t")
                where = f"{subtask}/{file.name}:{number}"
                if not tab:
                    raise UsageError(f"{where} has no tab between question and answer.")
                load = partial(load_image, picture, policy=BENCHMARK)
                yield f"{subtask}/{picture.name}", load, question, yes_or_no(answer, where)


def question_files(folder: Path) -> list[Path]:
    """Return the question files of a subtask folder, sorted by name."""
    inner = folder / "questions_answers_YN"
    return sorted((inner if inner.is_dir() else folder).glob("*.txt"))


def _picture_of(text: Path) -> Path:
    folder = text.parent
    if folder.name == "questions_answers_YN":
        folder = folder.parent / "images"
    for suffix in sorted(SUFFIXES):
        if (folder / f"{text.stem}{suffix}").is_file():
            return folder / f"{text.stem}{suffix}"
    return folder / f"{text.stem}.jpg"  # missing: loading it says so


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read as UTF-8 text ({error}).") from error
    return [line for line in text.splitlines() if line.strip()]
