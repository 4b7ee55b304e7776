"""Options declared once, as fields of a dataclass: type, default, help and what is allowed."""

from collections.abc import Mapping
from dataclasses import MISSING, field, fields
from difflib import get_close_matches
from typing import Any, TypeVar

from analysis.errors import UsageError

T = TypeVar("T")


def option(
    about: str,
    default: Any = MISSING,
    *,
    choices: tuple[Any, ...] = (),
    low: int | None = None,
    high: int | None = None,
    kw_only: bool = False,
) -> Any:
    """Declare a field that is an option of the command line too; see `analysis.flags`.

    Parameters
    ----------
    about
        Its help.
    default
        Its value when it is not given; left out, it must be given.
    choices
        All it may be, where that is few.
    low, high
        The least and the most it, or each of a tuple, may be; None (no value) is always allowed.
    kw_only
        Whether it is given by name only, so that fields without a default may follow.
    """
    allowed = {"help": about, "choices": choices, "low": low, "high": high}
    return field(default=default, metadata=allowed, kw_only=kw_only)


def check(options: Any) -> None:
    """Check every field of a dataclass against what its declaration allows.

    Raises
    ------
    UsageError
        Naming field, value and what is allowed.
    """
    for entry in fields(options):
        name, value = entry.name, getattr(options, entry.name)
        choices, low = entry.metadata.get("choices"), entry.metadata.get("low")
        if choices and value not in choices:
            listed = ", ".join(str(choice) for choice in choices)
            raise UsageError(f"{name} is {value!r}; choose one of: {listed}.")
        several = isinstance(value, tuple)
        given = value if several else () if value is None else (value,)
        if low is not None and any(one < low for one in given):
            what = f"are {list(value)}; every one" if several else f"is {value}; it"
            raise UsageError(f"{name} {what} must be at least {low}.")
        high = entry.metadata.get("high")
        if high is not None and any(one > high for one in given):
            raise UsageError(f"{name} is {value}; it must be at most {high}.")


def build(kind: type[T], values: Mapping[str, Any]) -> T:
    """Make a dataclass of parsed YAML, JSON or flags; lists become tuples.

    Raises
    ------
    UsageError
        For an unknown key, with the closest known one, and for one that must be given.
    """
    known = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else "."
            raise UsageError(f"unknown configuration key {key!r}{hint}")
    for name, entry in known.items():
        if entry.default is MISSING and name not in values:
            raise UsageError(f"--{name} is missing; try --model data/pocket --data scenes.")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
