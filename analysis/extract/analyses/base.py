"""What every analysis gets: the loaded model, the run's settings, and one image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from analysis.datasets.base import Sample
from analysis.models.base import Adapter
from analysis.pruners.agilepruner import AgilePruner
from analysis.tokens import VisualTokens

# Images whose kept indices are stored in the threshold analysis.
DETAILED = 20


@dataclass(frozen=True)
class Item:
    """One image of the run.

    Attributes
    ----------
    index
        Its place in the run.
    sample
        What the data set says of it.
    image
        Its pixels, RGB.
    """

    index: int
    sample: Sample
    image: Image.Image


@dataclass(frozen=True)
class Averages:
    """Means over images that scale AgilePruner's threshold.

    Attributes
    ----------
    erank, entropy
        Of the checkpoint's calibration; without one AgilePruner's default, and the mean
        over the run's images.
    erank_plain
        The first times the ratio of both means over the run's images.
    """

    erank: float
    erank_plain: float
    entropy: float


@dataclass(frozen=True, eq=False)
class Bench:
    """The loaded model and the settings of one call.

    Attributes
    ----------
    adapter
        The model of the run.
    averages
        See `Averages`.
    keep
        Tokens to keep; None means a quarter of an image's N.
    seed
        Seed of everything random.
    """

    adapter: Adapter
    averages: Averages
    keep: int | None = None
    seed: int = 0

    @property
    def pruner(self) -> AgilePruner:
        """AgilePruner as the run has it: the checkpoint's averages, all else default."""
        return AgilePruner(erank_avg=self.averages.erank, entropy_avg=self.averages.entropy)

    def budget(self, tokens: VisualTokens) -> int:
        """Return the number of tokens to keep of an image."""
        wanted = max(1, round(tokens.n / 4)) if self.keep is None else self.keep
        return min(wanted, tokens.n)

    def encode(self, item: Item) -> VisualTokens:
        """Run the tower over one image."""
        return self.adapter.encode([item.image])[0]


#: An analysis makes the rows of one image.
Analysis = Callable[[Bench, Item], list[dict[str, Any]]]
