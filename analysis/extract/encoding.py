"""Images read and encoded together; one that is at fault is left out alone, with the reason."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image

from analysis.datasets.base import Sample
from analysis.errors import AgileError
from analysis.extract.faults import load
from analysis.models.base import Adapter
from analysis.models.devices import ran_out, release
from analysis.pruners import Selection
from analysis.tokens import VisualTokens

log = logging.getLogger(__name__)


@dataclass
class Loaded:
    """A sample with its pixels and, once encoded, its tokens; or the reason why not.

    Attributes
    ----------
    sample
        What the data set says of the image.
    image
        RGB; a single pixel where it could not be read.
    tokens
        None until it is encoded.
    reason
        Why the image cannot be used; empty when it can.
    selections
        Variant → what was kept of it.
    """

    sample: Sample
    image: Image.Image
    tokens: VisualTokens | None = None
    reason: str = ""
    selections: dict[str, Selection] = field(default_factory=dict)


def read(sample: Sample) -> Loaded:
    """Read the pixels of a sample.

    Raises
    ------
    AgileError
        When the system, not the image, is at fault; see `analysis.extract.faults.load`.
    """
    try:
        return Loaded(sample, load(sample))
    except (OSError, ValueError) as error:
        log.warning("image %s is left out: %s", sample.image_id, error)
        return Loaded(sample, Image.new("RGB", (1, 1)), reason=str(error) or "unreadable")


def encode(adapter: Adapter, items: Sequence[Loaded], needs: frozenset[str]) -> None:
    """Encode images together, in halves when they are too many or one is at fault.

    Fills ``tokens``, or ``reason`` of an image the model refuses.

    Raises
    ------
    AgileError
        When memory does not hold a single image.
    """
    if not items:
        return
    try:
        batch = adapter.encode([item.image for item in items], needs)
    except Exception as error:
        if not (ran_out(error) or isinstance(error, ValueError)):
            raise
        _encode_in_parts(adapter, items, needs, error)
        return
    for item, tokens in zip(items, batch, strict=True):
        if torch.isfinite(tokens.features).all():
            item.tokens = tokens
        else:
            item.reason = "the model returns features that are not finite"


def _encode_in_parts(
    adapter: Adapter, items: Sequence[Loaded], needs: frozenset[str], error: Exception
) -> None:
    """Try halves after a failure, down to the image that causes it."""
    full = ran_out(error)
    if len(items) > 1:
        if full:
            log.warning("%d images do not fit into memory; trying halves", len(items))
            release()
        middle = len(items) // 2
        encode(adapter, items[:middle], needs)
        encode(adapter, items[middle:], needs)
    elif full:
        width, height = items[0].image.size
        raise AgileError(
            f"not enough memory to encode image {items[0].sample.image_id} ({width} x "
            f"{height}); shrink it or use a larger device, finished shards are kept."
        ) from error
    else:
        items[0].reason = f"cannot be encoded: {error}"
