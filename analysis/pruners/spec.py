"""Specs: one line of text that names a pruner and its parameters."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, get_args, get_type_hints

from analysis.catalogue import METHODS
from analysis.errors import UsageError
from analysis.pruners.base import Pruner

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def make_pruner(spec: str, parameters: Mapping[str, str] | None = None) -> Pruner:
    """Build a pruner from a spec such as ``"mixture:attention_share=0.25:seeded=true"``.

    Parameters
    ----------
    spec
        Name of a registered pruner, then ``:key=value`` for each parameter.
    parameters
        More parameters as text, as ``--param key=value`` gives them; they may not
        repeat a key of the spec.

    Returns
    -------
    Pruner
        Its ``label`` is the spec in normal form: parameters in the order the class
        declares them, those at their default left out.

    Raises
    ------
    UsageError
        Unknown name or parameter (with close matches), or a value that does not fit.
    """
    name, *pairs = spec.strip().split(":")
    cls = METHODS.get(name.strip()).cls
    given: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"a parameter is written key=value, got {pair!r} in {spec!r}.")
        _put(given, key.strip(), value.strip())
    for key, value in (parameters or {}).items():
        _put(given, key, value)
    made: Pruner = cls(**_typed(cls, given))
    return made


def _put(given: dict[str, str], key: str, value: str) -> None:
    if key in given:
        raise UsageError(f"parameter {key!r} is given twice; give it once.")
    given[key] = value


def _typed(cls: type[Pruner], given: Mapping[str, str]) -> dict[str, Any]:
    """Convert the text of each parameter to the type its field declares."""
    hints = get_type_hints(cls)
    known = [f.name for f in fields(cls)]
    values = {}
    for key, text in given.items():
        if key not in known:
            close = get_close_matches(key, known, n=2, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}? " if close else ""
            has = f"it has: {', '.join(known)}" if known else "it has none"
            raise UsageError(f"{cls.name} has no parameter {key!r}; {hint}{has}.")
        values[key] = _convert(key, text, get_args(hints[key]) or (hints[key],))
    return values


def _convert(key: str, text: str, kinds: tuple[Any, ...]) -> Any:
    if type(None) in kinds and text.lower() == "none":
        return None
    kind = next(k for k in kinds if k is not type(None))
    try:
        if kind is bool:
            return _TRUTH[text.lower()]
        return kind(text) if kind in (int, float) else text
    except (KeyError, ValueError) as error:
        raise UsageError(f"{key} must be of type {kind.__name__}, got {text!r}.") from error
