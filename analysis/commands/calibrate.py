"""`agile calibrate`: measure the averages that scale AgilePruner's threshold."""

import sys
from pathlib import Path
from typing import Any

import typer

from analysis.extract.analyses.options import CalibrateOptions
from analysis.flags import flags
from analysis.options import build


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("calibrate")(calibrate)


@flags(what=CalibrateOptions)
def calibrate(what: dict[str, Any]) -> None:
    """Measure mean erank and mean attention entropy over images and write them down.

    `agile extract` reads calibration.json beside a local checkpoint by itself.
    """
    from analysis.extract.analyses.calibration import calibrate as measure

    options = build(CalibrateOptions, what)
    sys.stdout.write(_sentence(measure(options), options.file) + "\n")


def _sentence(found: dict[str, Any], file: Path) -> str:
    """Say what was measured and how to use it."""
    parts = [
        f"mean {name} {found[f'{name}_avg']:.2f} "
        f"[{found[f'{name}_avg_low']:.2f}, {found[f'{name}_avg_high']:.2f}]"
        for name in ("erank", "erank_plain", "entropy")
        if f"{name}_avg" in found
    ]
    return f"{file}: {', '.join(parts)} over {found['n']} images ({found['failed']} unusable)."
