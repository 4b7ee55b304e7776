"""`mme:PATH`: two yes/no questions on each image in 14 subtasks (Fu et al. 2023).

Two layouts are read:

* Parquet as in the hub's ``lmms-lab/MME``; columns ``question_id, image, question, answer,
  category``, both rows of an image having the same ``question_id``.
* The official ``MME_Benchmark_release_version``: a folder per subtask with one ``NAME.txt`` an
  image (lines ``question<TAB>Yes|No``) and the image, side by side or in ``questions_answers_YN/``
  and ``images/``.

``image_id`` is ``SUBTASK/NAME``, ``split`` of a question is the subtask.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from analysis.benchmarks import SUBTASKS
from analysis.datasets.base import Question, Sample
from analysis.datasets.images import BENCHMARK, SUFFIXES, load_image
from analysis.datasets.listed import SHORT_ANSWER, Listed, add_question, existing_path, yes_or_no
from analysis.datasets.tables import parquet_files, read_rows, revision_of
from analysis.errors import UsageError

COLUMNS = ("question_id", "question", "answer", "category")

#: Part of the official questions; LLaVA-1.5's own instruction takes its place.
OFFICIAL_SUFFIX = "Please answer yes or no."

Loader = Callable[[], Image.Image]


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
        wanted = SUBTASKS if subtask == "all" else (subtask,)
        if not set(wanted) <= set(SUBTASKS):
            known = ", ".join((*SUBTASKS, "all"))
            raise UsageError(f"subtask={subtask!r} is unknown in mme; choose one of: {known}.")
        root = existing_path(self.name, path)
        self._suffix = suffix
        self._asked: dict[str, list[Question]] = {}
        self._loaders: dict[str, Loader] = {}
        files = parquet_files(root, "test")
        if files:
            self._add_rows(files, wanted)
        else:
            self._add_folders(root, wanted)
        if not self._asked:
            raise UsageError(
                f"{str(path)!r} has neither Parquet files (test-….parquet) nor subtask folders "
                f"of MME; get them with: agile data get mme."
            )
        samples = [
            Sample(image_id, image_id, self._loaders[image_id], tuple(questions),
                   meta={"subtask": questions[0].split})
            for image_id, questions in self._asked.items()
        ]  # fmt: skip
        super().__init__(samples, revision_of(root, files))

    def _add_rows(self, files: list[Path], wanted: tuple[str, ...]) -> None:
        for row in read_rows(files, COLUMNS):
            subtask, name = str(row.fields["category"]), str(row.fields["question_id"])
            if subtask not in SUBTASKS:
                raise UsageError(f"{row.where}: category {subtask!r} is none of MME's subtasks.")
            if subtask in wanted:
                image_id = name if name.startswith(f"{subtask}/") else f"{subtask}/{name}"
                self._loaders.setdefault(image_id, partial(row.load, image_id))
                self._add(image_id, subtask, str(row.fields["question"]),
                          yes_or_no(row.fields["answer"], row.where))  # fmt: skip

    def _add_folders(self, root: Path, wanted: tuple[str, ...]) -> None:
        for subtask in wanted:
            for text in question_files(root / subtask):
                picture = _picture_of(text)
                image_id = f"{subtask}/{picture.name}"
                self._loaders[image_id] = partial(load_image, picture, image_id, BENCHMARK)
                for number, line in enumerate(_lines(text), 1):
                    question, tab, answer = line.partition("\t")
                    where = f"{subtask}/{text.name}:{number}"
                    if not tab:
                        raise UsageError(f"{where} has no tab between question and answer.")
                    self._add(image_id, subtask, question, yes_or_no(answer, where))

    def _add(self, image_id: str, subtask: str, text: str, label: str) -> None:
        asked = text.strip()
        if self._suffix:
            asked = asked.removesuffix(OFFICIAL_SUFFIX).rstrip() + self._suffix
        number = len(self._asked.get(image_id, ()))
        add_question(self._asked, image_id, Question(f"q{number}", "yesno", asked, subtask, label))


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
