"""The `agile` command: verbs live in analysis/commands, one file each."""

import importlib
import logging
import pkgutil
import sys

import typer

from analysis import __version__, commands
from analysis.errors import AgileError, UsageError

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
    register_commands()
    try:
        app()
    except (UsageError, AgileError) as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted; run the same command again to go on.", 1)


def _fail(message: str, code: int) -> None:
    """Print one sentence on standard error and leave."""
    sys.stderr.write(f"agile: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
