"""The command ``chair-eval``: score captions, compare files, build ground truth, fetch data."""

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from chair_eval.errors import ChairError, UsageError

EPILOG = (
    "Other commands: 'chair-eval ground-truth build' makes a ground truth from COCO annotations, "
    "'chair-eval setup' fetches what the wordnet dialect needs; each has its own --help. "
    "Exit codes: 0 done, 1 bad input, 2 wrong usage."
)


class ScoreByDefault(TyperGroup):
    """Reads ``chair-eval FILE …`` as ``chair-eval score FILE …``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command's name in front unless there is one."""
        if not args:
            args = ["--help"]
        if args[0] == "--version":
            args = ["version"]
        elif args[0] not in self.commands:
            args = ["score", *args]
        return super().parse_args(ctx, args)


# What Typer raises for options and commands it does not know.
_Mistyped: Any = typer.BadParameter.__base__
_INTERRUPTED = 130  # Typer's exit code for Ctrl-C

app = typer.Typer(
    cls=ScoreByDefault, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)
truth_app = typer.Typer(help="Make or look at a ground truth.", rich_markup_mode=None)
app.add_typer(truth_app, name="ground-truth")


class Preset(StrEnum):
    """Both dialects by one name."""

    rohrbach2018 = "rohrbach2018"
    opera = "opera"
    wordnet = "wordnet"


class Dialect(StrEnum):
    """How the words of the captions are normalised."""

    pattern = "pattern"
    wordnet = "wordnet"


class Flavour(StrEnum):
    """Which sets of the ground truth are used."""

    pattern = "pattern"
    wordnet = "wordnet"
    instances = "instances"


class Format(StrEnum):
    """What is written."""

    table = "table"
    json = "json"
    csv = "csv"
    parquet = "parquet"
    latex = "latex"
    html = "html"


class Unknown(StrEnum):
    """What happens to images the ground truth lacks."""

    error = "error"
    skip = "skip"


class Duplicates(StrEnum):
    """What happens to a second caption of an image."""

    keep = "keep"
    error = "error"
    first = "first"


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Turn our two kinds of error into one line on stderr and their exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except UsageError as error:
            typer.echo(f"chair-eval: {error}", err=True)
            raise typer.Exit(2) from None
        except (ChairError, OSError) as error:
            typer.echo(f"chair-eval: {error}", err=True)
            raise typer.Exit(1) from None

    return run


INPUT, METRIC, OUTPUT = "Input", "Which CHAIR", "Output"


