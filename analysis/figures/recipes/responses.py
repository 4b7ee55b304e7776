"""one image, two captions side by side, words marked as grounded or hallucinated."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import family_pair, telling_image
from analysis.figures.inputs import Inputs
from analysis.plots.marked_text import (
    GROUNDED,
    HALLUCINATED,
    LOOKS,
    SPACING,
    lines_needed,
    marked_text,
    marked_words,
)
from analysis.plots.overlay import boxed_image
from analysis.plots.style import new_figure
from analysis.stats.estimate import records

Row = dict[Any, Any]
_SIZE = 8.0
_SIDE_WIDTH, _LEAST_HEIGHT = 1.72, 2.2


@recipe("images", "families", "captions", "pixels", place=20)
def responses(inputs: Inputs) -> Drawn:
    """Diversity's caption left, the image and its objects in the middle, attention's right."""
    pair = family_pair(inputs)
    scored = inputs.captions(pair)
    image_id = telling_image(scored, pair)
    rows = scored[scored["image_id"] == image_id].set_index("variant").loc[list(pair)]
    own = records(rows.reset_index())
    said = [marked_words(row) for row in own]
    lines = max(lines_needed(words, _SIZE, _SIDE_WIDTH) for words in said)
    height = max(_LEAST_HEIGHT, lines * SPACING * _SIZE / 72)
    figure = new_figure(height + 0.4)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1.1, 1])
    for ax, row, words in zip((left, right), own, said, strict=True):
        caption_panel(row, words, ax, height)
    known: Row = inputs.images.set_index("image_id").loc[image_id].to_dict()
    boxed_image(inputs.pixels(image_id), known["boxes"], known["objects"], middle)
    legend(middle)
    columns = ["image_id", "answer", "n_mentions", "n_hallucinated", "n_recalled", "n_gt"]
    data = rows.reset_index()[["variant", *columns]]
    data["hallucinated_words"] = [_wrong(row) for row in own]
    return Drawn(figure, {"": data}, caption(inputs, data))


def caption_panel(row: Row, words: list[tuple[str, str]], ax: Axes, height: float) -> None:
    """Write one marked caption under its method's name."""
    marked_text(words, ax, size=_SIZE, width=_SIDE_WIDTH, height=height)
    style = look(row["variant"])
    counts = f"{int(row['n_hallucinated'])} of {int(row['n_mentions'])} objects hallucinated"
    ax.set_title(f"{style.label}\n{counts}", color=style.colour, fontsize="medium")


def legend(ax: Axes) -> None:
    """Say what the two marks mean, above the image."""
    for place, mark in ((0.22, GROUNDED), (0.72, HALLUCINATED)):
        ground, ink, weight = LOOKS[mark]
        box = {"facecolor": ground, "edgecolor": "none", "pad": 1.5}
        style: Row = {"size": _SIZE, "color": ink, "weight": weight, "bbox": box}
        ax.text(place, 1.04, mark, transform=ax.transAxes, ha="center", **style)


def caption(inputs: Inputs, data: pd.DataFrame) -> str:
    """Say what the two captions invent, and how the image was chosen."""
    parts = [
        f"{look(row['variant']).label} names {int(row['n_recalled'])} of {int(row['n_gt'])} "
        f"objects and invents {row['hallucinated_words'] or 'nothing'}"
        for row in records(data)
    ]
    return (
        f"{'; '.join(parts)}. Chosen by rule: the image on which the two captions differ most in "
        f"hallucinated objects, in either direction ({inputs.main_keep} of {inputs.n_tokens} "
        "tokens kept; one image, no estimate)."
    )


def _wrong(row: Row) -> str:
    pairs = zip(row["words"], row["hallucinated"], strict=True)
    return ", ".join(str(word) for word, wrong in pairs if wrong)
