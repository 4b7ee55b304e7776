"""What every data set gives: samples of one image, its questions and what is known of it."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from PIL import Image

from analysis.errors import UsageError

Task = Literal["caption", "yesno", "choice"]
TASKS: tuple[Task, ...] = ("caption", "yesno", "choice")

#: The caption prompt of OPERA, lmms-eval and the AgilePruner paper (Fig. 2).
DETAIL_PROMPT = "Please describe this image in detail."


#: Characters of a question or reference caption, at most: about what the models' context holds.
#: Longer ones, which take minutes each, are refused.
MAX_TEXT = 16_384
#: Characters of an identifier, at most: what a path may have.
MAX_ID = 4_096


def check_text(name: str, text: str, most: int = MAX_TEXT) -> None:
    """Refuse a text that is too long, or that UTF-8 cannot spell (a lone surrogate).

    Raises
    ------
    UsageError
        Naming the text and the limit.
    """
    shown = ascii(text if len(text) <= 80 else f"{text[:77]}...")
    if len(text) > most:
        raise UsageError(
            f"{name} {shown} has {len(text):,} characters, more than the limit of {most:,}; "
            "shorten it."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{name} {shown} is not valid text (character {error.start + 1}); write it, or "
            "rename the file, in UTF-8."
        ) from error


class Box(TypedDict):
    """One annotated object; ``bbox`` is [x, y, width, height] in pixels of the original image."""

    category: str
    bbox: list[float]


@dataclass(frozen=True)
class Question:
    """One question about one image.

    Attributes
    ----------
    question_id
        Unique among the questions of its image and task.
    task
        ``"caption"``, ``"yesno"`` or ``"choice"``; decides which scorer reads the answer.
    text
        What is asked, without the conversation template around it.
    split
        Subset the question belongs to (``"random"``, ``"count"``, …), or None.
    label
        The right answer (``"yes"``, ``"B"``), or None where there is none.
    """

    question_id: str
    task: Task
    text: str
    split: str | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        """Check that every text is one, and not too long."""
        check_text("question", self.text)
        for name in ("question_id", "split", "label"):
            check_text(name, getattr(self, name) or "", MAX_ID)


@dataclass(frozen=True)
class Sample:
    """One image with its questions; the pixels are read only when ``load`` is called.

    Attributes
    ----------
    image_id
        Identifier of the image, unique in its data set.
    file_name
        File the image is read from, or how it is drawn.
    load
        Returns the image as RGB; raises ``OSError`` or ``ValueError`` with a readable reason.
    questions
        What is asked about it, at least one.
    objects
        Ground-truth categories, sorted, each once; None where nobody annotated them.
    boxes
        Annotated objects with their boxes.
    n_objects
        Number of annotated objects, or None.
    complexity
        The data set's own split (``"simple"``, ``"medium"``, ``"complex"``), or None.
    meta
        What else is known; must be JSON-serialisable.
    """

    image_id: str
    file_name: str
    load: Callable[[], Image.Image]
    questions: tuple[Question, ...]
    objects: tuple[str, ...] | None = None
    boxes: tuple[Box, ...] = ()
    n_objects: int | None = None
    complexity: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that names are text, and not too long."""
        check_text("image_id", self.image_id, MAX_ID)
        check_text("file_name", self.file_name, MAX_ID)


class Dataset(ABC):
    """A source of samples with stable ids in a stable order.

    Attributes
    ----------
    name
        Name in the registry, such as ``"pope"``.
    revision
        What pins the content: a hub commit, a generator version, or a hash of what was read.
    source, license
        Where the data comes from and under which terms it may be used.
    has_captions_annotation
        Whether ground truth for CHAIR exists.
    """

    name: str
    revision: str
    source: str
    license: str
    has_captions_annotation: bool = False

    @abstractmethod
    def ids(self) -> list[str]:
        """Return the ids of all images, in the order of :meth:`samples`."""

    @abstractmethod
    def sample(self, image_id: str) -> Sample:
        """Return the sample of one image; ``KeyError`` when there is none of that id."""

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.ids())

    def samples(self, offset: int = 0, limit: int | None = None) -> Iterator[Sample]:
        """Yield the samples ``offset`` … ``offset + limit``; no limit means to the end.

        Raises
        ------
        UsageError
            If ``offset`` or ``limit`` is negative.
        """
        for name, value in (("offset", offset), ("limit", 0 if limit is None else limit)):
            if value < 0:
                raise UsageError(f"{name}={value} is not allowed; give a number of 0 or more.")
        stop = None if limit is None else offset + limit
        for image_id in self.ids()[offset:stop]:
            yield self.sample(image_id)

    def image(self, image_id: str) -> Image.Image:
        """Return one image as RGB.

        Raises
        ------
        UsageError
            If the data set has no image of that id.
        OSError, ValueError
            If it cannot be read; the message says why.
        """
        try:
            return self.sample(image_id).load()
        except KeyError as error:
            raise UsageError(
                f"image_id={image_id!r} is not in the data set {self.name!r} "
                f"({len(self)} images); check that the run was made with this data."
            ) from error

    def ground_truth(self) -> dict[str, set[str]] | None:
        """Return the categories present in each annotated image, or None without annotation."""
        if not self.has_captions_annotation:
            return None
        known = ((s.image_id, s.objects) for s in self.samples())
        return {image_id: set(objects) for image_id, objects in known if objects is not None}

    def require_ground_truth(self) -> dict[str, set[str]]:
        """Return :meth:`ground_truth`, or say what is needed for CHAIR.

        Raises
        ------
        UsageError
            If the data set has no annotations.
        """
        truth = self.ground_truth()
        if not truth:
            raise UsageError(
                f"the data set {self.name!r} ({self.source}) has no annotations for CHAIR; put "
                f"COCO-format instances*.json or a captions.jsonl beside the images."
            )
        return truth

    def ids_sha256(self) -> str:
        """Return the SHA-256 of the id list, one id a line, for the provenance of a run."""
        return hashlib.sha256("\n".join(self.ids()).encode()).hexdigest()
