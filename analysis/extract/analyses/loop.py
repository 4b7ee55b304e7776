"""Making the analyses of a finished run: shards that are complete are not made again."""

import dataclasses
import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from analysis import provenance
from analysis.datasets import Dataset, load_dataset
from analysis.datasets.base import Sample
from analysis.errors import AgileError, UsageError
from analysis.extract.analyses.base import Analysis, Averages, Bench, Item
from analysis.extract.analyses.options import AnalyseOptions
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.encoding import read
from analysis.extract.images import Batches, image_ids
from analysis.extract.resolve import load_adapter
from analysis.extract.variants import calibration
from analysis.options import build
from analysis.pruners.agilepruner import AgilePruner
from analysis.runs import Run

log = logging.getLogger(__name__)
# Images a shard; fixed, so that a larger limit goes on where a smaller one ended.
_SIZE = 10


def analyse(path: str | Path, options: AnalyseOptions | None = None) -> dict[str, int]:
    """Make analyses of a run, or what is missing of them.

    Parameters
    ----------
    path
        Folder of a finished run.
    options
        Which analyses, of how many images.

    Returns
    -------
    dict
        Analysis → shards made by this call; no model is loaded when nothing is missing.

    Raises
    ------
    UsageError
        When the folder is no finished run, or its data set is no longer the same.
    AgileError
        When none of the images can be used.
    """
    options = options or AnalyseOptions()
    run = Run.open(path)
    if run.missing:
        raise UsageError(
            f"{run.path} lacks {len(run.missing)} of {run.n_shards} shards; finish it first with "
            "the agile extract command it was started with."
        )
    config = build(ExtractConfig, run.config)
    dataset = load_dataset(config.data)
    batches = Batches(dataset, _ids(run, dataset, config)[: options.limit], config.offset, _SIZE)
    averages = run_averages(run)
    settings = {"keep": options.keep, "seed": options.seed, **dataclasses.asdict(averages)}
    todo = _missing(run, options.analyses, batches, settings)
    made = {name: sum(name in names for names in todo.values()) for name in options.analyses}
    if not todo:
        return made
    adapter = load_adapter(config, Runtime(device=options.device))
    now = adapter.describe()
    run.check_origin({"model": {key: now[key] for key in ("revision", "fingerprint")}})
    bench = Bench(adapter, averages, options.keep, options.seed)
    for index, samples in batches.read(list(todo), "analyse", options.progress):
        note = {
            "image_ids": batches.ids_of(index),
            "settings": settings,
            "provenance": provenance.block(),
        }
        for name, rows in _rows(bench, index * _SIZE, samples, todo[index]).items():
            run.write_analysis(name, index, rows, note)
    for name in options.analyses:
        if run.analysis(name).empty:
            raise AgileError(
                f"none of the images gave a row of {name}; the warnings above say why."
            )
    return made


def run_averages(run: Run) -> Averages:
    """Return the averages that scale AgilePruner's threshold in a run.

    Those of the checkpoint's calibration; what that lacks comes from the run's own images.
    """
    known = calibration(run.config["model"])
    images = run.images[run.images["status"] == "ok"]
    if images.empty:
        raise AgileError(f"{run.path} holds no image that could be used; extract again.")
    usual = AgilePruner()
    erank = known.get("erank_avg", usual.erank_avg)
    ratio = float(images["erank_plain"].mean() / images["erank"].mean())
    entropy = known.get("entropy_avg", float(images["entropy"].mean()))
    return Averages(erank, erank * ratio, entropy if entropy > 0 else usual.entropy_avg)


def _ids(run: Run, dataset: Dataset, config: ExtractConfig) -> list[str]:
    """Ids of the run's images; refused when the data set has changed since."""
    ids = image_ids(dataset, config)
    known = set(run.images["image_id"])
    if set(ids) != known:
        raise UsageError(
            f"{config.data} no longer holds the {len(known)} images {run.path} was made of; "
            "restore the data set, or extract again."
        )
    return ids


def _missing(
    run: Run, names: Sequence[str], batches: Batches, settings: dict[str, Any]
) -> dict[int, list[str]]:
    """Return shard → analyses that lack some of its images, or were made with other settings."""
    todo: dict[int, list[str]] = {}
    for index in range(-(-len(batches.ids) // _SIZE)):
        for name in names:
            note = run.analysis_note(name, index)
            covered = set(batches.ids_of(index)) <= set(note.get("image_ids", []))
            if not covered or note["settings"] != settings:
                todo.setdefault(index, []).append(name)
    return todo


def _rows(
    bench: Bench, first: int, samples: Sequence[Sample], names: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Make the rows of one shard; an analysis is the module of its name."""
    makers: dict[str, Analysis] = {
        name: import_module(f"analysis.extract.analyses.{name}").rows for name in names
    }
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number, loaded in enumerate(map(read, samples), start=first):
        if loaded.reason:
            continue
        item = Item(number, loaded.sample, loaded.image)
        for name, make in makers.items():
            try:
                rows[name] += make(bench, item)
            except ValueError as error:
                log.warning("image %s is left out of %s: %s", item.sample.image_id, name, error)
    return rows
