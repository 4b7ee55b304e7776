"""The `agile` command: verbs live in analysis/commands, one file each."""

import importlib
import logging
import os
import pkgutil
import sys
from contextlib import suppress
from typing import Any

import typer

from analysis import __version__, commands
from chair_eval.errors import ChairError, UsageError

# What Typer raises for options and commands it does not know, and how it ends on Ctrl-C.
_Mistyped: Any = typer.BadParameter.__base__
_INTERRUPTED = 130

app = typer.Typer(
    name="agile",
    help="What visual-token pruning keeps, how diverse it is, and what that does to hallucination.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"agile {__version__}")
        raise typer.Exit


@app.callback()
def options(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log what is being done."),
    version: bool = typer.Option(  # noqa: ARG001
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Set up logging for every verb."""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")


def register_commands() -> None:
    """Let every module of analysis.commands add its verb."""
    for module in sorted(m.name for m in pkgutil.iter_modules(commands.__path__)):
        importlib.import_module(f"analysis.commands.{module}").register(app)


def main() -> None:
    """Run the command; errors are one sentence, exit 2 for wrong usage, 1 otherwise."""
    _open_streams()
    register_commands()
    try:
        code = app(prog_name="agile", standalone_mode=False)
        sys.stdout.flush()
    except (UsageError, ChairError) as error:
        _fail(str(error), error.exit_code)
    except _Mistyped as error:
        _fail(_sentence(error), 2)
    except typer.Abort:
        code = _INTERRUPTED
    except BrokenPipeError:  # `| head` has seen enough
        _discard_output()
        sys.exit(1)
    except OSError as error:
        _discard_output()
        where = error.filename or "standard output"
        _fail(f"{where} failed ({error.strerror or error}); see to it and call again.", 1)
    if code == _INTERRUPTED:
        _fail("interrupted; run the same command again to go on.", 1)
    sys.exit(code or 0)


def _open_streams() -> None:
    """Give what was closed (`>&-`) a place to go, so that no file becomes standard output."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _discard_output() -> None:
    """Let what is still buffered go nowhere, or leaving would fail on it once more."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(error: Any) -> str:
    """Say in one sentence what is wrong with the command line, and where its help is."""
    said = " ".join(str(error.format_message()).split()).rstrip(".")
    verb = "agile" if error.ctx is None else error.ctx.command_path
    return f"{said} (see {verb} --help)."


def _fail(message: str, code: int) -> None:
    """Print one sentence on standard error and leave."""
    sys.stderr.write(f"agile: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
