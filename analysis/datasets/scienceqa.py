"""`scienceqa-img:PATH`: the questions of ScienceQA that have an image (Lu et al. 2022).

Two layouts are read:

* Parquet as in the hub's ``lmms-lab/ScienceQA`` (config ScienceQA-IMG) or
  ``derek-thomas/ScienceQA``; columns ``image, question, choices, answer``, and ``hint, subject,
  topic, category, grade`` where they exist. Rows without an image are left out (2,017 of the
  4,241 test questions have one).
* The official ``problems.json`` with ``images/SPLIT/ID/image.png``.

Each question is a sample of its own. ``image_id`` is the problem id, or ``SPLIT-ROW`` for
Parquet, which has none; two configurations of the hub number their rows differently.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from analysis.datasets.base import Question
from analysis.datasets.images import BENCHMARK, load_image
from analysis.datasets.jsonl import read_json
from analysis.datasets.listed import Asked, Listed, existing_path
from analysis.datasets.tables import parquet_files, read_tables, revision_of
from analysis.errors import UsageError
from analysis.paths import require_inside

SPLITS = ("test", "validation", "train")
LETTERS = "ABCDE"
COLUMNS = ("question", "choices", "answer")
OPTIONAL = ("hint", "subject", "topic", "category", "grade")

#: What LLaVA-1.5's evaluation appends (``--single-pred-prompt``), and lmms-eval with it.
LETTER_ANSWER = "\nAnswer with the option's letter from the given choices directly."


class ScienceQa(Listed):
    """ScienceQA's multiple-choice questions with an image.

    Parameters
    ----------
    path
        Folder or Parquet file of a local copy.
    split
        ``"test"``, ``"validation"`` or ``"train"``.
    suffix
        Appended to each question.

    Raises
    ------
    UsageError
        If the path or the split does not exist, or a file is not in a known layout.
    """

    name = "scienceqa-img"
    source = "derek-thomas/ScienceQA, lmms-lab/ScienceQA or the official release"
    license = "CC BY-NC-SA 4.0"

    def __init__(self, path: str | Path, split: str = "test", suffix: str = LETTER_ANSWER) -> None:
        if split not in SPLITS:
            known = ", ".join(SPLITS)
            raise UsageError(f"split={split!r} is unknown; choose one of: {known}.")
        root = existing_path(self.name, path)
        files = parquet_files(root, split, prefer="ScienceQA-IMG")
        asked = _from_parquet(files, split, suffix)
        if not files and root.is_dir() and (problems := sorted(root.rglob("problems.json"))):
            files = problems[:1]
            asked = _from_problems(files[0], split, suffix)
        super().__init__(asked, revision_of(root, files))
        if not len(self):
            raise UsageError(
                f"{str(path)!r} has neither {split}-….parquet with images nor problems.json; "
                f"get the data with: agile data get scienceqa-img."
            )


def _from_parquet(files: list[Path], split: str, suffix: str) -> Iterator[Asked]:
    start = 0
    for table in read_tables(files, COLUMNS):
        for row, present in zip(table.rows(), table.present(), strict=True):
            if present:
                image_id = f"{split}-{start + row.number:05d}"
                yield _asked(image_id, row.fields, row.load, suffix, row.where)
        start += len(table)


def _from_problems(file: Path, split: str, suffix: str) -> Iterator[Asked]:
    official = "val" if split == "validation" else split
    for number, problem in read_json(file).items():
        where = f"{file.name}[{number}]"
        if not isinstance(problem, dict):
            raise UsageError(f"{where} is not a problem; give the official problems.json.")
        if problem.get("split") == official and problem.get("image"):
            picture = _picture(file.parent, official, number, str(problem["image"]))
            load = partial(_load, picture)
            yield _asked(number, problem, load, suffix, where)


def _load(picture: Path, image_id: str) -> Image.Image:
    return load_image(picture, f"{image_id}/{picture.name}", BENCHMARK)


def question_text(
    question: str, choices: list[str], hint: str | None, suffix: str = LETTER_ANSWER
) -> str:
    """Return the prompt of one question: context where there is one, question, lettered choices.

    The form is lmms-eval's for LLaVA: ``Context: …``, question, ``A. …`` lines, instruction.
    """
    lines = [f"Context: {hint}"] if hint else []
    lines.append(question)
    lines += [f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=False)]
    return "\n".join(lines) + suffix


def _asked(
    image_id: str,
    fields: Mapping[str, Any],
    load: Callable[[str], Image.Image],
    suffix: str,
    where: str,
) -> Asked:
    text, label = lettered(fields, where, suffix)
    known = {key: fields[key] for key in OPTIONAL[1:] if fields.get(key)}
    question = Question("q0", "choice", text, fields.get("subject"), label)
    return Asked(image_id, load, question, f"{image_id}.png", known)


def lettered(fields: Mapping[str, Any], where: str, suffix: str) -> tuple[str, str]:
    """Return the prompt and the right letter of ``question, choices, answer`` and ``hint``.

    Raises
    ------
    UsageError
        If one is missing or the answer is none of 2 to 5 choices.
    """
    try:
        choices = [str(choice) for choice in fields["choices"]]
        answer = int(fields["answer"])
        text = question_text(str(fields["question"]), choices, fields.get("hint"), suffix)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{where} lacks or garbles question, choices or answer.") from error
    if not (0 <= answer < len(choices) <= len(LETTERS)):
        raise UsageError(
            f"{where}: answer {answer} of {len(choices)} choices; 2 to {len(LETTERS)} are known."
        )
    return text, LETTERS[answer]


def _picture(root: Path, split: str, number: str, name: str) -> Path:
    places = (root / "images" / split, root / split, root / "images")
    found = [require_inside(folder, f"{number}/{name}", "problems.json") for folder in places]
    return next(filter(os.path.isfile, found), found[0])  # missing: loading it says so
