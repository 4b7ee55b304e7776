"""The flags of a command, made from the dataclasses that hold its options."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from analysis.errors import UsageError

#: Flags several commands have.
RunFolder = Annotated[Path, typer.Option(help="Run folder.")]
Out = Annotated[Path | None, typer.Option(help="Where to write; in figures/RUN when not given.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")]
Resamples = Annotated[int, typer.Option(min=100, help="Bootstrap samples.")]
#: What `make figures` extracts.
EMBEDDED_RUN = Path("data/runs/pocket-scenes")

_KINDS = (bool, int, float, Path)


def flags(**declared: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command one flag for each declared option.

    Parameters
    ----------
    **declared
        Argument of the command → dataclass whose fields are made by `analysis.options.option`;
        other fields get no flag. The command receives a dictionary of the values that were
        given, ready for `analysis.options.build`.
    """
    options = {name: _options(kind) for name, kind in declared.items()}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def call(**values: Any) -> None:
            for name, entries in options.items():
                given = {entry.name: values.pop(entry.name) for entry in entries}
                values[name] = {
                    entry.name: _value(entry, given[entry.name])
                    for entry in entries
                    if given[entry.name] is not None
                }
            command(**values)

        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [
            *(_parameter(entry) for entries in options.values() for entry in entries),
            *(p.replace(kind=p.KEYWORD_ONLY) for p in own if p.name not in declared),
        ]
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        call.__annotations__ = {p.name: p.annotation for p in parameters}
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return call

    return decorate


def split(text: str) -> tuple[str, ...]:
    """Split ``a, b,c``; blanks give nothing."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def numbers(name: str, text: str) -> tuple[int, ...]:
    """Read comma-separated whole numbers.

    Raises
    ------
    UsageError
        Naming the flag.
    """
    try:
        return tuple(int(part) for part in split(text))
    except ValueError as error:
        raise UsageError(f"--{name} {text!r} must be whole numbers, such as 128,64,32.") from error


def _options(kind: type) -> list[Field[Any]]:
    return [entry for entry in fields(kind) if "help" in entry.metadata]


def _parameter(entry: Field[Any]) -> inspect.Parameter:
    """Return the parameter typer makes a flag of; None means that it was not given."""
    is_list = get_origin(entry.type) is tuple
    kinds = () if is_list else (entry.type, *get_args(entry.type))
    kind = next((kind for kind in _KINDS if kind in kinds), str)
    default: Any = entry.default
    if is_list:
        default = ",".join(map(str, default))
    shown = default not in (None, MISSING, "")
    help_ = typer.Option(help=entry.metadata["help"], show_default=str(default) if shown else False)
    return inspect.Parameter(
        entry.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, help_],
    )


def _value(entry: Field[Any], given: Any) -> Any:
    """Turn what the command line holds into the field's value."""
    if get_origin(entry.type) is not tuple:
        return given
    return numbers(entry.name, given) if int in get_args(entry.type) else split(given)
