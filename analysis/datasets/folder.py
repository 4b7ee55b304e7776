"""`folder:PATH`: any pictures, with COCO annotations or JSON Lines beside them if there are any.

Layout (everything but the images is optional)::

    PATH/**/*.jpg|png|…                 images at any depth; image_id is the path inside PATH
    PATH/[annotations/]annotations.json or instances*.json   COCO instances (boxes, categories)
    PATH/[annotations/]captions*.json                        COCO captions
    PATH/captions.jsonl    {"image": path, "caption": text}  reference captions, one a line
    PATH/questions.jsonl   {"image": path, "question": text} and optionally
                           question_id, label, split, task ("caption", "yesno" or "choice")

With ``questions.jsonl`` exactly the images it names are used, in its order, and a named image
that is missing is reported as unreadable. Without it every image is asked for a caption.
Images that annotation files list but the folder lacks are ignored.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

from analysis.datasets.annotations import Annotation, PathIndex, read_annotations
from analysis.datasets.base import (
    DETAIL_PROMPT,
    MAX_ID,
    TASKS,
    Dataset,
    Question,
    Sample,
    check_text,
)
from analysis.datasets.images import BENCHMARK, OWN_PICTURES, SUFFIXES, load_image
from analysis.datasets.jsonl import read_jsonl, text_of
from analysis.digests import content_digest
from analysis.errors import UsageError
from analysis.paths import ordinary, require_inside, written


class Folder(Dataset):
    """Images of a folder, sorted by path, with whatever annotation lies beside them.

    EXIF orientation is applied unless the image has annotated boxes, which refer to the stored
    pixels; transparent pixels are put on white (:mod:`analysis.datasets.images`).

    Parameters
    ----------
    path
        The folder.
    prompt
        The caption question asked where ``questions.jsonl`` does not say otherwise.

    Raises
    ------
    UsageError
        If the folder is missing, has no image, or an annotation file cannot be used.
    """

    name = "folder"
    license = "the user's own"

    def __init__(self, path: str | Path, prompt: str = DETAIL_PROMPT) -> None:
        self.path = existing_folder(path)
        self.source = self.path.name
        self._prompt = prompt
        files = find_images(self.path)
        index = PathIndex(files, self.path)
        self._annotations = read_annotations(self.path, index)
        self._questions = _read_questions(self.path / "questions.jsonl", index)
        self._ids = list(self._questions or index.ids())
        if not self._ids:
            raise UsageError(
                f"folder {str(path)!r} has no image ({', '.join(sorted(SUFFIXES))}); "
                f"give the folder that contains the pictures."
            )
        self._known = frozenset(self._ids)
        self.has_captions_annotation = bool(self._annotations)
        notes = [p for p in self.path.glob("*.json*") if p.is_file()]
        notes += [p for p in self.path.glob("annotations/*.json") if p.is_file()]
        self.revision = content_digest(self.path, [*files, *notes])

    def ids(self) -> list[str]:
        """Return paths inside the folder, with forward slashes."""
        return list(self._ids)

    def sample(self, image_id: str) -> Sample:
        """Return one image; ``KeyError`` when it is not in the folder."""
        if image_id not in self._known:
            raise KeyError(image_id)
        known = self._annotations.get(image_id, Annotation())
        policy = BENCHMARK if known.boxes else OWN_PICTURES
        caption = Question("caption", "caption", self._prompt)
        return Sample(
            image_id=image_id,
            file_name=image_id,
            load=partial(load_image, self.path / image_id, image_id, policy),
            questions=tuple(self._questions.get(image_id, [caption])),
            objects=known.objects,
            boxes=tuple(known.boxes),
            n_objects=len(known.boxes) if known.objects is not None and known.boxes else None,
            meta={} if known.coco_id is None else {"coco_id": known.coco_id},
        )


def existing_folder(path: str | Path) -> Path:
    """Return the folder as a path.

    Raises
    ------
    UsageError
        If nothing was given, or it does not exist, or it is a file.
    """
    if not str(path):
        raise UsageError("no folder was given; write NAME:PATH, for example folder:my_pictures.")
    folder = written(path)
    if not folder.is_dir():
        state = "is a file" if folder.exists() else "does not exist"
        raise UsageError(f"path={str(path)!r} {state}; give the path of an existing folder.")
    return folder


def find_images(folder: Path) -> list[Path]:
    """Return image files at any depth by suffix, sorted by path; no hidden ones, pipes or devices.

    Raises
    ------
    UsageError
        If a folder may not be listed, or a name is not UTF-8.
    """
    found = []
    for place, folders, names in os.walk(folder, onerror=_locked):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        found += [p for p in paths if p.suffix.lower() in SUFFIXES and ordinary(p)]
    for path in found:
        check_text("image", path.relative_to(folder).as_posix(), MAX_ID)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _locked(error: OSError) -> None:
    raise UsageError(
        f"folder {str(error.filename)!r} cannot be listed ({error.strerror}); make it readable, or "
        "give a folder without it."
    ) from error


def _read_questions(path: Path, index: PathIndex) -> dict[str, list[Question]]:
    """Group the lines of questions.jsonl by image, in the order of first mention."""
    if not path.exists():
        return {}
    grouped: dict[str, list[Question]] = {}
    for where, row in read_jsonl(path):
        image = text_of(row, ("image", "image_id", "file_name"), where)
        image_id = index.find(image) or _inside(image, where)
        asked = grouped.setdefault(image_id, [])
        question = _question(row, where, len(asked))
        if any(q.question_id == question.question_id and q.task == question.task for q in asked):
            raise UsageError(
                f"{where}: question_id {question.question_id!r} is used twice for {image_id!r}; "
                f"give each question of an image its own id."
            )
        asked.append(question)
    if not grouped:
        raise UsageError(f"{path.name} is empty; write one question a line or remove the file.")
    return grouped


def _question(row: dict[str, Any], where: str, number: int) -> Question:
    label = row.get("label", row.get("answer"))
    label = None if label is None else str(label).strip()
    if label is not None and label.lower() in ("yes", "no"):
        label = label.lower()
    task = row.get("task", "yesno" if label in ("yes", "no") else "caption")
    if task not in TASKS:
        raise UsageError(f"{where}: task={task!r} is unknown; choose one of: {', '.join(TASKS)}.")
    split = row.get("split", row.get("category"))
    return Question(
        question_id=str(row.get("question_id", f"q{number}")),
        task=task,
        text=text_of(row, ("question", "text"), where),
        split=None if split is None else str(split),
        label=label,
    )


def _inside(image: str, where: str) -> str:
    """Return the id of an image that is named but absent; it may not point out of the folder."""
    return require_inside(Path(), image, where).relative_to(Path.cwd()).as_posix()
