"""Smallest effects of interest, declared in a file: below them a difference is no difference."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import UsageError

UNITS = ("points", "percent", "objects", "words", "r")


@cache
def declared() -> dict[str, Any]:
    """Return what ``claims.yaml`` declares: margins and claims."""
    text = (files("analysis.stats") / "claims.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


@dataclass(frozen=True)
class Margins:
    """Margin of each measure.

    Parameters
    ----------
    values
        Measure → margin, above 0.
    units
        Measure → unit: points of a percentage, percent of the method compared with, and so on.
    """

    values: dict[str, float]
    units: dict[str, str]

    @classmethod
    def load(cls, path: Path | None = None) -> "Margins":
        """Read margins from YAML, ``measure: {value: 1, unit: points}``, over the declared ones.

        Raises
        ------
        UsageError
            If the file cannot be read, or an entry is no positive number with a known unit.
        """
        table = dict(declared()["margins"])
        if path is not None:
            try:
                given = yaml.safe_load(path.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
                raise UsageError(f"margins in {path} cannot be read ({error}).") from error
            if not isinstance(given, dict):
                raise UsageError(
                    f"{path} holds no margins; write lines such as accuracy: "
                    "{value: 1, unit: points}."
                )
            table |= given
        for name, entry in table.items():
            _check(name, entry)
        values = {name: float(entry["value"]) for name, entry in table.items()}
        return cls(values, {name: entry["unit"] for name, entry in table.items()})

    def of(self, measure: str) -> float:
        """Return the margin of a measure; 0, no margin, where none is declared."""
        return self.values.get(measure, 0.0)

    def relative(self, measure: str) -> bool:
        """Tell whether a measure is compared in percent of the method compared with."""
        return self.units.get(measure) == "percent"


def _check(name: str, entry: Any) -> None:
    """Refuse an entry that is no margin, naming what is allowed."""
    good = isinstance(entry, dict) and set(entry) == {"value", "unit"} and entry["unit"] in UNITS
    number = entry["value"] if good else None
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < 1e9:
        raise UsageError(
            f"the margin of {name} is {entry!r}; write {{value: a number above 0, unit: one of "
            f"{', '.join(UNITS)}}}."
        )
