"""responses: one image, what attention- and diversity-based pruning make the model say."""

import json
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.overview import kept_by
from analysis.plots.marked_text import (
    GROUNDED,
    HALLUCINATED,
    LOOKS,
    SPACING,
    lines_needed,
    marked_text,
    pieces,
)
from analysis.plots.style import look, new_figure
from analysis.stats.families import ATTENTION, DIVERSITY

Row = dict[Any, Any]
_SIZE = 8.0
_SIDE_WIDTH, _LEAST_HEIGHT = 1.72, 2.2


@recipe(
    "responses",
    shows="one image, two captions side by side, words marked as grounded or hallucinated",
    needs=("images", "captions", "pixels"),
)
def responses(inputs: Inputs) -> Drawn:
    """Diversity's caption left, the image and its objects in the middle, attention's right."""
    pair = (kept_by(inputs, DIVERSITY), kept_by(inputs, ATTENTION))
    scored = inputs.captions(pair)
    image_id = telling_image(scored, pair)
    rows = scored[scored["image_id"] == image_id].set_index("variant").loc[list(pair)]
    known = inputs.images.set_index("image_id").loc[image_id]
    said = {variant: marked_words(rows.loc[variant].to_dict()) for variant in pair}
    lines = max(lines_needed(words, _SIZE, _SIDE_WIDTH) for words in said.values())
    height = max(_LEAST_HEIGHT, lines * SPACING * _SIZE / 72)
    figure = new_figure(height + 0.4)
    axes = figure.subplots(1, 3, width_ratios=[1, 1.1, 1])
    for ax, variant in zip((axes[0], axes[2]), pair, strict=True):
        caption_panel(rows.loc[variant].to_dict(), said[variant], variant, ax, height)
    image_panel(inputs, str(image_id), known.to_dict(), axes[1])
    legend(axes[1])
    columns = ["image_id", "answer", "n_mentions", "n_hallucinated", "n_recalled", "n_gt"]
    data = rows.reset_index()[["variant", *columns]]
    data["hallucinated_words"] = [_wrong(row) for row in rows.to_dict("records")]
    return Drawn(figure, {"": data}, caption(inputs, data))


def telling_image(scored: pd.DataFrame, pair: tuple[str, str]) -> str:
    """Return the image whose two captions differ most in hallucinated objects.

    Both directions count alike, so the rule favours neither method; ties go to more mentions, then
    to the first id.

    Raises
    ------
    MissingInput
        If no image has both captions.
    """
    wrong = scored.pivot(index="image_id", columns="variant", values="n_hallucinated").dropna()
    if wrong.empty or not set(pair) <= set(wrong.columns):
        raise MissingInput(
            f"no image has captions of both {pair[0]} and {pair[1]}; finish the run with the "
            "command that began it."
        )
    gap = (wrong[pair[0]] - wrong[pair[1]]).abs()
    said = scored.groupby("image_id")["n_mentions"].sum().reindex(gap.index)
    order = pd.DataFrame({"gap": -gap, "said": -said}).reset_index()
    return str(order.sort_values(["gap", "said", "image_id"])["image_id"].iloc[0])


def marked_words(row: Row) -> list[tuple[str, str]]:
    """Return a scored caption's words with their marks."""
    marks = [HALLUCINATED if wrong else GROUNDED for wrong in row["hallucinated"]]
    spans = [(int(start), int(end)) for start, end in row["spans"]]
    return pieces(str(row["answer"]), spans, marks)


def caption_panel(
    row: Row, words: list[tuple[str, str]], variant: str, ax: Axes, height: float
) -> None:
    """Write one marked caption under its method's name."""
    marked_text(words, ax, size=_SIZE, width=_SIDE_WIDTH, height=height)
    style = look(variant)
    counts = f"{int(row['n_hallucinated'])} of {int(row['n_mentions'])} objects hallucinated"
    ax.set_title(f"{style.label}\n{counts}", color=style.colour, fontsize="medium")


def image_panel(inputs: Inputs, image_id: str, known: Row, ax: Axes) -> None:
    """Draw the image with its annotated boxes, and list its categories beneath."""
    image = inputs.pixels(image_id)
    ax.imshow(image, interpolation="nearest")
    for box in json.loads(known["boxes"] or "[]"):
        left, top, width, height = box["bbox"]
        ax.add_patch(Rectangle((left, top), width, height, fill=False, ec="#000000", lw=0.7))
    ax.set(xticks=[], yticks=[])
    objects = [str(name) for name in known["objects"]]
    ax.set_xlabel("in the image:\n" + wrapped(objects), fontsize=_SIZE)


def wrapped(names: list[str], limit: int = 36) -> str:
    """Join names with commas, broken into lines of at most ``limit`` letters."""
    lines = [""]
    for place, name in enumerate(names):
        word = name + ("," if place < len(names) - 1 else "")
        fits = len(lines[-1]) + len(word) < limit
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if fits else [*lines, word]
    return "\n".join(lines)


def legend(ax: Axes) -> None:
    """Say what the two marks mean, above the image."""
    for place, mark in ((0.22, GROUNDED), (0.72, HALLUCINATED)):
        ground, ink, weight = LOOKS[mark]
        box = {"facecolor": ground, "edgecolor": "none", "pad": 1.5}
        style: Row = {"size": _SIZE, "color": ink, "weight": weight, "bbox": box}
        ax.text(place, 1.04, mark, transform=ax.transAxes, ha="center", **style)


def caption(inputs: Inputs, data: pd.DataFrame) -> str:
    """Say what the two captions invent, and how the image was chosen."""
    parts = []
    for row in data.to_dict("records"):
        words = row["hallucinated_words"] or "nothing"
        parts.append(
            f"{look(str(row['variant'])).label} names {int(row['n_recalled'])} of "
            f"{int(row['n_gt'])} objects and invents {words}"
        )
    return (
        f"{'; '.join(parts)}. Chosen by rule: the image on which the two captions differ most in "
        f"hallucinated objects, in either direction ({inputs.main_keep} of {inputs.n_tokens} "
        "tokens kept; one image, no estimate)."
    )


def _wrong(row: Row) -> str:
    pairs = zip(row["words"], row["hallucinated"], strict=True)
    return ", ".join(str(word) for word, wrong in pairs if wrong)
