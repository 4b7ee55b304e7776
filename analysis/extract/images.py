"""Which images a run covers, and their samples shard by shard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from tqdm import tqdm

from analysis.datasets import Dataset
from analysis.datasets.base import Sample
from analysis.errors import UsageError
from analysis.extract.config import ExtractConfig


def image_ids(dataset: Dataset, config: ExtractConfig) -> list[str]:
    """Ids of the images a run covers, offset and limit applied.

    Raises
    ------
    UsageError
        When none are left.
    """
    stop = None if config.limit is None else config.offset + config.limit
    chosen = dataset.ids()[config.offset : stop]
    if not chosen:
        raise UsageError(
            f"offset {config.offset} leaves none of the {len(dataset)} images of {config.data}; "
            "choose a smaller offset."
        )
    return chosen


@dataclass(frozen=True)
class Batches:
    """Images of a data set in shards of one size.

    Parameters
    ----------
    dataset
        Where they come from.
    ids
        All of them, in the data set's order.
    offset
        Place of the first in the data set.
    size
        Images a shard.
    """

    dataset: Dataset
    ids: Sequence[str]
    offset: int
    size: int

    def ids_of(self, index: int) -> list[str]:
        """Ids of one shard; none beyond the last."""
        return list(self.ids[index * self.size : (index + 1) * self.size])

    def read(
        self, shards: Sequence[int], label: str, progress: bool
    ) -> Iterator[tuple[int, list[Sample]]]:
        """Yield each listed shard's index and samples, with a progress bar in images."""
        total = sum(len(self.ids_of(index)) for index in shards)
        disable = None if progress else True
        with tqdm(total=total, unit="image", disable=disable, desc=label) as bar:
            for index in shards:
                count = len(self.ids_of(index))
                samples = self.dataset.samples(self.offset + index * self.size, count)
                yield index, list(islice(samples, count))
                bar.update(count)
