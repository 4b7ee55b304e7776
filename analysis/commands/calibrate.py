"""`agile calibrate`: measure the averages that scale AgilePruner's threshold."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("calibrate")(calibrate)


def calibrate(
    model: Annotated[str, typer.Option(help="Hub id or folder of the checkpoint.")],
    data: Annotated[str, typer.Option(help="Data set, such as scenes:train or folder:PATH.")],
    limit: Annotated[
        int, typer.Option(help="Images, drawn at random where there are more.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of that draw.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Images in one pass of the tower.")] = 16,
    out: Annotated[
        Path | None, typer.Option(help="File; default calibration.json beside a local checkpoint.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    image_aspect: Annotated[str, typer.Option(help="pad, crop, or auto.")] = "auto",
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
) -> None:
    """Measure mean erank and mean attention entropy over images and write them down.

    `agile extract` reads calibration.json beside a local checkpoint by itself.
    """
    from analysis.extract.analyses.calibration import CalibrateOptions
    from analysis.extract.analyses.calibration import calibrate as measure

    options = CalibrateOptions(
        model, data, limit, seed, batch_size, out, device, dtype, image_aspect, revision
    )
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
