"""Making the analyses of a finished run: shards that are complete are not made again."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from analysis import provenance
from analysis.datasets import Dataset, load_dataset
from analysis.errors import AgileError, UsageError
from analysis.extract.analyses.options import AnalyseOptions
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.loop import image_ids
from analysis.options import build
from analysis.runs import Run

if TYPE_CHECKING:
    from analysis.extract.analyses.base import Analysis, Averages, Bench

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
    ids = _ids(run, dataset, config)[: options.limit]
    averages = run_averages(run)
    settings = {"keep": options.keep, "seed": options.seed, **dataclasses.asdict(averages)}
    chunks = [ids[start : start + _SIZE] for start in range(0, len(ids), _SIZE)]
    todo = [
        (index, [a for a in options.analyses if not _finished(run, a, index, chunk, settings)])
        for index, chunk in enumerate(chunks)
    ]
    made = dict.fromkeys(options.analyses, 0)
    if not any(names for _, names in todo):
        return made
    bench = _bench(run, config, averages, options)
    bar = tqdm(total=len(ids), unit="image", disable=None if options.progress else True)
    with bar:
        for (index, names), chunk in zip(todo, chunks, strict=True):
            rows = _rows(bench, dataset, config.offset, index, len(chunk), names)
            note = {"image_ids": chunk, "settings": settings, "provenance": provenance.block()}
            for name in names:
                run.write_analysis(name, index, rows[name], note)
                made[name] += 1
            bar.update(len(chunk))
    _check_any(run, options.analyses)
    return made


def run_averages(run: Run) -> "Averages":
    """Return the averages that scale AgilePruner's threshold in a run.

    Those of the checkpoint's calibration; what that lacks comes from the run's own images.
    """
    from analysis.extract.analyses.base import Averages
    from analysis.extract.variants import calibration
    from analysis.pruners.agilepruner import AgilePruner

    known = calibration(run.config["model"])
    images = run.images[run.images["status"] == "ok"]
    if images.empty:
        raise AgileError(f"{run.path} holds no image that could be used; extract again.")
    erank = known.get("erank_avg", AgilePruner().erank_avg)
    ratio = float(images["erank_plain"].mean() / images["erank"].mean())
    entropy = known.get("entropy_avg", float(images["entropy"].mean()))
    usual = AgilePruner().entropy_avg
    return Averages(erank, erank * ratio, entropy if entropy > 0 else usual)


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


def _bench(
    run: Run, config: ExtractConfig, averages: "Averages", options: AnalyseOptions
) -> "Bench":
    """Load the model as the run had it; refused when its weights are others by now."""
    from analysis.extract.analyses.base import Bench
    from analysis.extract.resolve import load_adapter

    adapter = load_adapter(config, Runtime(device=options.device))
    now = adapter.describe()
    run.check_origin({"model": {key: now[key] for key in ("revision", "fingerprint")}})
    return Bench(adapter, averages, options.keep, options.seed)


def _analyses() -> "dict[str, Analysis]":
    """Name of each analysis → the function that makes its rows of one image."""
    from analysis.extract.analyses.attention import attention_rows
    from analysis.extract.analyses.corruption import corruption_rows
    from analysis.extract.analyses.sensitivity import sensitivity_rows
    from analysis.extract.analyses.threshold import threshold_rows

    return {
        "threshold": threshold_rows,
        "sensitivity": sensitivity_rows,
        "corruption": corruption_rows,
        "attention": attention_rows,
    }


def _rows(
    bench: "Bench", dataset: Dataset, offset: int, index: int, count: int, names: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Make the rows of one shard for the listed analyses."""
    from analysis.extract.analyses.base import Item

    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    if not names:
        return rows
    makers = _analyses()
    first = index * _SIZE
    for number, sample in enumerate(dataset.samples(offset + first, count), start=first):
        try:
            item = Item(number, sample, sample.load())
        except (OSError, ValueError) as error:
            log.warning("image %s is left out: %s", sample.image_id, error)
            continue
        for name in names:
            try:
                rows[name] += makers[name](bench, item)
            except ValueError as error:
                log.warning("image %s is left out of %s: %s", sample.image_id, name, error)
    return rows


def _finished(
    run: Run, name: str, index: int, ids: Sequence[str], settings: dict[str, Any]
) -> bool:
    """Whether a shard holds these images, made with these settings."""
    note = run.analysis_note(name, index)
    return note.get("settings") == settings and set(ids) <= set(note.get("image_ids", []))


def _check_any(run: Run, names: Sequence[str]) -> None:
    """Complain when an analysis has no row at all."""
    for name in names:
        if run.analysis(name).empty:
            raise AgileError(
                f"none of the images gave a row of {name}; the warnings above say why."
            )
