"""The options of ``chair-eval``, each declared once: name, type, default and help."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from chair_eval.errors import UsageError
from chair_eval.readers import Keys
from chair_eval.vocabulary import Vocabulary

if TYPE_CHECKING:
    from chair_eval.bootstrap import Bootstrap

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write; default: the terminal.")
]
Words = Annotated[
    Path | None, typer.Option(help="Your own vocabulary: 'category: word, word' lines.")
]
Strict = Annotated[
    bool, typer.Option("--strict-words", help="Repair the known defects of the word list.")
]
NltkData = Annotated[Path | None, typer.Option(help="Folder with NLTK data (wordnet dialect).")]


class Flavour(StrEnum):
    """Which sets of the ground truth are used; Typer repeats no `Literal`."""

    pattern = "pattern"
    wordnet = "wordnet"
    instances = "instances"


@dataclass(frozen=True)
class ScoreOptions:
    """What ``chair-eval score`` is told."""

    files: Annotated[
        list[str],
        typer.Argument(
            help="Captions: .json, .jsonl, .csv, .parquet, a run folder, or - for standard input. "
            "Several files are compared.",
            show_default=False,
        ),
    ]
    ground_truth: Annotated[
        Path | None,
        typer.Option(
            "--ground-truth",
            "-g",
            help="Objects per image: .parquet, .jsonl, or COCO instances .json. "
            "A run folder brings its own.",
        ),
    ] = None
    human_captions: Annotated[
        list[Path] | None,
        typer.Option(help="COCO captions .json whose objects count as present too (built once)."),
    ] = None
    preset: Annotated[
        Literal["rohrbach2018", "opera", "wordnet"] | None,
        typer.Option(
            help="rohrbach2018 = pattern captions, pattern ground truth (default); "
            "opera = wordnet, pattern; wordnet = wordnet, wordnet."
        ),
    ] = None
    dialect: Annotated[
        Literal["pattern", "wordnet"] | None, typer.Option(help="Dialect of the captions.")
    ] = None
    ground_truth_flavour: Annotated[
        Flavour | None, typer.Option(help="Flavour of the ground truth.")
    ] = None
    vocabulary: Words = None
    strict_words: Strict = False
    format: Annotated[
        Literal["table", "json", "csv", "parquet", "latex", "html"],
        typer.Option(help="csv and parquet: one row per caption."),
    ] = "table"
    output: Output = None
    captions: Annotated[
        bool, typer.Option("--captions/--no-captions", help="Captions inside --format json.")
    ] = True
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare the files, paired on image id.")
    ] = False
    image_id_key: Annotated[str, typer.Option(help="Name of the image id.")] = "image_id"
    caption_key: Annotated[str, typer.Option(help="Name of the caption.")] = "caption"
    variant: Annotated[str | None, typer.Option(help="Variant of a run folder.")] = None
    unknown: Annotated[
        Literal["error", "skip"],
        typer.Option(help="Captions of images that the ground truth lacks."),
    ] = "error"
    duplicates: Annotated[
        Literal["keep", "error", "first"],
        typer.Option(help="Further captions of an image seen before."),
    ] = "keep"
    draws: Annotated[
        int, typer.Option(min=0, help="Bootstrap resamples of the images; 0 for no intervals.")
    ] = 10_000
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95
    nltk_data: NltkData = None

    def __post_init__(self) -> None:
        """Refuse values and combinations that have no meaning."""
        self.bootstrap()
        if self.preset and (self.dialect or self.ground_truth_flavour):
            raise UsageError(
                "preset names both dialects; give either --preset, or --dialect and "
                "--ground-truth-flavour"
            )
        if self.format == "parquet" and self.output is None and sys.stdout.isatty():
            raise UsageError("parquet is not text; name a file with --output")

    @property
    def keys(self) -> Keys:
        """Names of the fields of a caption."""
        return Keys(self.image_id_key, self.caption_key)

    def bootstrap(self) -> "Bootstrap":
        """Return how the intervals are made."""
        from chair_eval.bootstrap import Bootstrap

        return Bootstrap(self.draws, self.level, self.seed)

    def words(self) -> Vocabulary:
        """Return the vocabulary that is asked for."""
        return chosen_words(self.vocabulary, self.strict_words)


@dataclass(frozen=True)
class BuildOptions:
    """What ``chair-eval ground-truth build`` is told."""

    instances: Annotated[
        list[Path], typer.Argument(help="COCO instances files (train and val together is fine).")
    ]
    output: Annotated[Path, typer.Option("--output", "-o", help="Parquet file to write.")]
    captions: Annotated[
        list[Path] | None, typer.Option("--captions", "-c", help="COCO captions files.")
    ] = None
    flavour: Annotated[
        list[Flavour] | None,
        typer.Option(help="May be repeated; default: pattern, or instances without captions."),
    ] = None
    vocabulary: Words = None
    strict_words: Strict = False
    nltk_data: NltkData = None


def chosen_words(path: Path | None, strict_words: bool) -> Vocabulary:
    """Vocabulary that the two options ask for.

    Raises
    ------
    UsageError
        Both are given: a vocabulary of your own has no known defects to repair.
    """
    if path is None:
        return Vocabulary.coco(strict=strict_words)
    if strict_words:
        raise UsageError("strict words repair the metric's own list; leave out --vocabulary")
    return Vocabulary.read(path)


def taking(options: type, run: Callable[[Any], None]) -> Callable[..., None]:
    """Return `run` as a function of the fields of a dataclass, as Typer reads them."""

    def command(**given: Any) -> None:
        run(options(**given))

    command.__doc__ = run.__doc__
    command.__signature__ = inspect.signature(options)  # type: ignore[attr-defined]
    command.__annotations__ = dict(options.__annotations__)
    return command
