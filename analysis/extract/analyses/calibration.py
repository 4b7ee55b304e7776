"""Calibration: the mean erank and entropy of a model's images, which scale AgilePruner's threshold.

The paper's 90 is the mean over images LLaVA-1.5 was trained on; every other model needs
its own, measured on images like those it was trained on and not on those it is tested with.
"""

import datetime
import json
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image
from scipy import stats
from tqdm import tqdm

from analysis.datasets import Dataset, load_dataset
from analysis.errors import AgileError
from analysis.extract.analyses.options import CalibrateOptions
from analysis.files import write_text
from analysis.measures.entropy import attention_entropy
from analysis.measures.gram import eranks
from analysis.models import load
from analysis.models.base import Adapter
from analysis.models.devices import ran_out
from analysis.provenance import code
from analysis.tokens import VisualTokens

log = logging.getLogger(__name__)
_CONFIDENCE = 0.95


def calibrate(options: CalibrateOptions, progress: bool = True) -> dict[str, Any]:
    """Measure the averages and write them.

    Parameters
    ----------
    options
        What to measure.
    progress
        Show a progress bar when standard error is a terminal.

    Returns
    -------
    dict
        What was written: ``erank_avg`` (centred), ``erank_plain_avg`` and ``entropy_avg``
        (absent for models without [CLS] attention), each with ``_low`` and ``_high`` of a
        95 % t interval and ``_sd``; ``n`` images, how many ``failed``, and what made it.

    Raises
    ------
    AgileError
        When fewer than two images can be used, or the file cannot be written.
    """
    dataset = load_dataset(options.data)
    ids = drawn(dataset, options.limit, options.seed)
    adapter = load(options)
    values: dict[str, list[float]] = {"erank": [], "erank_plain": [], "entropy": []}
    bar = tqdm(total=len(ids), unit="image", disable=None if progress else True, desc="calibrate")
    with bar:
        for batch in _encoded(adapter, dataset, ids, options.batch_size):
            for name, measured in _measures(batch).items():
                values[name] += measured
            bar.update(len(batch))
    n = len(values["erank"])
    if n < 2:
        raise AgileError(
            f"only {n} of {len(ids)} images of {options.data} can be used; two are the least."
        )
    found = {
        **{k: v for name, row in values.items() if row for k, v in _summary(name, row).items()},
        "n": n,
        "failed": len(ids) - n,
        "confidence": _CONFIDENCE,
        "method": "t interval of the mean",
        "seed": options.seed,
        "model": options.model,
        "revision": adapter.describe()["revision"],
        "data": options.data,
        "data_revision": dataset.revision,
        "image_aspect": adapter.describe()["image_aspect"],
        "dtype": adapter.describe()["dtype"],
        "code": dict(code()),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    write_text(options.file, json.dumps(found, indent=2) + "\n")
    return found


def drawn(dataset: Dataset, limit: int, seed: int) -> list[str]:
    """Return all ids, or a seeded draw of ``limit`` of them in the data set's order."""
    ids = dataset.ids()
    if len(ids) <= limit:
        return ids
    places = np.random.default_rng(seed).choice(len(ids), size=limit, replace=False)
    return [ids[place] for place in sorted(places.tolist())]


def _encoded(
    adapter: Adapter, dataset: Dataset, ids: list[str], size: int
) -> Iterator[list[VisualTokens]]:
    """Yield encoded batches; images that cannot be read are left out."""
    for start in range(0, len(ids), size):
        images = []
        for image_id in ids[start : start + size]:
            try:
                images.append(dataset.image(image_id))
            except (OSError, ValueError) as error:
                log.warning("image %s is left out: %s", image_id, error)
        if images and (found := _encode(adapter, images)):
            yield found


def _encode(adapter: Adapter, images: list[Image.Image]) -> list[VisualTokens]:
    """Encode images together, or one by one where one is refused, which is left out.

    Raises
    ------
    AgileError
        When memory runs out; names a smaller batch.
    """
    try:
        return adapter.encode(images)
    except Exception as error:
        if ran_out(error):
            remedy = "use a larger device or smaller images"
            if len(images) > 1:
                remedy = f"run again with --batch-size {len(images) // 2}"
            raise AgileError(f"not enough memory for {len(images)} images; {remedy}.") from error
        if not isinstance(error, ValueError):
            raise
        if len(images) == 1:
            log.warning("an image of %d x %d is left out: %s", *images[0].size, error)
            return []
    return [tokens for image in images for tokens in _encode(adapter, [image])]


def _measures(batch: list[VisualTokens]) -> dict[str, list[float]]:
    """Return the measures of a batch; eranks of one size in one solve."""
    if len({t.features.shape for t in batch}) == 1:
        eranks(batch)
        eranks(batch, centred=False)
    attention = [t.cls_attention for t in batch if t.cls_attention is not None]
    return {
        "erank": [t.gram.erank() for t in batch],
        "erank_plain": [t.gram.erank(centred=False) for t in batch],
        "entropy": [float(attention_entropy(row)) for row in attention],
    }


def _summary(name: str, values: list[float]) -> dict[str, float]:
    """Return mean, interval and spread under the names they are stored by."""
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    reach = float(stats.t.ppf(0.5 + _CONFIDENCE / 2, len(values) - 1)) * sd / len(values) ** 0.5
    key = f"{name}_avg"
    return {key: mean, f"{key}_low": mean - reach, f"{key}_high": mean + reach, f"{key}_sd": sd}
