"""The extraction loop: plan, load the model once, make the missing shards, report."""

import dataclasses
import hashlib
import json
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import provenance
from analysis.datasets import Dataset, load_dataset
from analysis.errors import AgileError, UsageError
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.faults import recoverable
from analysis.extract.images import Batches, image_ids
from analysis.runs import Run
from analysis.runs.shards import shard_name

if TYPE_CHECKING:
    from analysis.extract.shard import Worker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What one call did.

    Attributes
    ----------
    run
        The run folder.
    made
        Shards made by this call.
    images, failed
        Images in the finished part of the run, and how many of them could not be used.
    seconds
        Wall time of the loop, model loading left out.
    """

    run: Run
    made: int
    images: int
    failed: int
    seconds: float


def finished(path: Path, config: ExtractConfig) -> Run | None:
    """Return the run when everything asked for is there already, without loading a model.

    Raises
    ------
    UsageError
        When the folder is a file, or holds a run that was asked for in another way or
        whose data have changed since. Data that are gone are no reason to make it anew;
        images that the system could not read then and can now are.
    """
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file, not a folder; choose another --out.")
    if not Run.is_at(path):
        return None
    run = Run.open(path)
    run.check("config_passed", config.as_dict())
    if run.missing:
        return None
    try:
        dataset = load_dataset(config.data)
    except UsageError as error:
        log.info("the data of %s are not looked at: %s", path, error)
        return run
    ids = image_ids(dataset, config)
    run.check_origin({"data": _data_block(config, dataset, ids)})
    return None if recoverable(run, dataset, ids, config.shard_size) else run


def run_extraction(
    config: ExtractConfig, out: str | Path, runtime: Runtime | None = None
) -> Report:
    """Make a run, or whatever of it is missing.

    Parameters
    ----------
    config
        What the run is.
    out
        Its folder.
    runtime
        How to make it.

    Returns
    -------
    Report

    Raises
    ------
    UsageError
        For requests that cannot be carried out, a folder of another run among them.
    AgileError
        When memory or disk run out, or every image failed; finished shards stay.
    """
    runtime = runtime or Runtime()
    path = Path(out)
    done = finished(path, config)
    if done is not None:
        return _report(done, 0, 0.0)
    dataset = load_dataset(config.data)
    ids = image_ids(dataset, config)
    from analysis.extract.shard import make_worker

    worker = make_worker(config, runtime, dataset.name)
    run = Run.create(path, _manifest(worker, config, dataset, ids))
    todo = {*run.missing, *recoverable(run, dataset, ids, config.shard_size)}
    mine = [i for i in sorted(todo) if i % runtime.workers == runtime.worker]
    for name, reason in run.damaged.items():
        log.warning("%s is made again or left out: %s", run.path / name, reason)
    started = time.perf_counter()
    batches = Batches(dataset, ids, config.offset, config.shard_size)
    for index, samples in batches.read(mine, "extract", runtime.progress):
        run.write_shard(index, worker.rows(samples))
    seconds = time.perf_counter() - started
    _note_session(run, runtime, worker.adapter.describe(), len(mine), seconds)
    return _report(run, len(mine), seconds)


def _manifest(
    worker: "Worker", config: ExtractConfig, dataset: Dataset, ids: list[str]
) -> dict[str, Any]:
    """Content of run.json."""
    return {
        "config": worker.config.as_dict(),
        "config_passed": config.as_dict(),
        "n_images": len(ids),
        "n_shards": math.ceil(len(ids) / config.shard_size),
        "variants": [
            {"variant": v.label, "pruner": v.spec, "keep": v.keep, "parameters": _parameters(v)}
            for v in worker.variants
        ],
        "provenance": provenance.block(
            model=worker.adapter.describe(),
            data=_data_block(config, dataset, ids),
            seeds={"seed": config.seed},
        ),
    }


def _data_block(config: ExtractConfig, dataset: Dataset, ids: list[str]) -> dict[str, Any]:
    """Return what the provenance says of the data set."""
    return {
        "spec": config.data,
        "revision": dataset.revision,
        "source": dataset.source,
        "ids_sha256": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
        "n": len(ids),
    }


def _parameters(variant: Any) -> dict[str, Any]:
    """Parameters of a pruner as plain values."""
    plain = dataclasses.asdict(variant.pruner)
    return json.loads(json.dumps(plain, default=str))


def _note_session(
    run: Run, runtime: Runtime, model: dict[str, Any], made: int, seconds: float
) -> None:
    """Append one line about this call; many workers may do so at once.

    All rows are safe by then, so a disk that is full now only costs the line.
    """
    line = {"made": made, "seconds": round(seconds, 3), **dataclasses.asdict(runtime)}
    used = {key: model[key] for key in ("device", "device_name", "dtype")}
    line["provenance"] = provenance.block(model=used)
    try:
        run.append_session(line)
    except OSError as error:
        log.warning("sessions.jsonl does not tell of this call: %s", error)


def _report(run: Run, made: int, seconds: float) -> Report:
    """Count what is there; a run without one usable image is a failure, however often asked."""
    images = run.table("images", ["status", "reason"]).to_pylist()
    failed = sum(row["status"] != "ok" for row in images)
    if images and failed == len(images):
        raise AgileError(
            f"none of the {failed} images could be used (first reason: "
            f"{images[0]['reason']}); see the status column of "
            f"{run.path / shard_name('images', 0)}."
        )
    return Report(run, made, len(images), failed, seconds)