@app.command("score", epilog=EPILOG)
@reported
def score_command(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Captions: .json, .jsonl, .csv, .parquet, a run folder, or - for standard input. "
            "Several files are compared.",
            show_default=False,
        ),
    ],
    ground_truth: Annotated[
        Path | None,
        typer.Option(
            "--ground-truth",
            "-g",
            help="Objects per image: .parquet, .jsonl, or COCO instances .json. "
            "A run folder brings its own.",
        ),
    ] = None,
    human_captions: Annotated[
        list[Path] | None,
        typer.Option(help="COCO captions .json whose objects count as present too (built once)."),
    ] = None,
    preset: Annotated[
        Preset | None,
        typer.Option(
            help="rohrbach2018 = pattern captions, pattern ground truth (default); "
            "opera = wordnet, pattern; wordnet = wordnet, wordnet."
        ),
    ] = None,
    dialect: Annotated[Dialect | None, typer.Option(help="Dialect of the captions.")] = None,
    ground_truth_flavour: Annotated[
        Flavour | None, typer.Option(help="Flavour of the ground truth.")
    ] = None,
    vocabulary: Annotated[
        Path | None, typer.Option(help="Your own vocabulary: 'category: word, word' lines.")
    ] = None,
    strict_words: Annotated[
        bool, typer.Option("--strict-words", help="Repair the known defects of the word list.")
    ] = False,
    format: Annotated[Format, typer.Option(help="csv and parquet: one row per caption.")] = (
        Format.table
    ),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: the terminal.")
    ] = None,
    captions: Annotated[
        bool, typer.Option("--captions/--no-captions", help="Captions inside --format json.")
    ] = True,
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare the files, paired on image id.")
    ] = False,
    image_id_key: Annotated[str, typer.Option(help="Name of the image id.")] = "image_id",
    caption_key: Annotated[str, typer.Option(help="Name of the caption.")] = "caption",
    variant: Annotated[str | None, typer.Option(help="Variant of a run folder.")] = None,
    unknown: Annotated[
        Unknown, typer.Option(help="Captions of images that the ground truth lacks.")
    ] = Unknown.error,
    duplicates: Annotated[
        Duplicates, typer.Option(help="Further captions of an image seen before.")
    ] = Duplicates.keep,
    draws: Annotated[
        int, typer.Option(min=0, help="Bootstrap resamples of the images; 0 for no intervals.")
    ] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    nltk_data: Annotated[
        Path | None, typer.Option(help="Folder with NLTK data (wordnet dialect).")
    ] = None,
) -> None:
    """Score captions with CHAIR: how many objects they name are not in the image."""
    from chair_eval.command import Options, run

    run(
        Options(
            files=files,
            ground_truth=ground_truth,
            human_captions=human_captions or [],
            preset=preset,
            dialect=dialect,
            flavour=ground_truth_flavour,
            vocabulary=vocabulary,
            strict_words=strict_words,
            format=format,
            output=output,
            captions=captions,
            compare=compare,
            image_id_key=image_id_key,
            caption_key=caption_key,
            variant=variant,
            unknown=unknown,
            duplicates=duplicates,
            draws=draws,
            seed=seed,
            level=level,
            nltk_data=nltk_data,
        )
    )


@truth_app.command("build")
@reported
def build_command(
    instances: Annotated[
        list[Path], typer.Argument(help="COCO instances files (train and val together is fine).")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Parquet file to write.")],
    captions: Annotated[
        list[Path] | None, typer.Option("--captions", "-c", help="COCO captions files.")
    ] = None,
    flavour: Annotated[
        list[Flavour] | None,
        typer.Option(help="May be repeated; default: pattern, or instances without captions."),
    ] = None,
    vocabulary: Annotated[Path | None, typer.Option(help="Your own vocabulary.")] = None,
    strict_words: Annotated[
        bool, typer.Option("--strict-words", help="Repair the known defects of the word list.")
    ] = False,
    nltk_data: Annotated[Path | None, typer.Option(help="Folder with NLTK data.")] = None,
) -> None:
    """Make a ground truth from COCO annotations: instances, and objects humans named."""
    from chair_eval.building import build

    build(instances, captions or [], flavour or [], output, vocabulary, strict_words, nltk_data)


@app.command("setup")
@reported
def setup_command(
    folder: Annotated[
        Path | None, typer.Option(help="Where to; default: NLTK_DATA or ~/nltk_data.")
    ] = None,
) -> None:
    """Fetch the NLTK data that the wordnet dialect needs, if it is not there yet."""
    from chair_eval.nltk_data import fetch

    typer.echo(f"The wordnet dialect has its data (new downloads go to {fetch(folder)}).")


@app.command("version")
def version_command() -> None:
    """Print the version."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        typer.echo(version("agilepruner-analysis"))
    except PackageNotFoundError:
        typer.echo("not installed")


def main() -> None:
    """Entry point of ``chair-eval``."""
    # Arrow's own allocator holds some 15 MB in reserve, which one short process never uses.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        code = app(prog_name="chair-eval", standalone_mode=False) or 0
    except _Mistyped as error:
        said = " ".join(str(error.format_message()).split()).rstrip(".")
        verb = "chair-eval" if error.ctx is None else error.ctx.command_path
        typer.echo(f"chair-eval: {said} (see {verb} --help).", err=True)
        sys.exit(2)
    except typer.Abort:
        code = _INTERRUPTED
    except BrokenPipeError:
        sys.exit(1)
    if code == _INTERRUPTED:
        typer.echo("chair-eval: interrupted; nothing was written.", err=True)
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
