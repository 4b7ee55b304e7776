"""The command ``chair-eval``: score captions, compare files, build ground truth, fetch data."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from chair_eval.errors import ChairError, UsageError
from chair_eval.options import BuildOptions, ScoreOptions, taking

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


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Turn our two kinds of error into one line on stderr and their exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (UsageError, ChairError, OSError) as error:
            typer.echo(f"chair-eval: {error}", err=True)
            raise typer.Exit(getattr(error, "exit_code", 1)) from None

    return run


def score(options: ScoreOptions) -> None:
    """Score captions with CHAIR: how many objects they name are not in the image."""
    from chair_eval.command import run

    run(options)


def build(options: BuildOptions) -> None:
    """Make a ground truth from COCO annotations: instances, and objects humans named."""
    from chair_eval.command import build

    build(options)


app.command("score", epilog=EPILOG)(reported(taking(ScoreOptions, score)))
truth_app.command("build")(reported(taking(BuildOptions, build)))


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
