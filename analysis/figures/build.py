"""Building figures: only what is out of date, one failure never stops the rest."""

import hashlib
import json
import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import analysis
from analysis.errors import AgileError, UsageError
from analysis.figures.base import Recipe
from analysis.figures.bench import bench_folder
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.save import digest, save, write_provenance
from analysis.plots.style import drawing
from analysis.provenance import packages
from analysis.runs import Run
from chair_eval.bootstrap import Bootstrap

log = logging.getLogger(__name__)
# Parts of the package whose source or data decide what a figure looks like.
_SOURCES = ("benchmarks.py", "catalogue.py", "figures", "plots", "runs", "scores", "stats")
_ENDINGS = (".py", ".yaml", ".tsv", ".txt", ".json")


@dataclass(frozen=True)
class Built:
    """What became of one recipe.

    Parameters
    ----------
    name
        Its name.
    state
        ``"built"``, ``"fresh"`` (nothing to do), ``"failed"``, or ``"skipped"`` (optional, and its
        inputs were never made).
    reason
        Why it failed or was skipped, one sentence; empty otherwise.
    """

    name: str
    state: str
    reason: str = ""


def build(
    recipes: Sequence[Recipe],
    run: Path,
    out: Path,
    *,
    boot: Bootstrap | None = None,
    force: bool = False,
    lenient: bool = False,
    report: Callable[[Built], None] | None = None,
) -> list[Built]:
    """Draw recipes of one run into a folder.

    Parameters
    ----------
    recipes
        What to draw.
    run
        Run folder.
    out
        Where the files go.
    boot
        Resampling of every estimate.
    force
        Draw even what is up to date.
    lenient
        Leave out, instead of failing, what data without annotated objects cannot show.
    report
        Called after each recipe.

    Returns
    -------
    list of Built
        In the order given; failures are entries, not exceptions.
    """
    boot = boot or Bootstrap()
    inputs = Inputs(run, boot)
    stamp = run_stamp(run, boot)
    results = []
    bare = lenient and not inputs.images["objects"].notna().any()
    for recipe in recipes:
        excused = recipe.optional or bare
        result = _one(recipe, inputs, out, stamp, force, excused)
        results.append(result)
        if report:
            report(result)
    return results


def _one(
    recipe: Recipe, inputs: Inputs, out: Path, stamp: dict[str, Any], force: bool, excused: bool
) -> Built:
    record = out / f"{recipe.name}.json"
    if not force and is_fresh(record, stamp):
        return Built(recipe.name, "fresh")
    record.unlink(missing_ok=True)
    try:
        with drawing(recipe.name):
            drawn = recipe.build(inputs)
        files = save(drawn, recipe, out, embedded=inputs.is_embedded)
    except (AgileError, UsageError, OSError) as error:
        skipped = excused and isinstance(error, MissingInput | UsageError)
        return Built(recipe.name, "skipped" if skipped else "failed", str(error))
    except Exception as error:  # one broken recipe must not cost the others
        log.debug("%s", traceback.format_exc())
        return Built(recipe.name, "failed", f"{type(error).__name__}: {error}")
    outputs = {path.name: digest(path) for path in files}
    write_provenance(record, {**stamp, "figure": recipe.name, "outputs": outputs})
    return Built(recipe.name, "built")


def is_fresh(record: Path, stamp: dict[str, Any]) -> bool:
    """Tell whether a figure was built from exactly this stamp and its files are untouched."""
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        outputs = dict(known.pop("outputs"))
        known.pop("figure")
        same = known == stamp
        return same and all(digest(record.parent / n) == code for n, code in outputs.items())
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def run_stamp(run: Path, boot: Bootstrap) -> dict[str, Any]:
    """Return what figures depend on: the run's content, benches, code, packages, resampling."""
    content = hashlib.sha256()
    for path in sorted([*Run.open(run).files, *bench_folder().glob("*.csv")]):
        if path.is_file():
            content.update(f"{path.name} {digest(path)}\n".encode())
    return {
        "run": run.name,
        "run_sha256": content.hexdigest(),
        "code_sha256": code_digest(),
        "version": analysis.__version__,
        "packages": packages(),
        "seed": boot.seed,
        "n_resamples": boot.n_resamples,
        "level": boot.level,
    }


@cache
def code_digest() -> str:
    """Return a hash over the source that turns records into figures."""
    home = Path(analysis.__file__).parent
    roots = [*(home / name for name in _SOURCES), home.parent / "chair_eval"]
    inside = (path for root in roots for path in (root, *root.rglob("*")))
    files = {path for path in inside if path.suffix in _ENDINGS}
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{path.relative_to(home.parent).as_posix()} {digest(path)}\n".encode())
    return whole.hexdigest()
