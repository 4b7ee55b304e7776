"""Where captions of real models hallucinate: by place, length and category."""

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs
from analysis.figures.panels import shared_legend
from analysis.figures.published import published_folder
from analysis.figures.wording import interval
from analysis.plots.intervals import band, errors
from analysis.plots.style import new_figure
from analysis.scores.released import PART, PARTS
from analysis.stats.estimate import records
from analysis.stats.paired import benjamini_hochberg
from analysis.stats.released import LENGTHS, decoding_effects, rates

# One colour a model; the filled marker is greedy, the open one beam search.
_COLOURS = {"LLaVA-1.5": "#0072B2", "InstructBLIP": "#D55E00"}
_DECODINGS = ("greedy", "beam")


@recipe("images", place=430)
def released_captions(inputs: Inputs) -> Drawn:
    """Three panels: parts of 20 tokens, thirds by length, frequent categories."""
    table = released_table()
    found = rates(table, inputs.boot)
    effects = benjamini_hochberg(decoding_effects(table, inputs.boot))
    shown = found[found["group"].isin(list(variants()))]
    figure = new_figure(2.35)
    axes = figure.subplots(1, 3, width_ratios=[1.25, 1, 1.2])
    by_place(shown[shown["split"] == "part"], axes[0])
    by_level(shown[shown["split"] == "length"], axes[1], list(LENGTHS))
    categories = sorted(set(shown.loc[shown["split"] == "category", "level"]))
    by_level(shown[shown["split"] == "category"], axes[2], categories)
    axes[0].set(xlabel="token of the caption", ylabel="CHAIR$_i$ (%)")
    axes[1].set_xlabel("captions by length")
    axes[2].set_xlabel("category")
    shared_legend(figure, axes[:1], 4)
    data = {"": found, "decoding": effects}
    return Drawn(figure, data, caption(inputs, found, effects), of_run=False)


def released_table() -> pd.DataFrame:
    """Read the table of counts; columns as in ``data/published/released/README.md``."""
    path = published_folder() / "released" / "captions.csv"
    return pd.read_csv(path, keep_default_na=False, dtype={"image_id": str})


def variants() -> dict[str, tuple[str, str]]:
    """Return variant → (model, decoding) of those that are drawn."""
    return {f"{model} {kind}": (model, kind) for model in _COLOURS for kind in _DECODINGS}


def by_place(found: pd.DataFrame, ax: Axes) -> None:
    """Draw a line with its band per variant over the parts of a caption."""
    for name, (model, kind) in variants().items():
        part = found[found["group"] == name].assign(x=lambda rows: rows["level"].astype(int))
        greedy = kind == "greedy"
        band(part, ax, x="x", colour=_COLOURS[model], marker="o" if greedy else "s", label=name)
        ax.lines[-1].set(linestyle="-" if greedy else "--", markerfacecolor=_face(model, kind))
    labels = [f"{PART * i + 1}–{PART * (i + 1)}" for i in range(PARTS - 1)]
    ax.set_xticks(range(PARTS), [*labels, f"> {PART * (PARTS - 1)}"], fontsize="x-small")
    ax.set_ylim(bottom=0)
    ax.grid(axis="y")


def by_level(found: pd.DataFrame, ax: Axes, levels: list[str]) -> None:
    """Draw a point with its interval per variant and level, side by side."""
    for place, (name, (model, kind)) in enumerate(variants().items()):
        part = found[found["group"] == name].set_index("level").reindex(levels)
        at = [i + 0.16 * (place - 1.5) for i in range(len(levels))]
        ax.errorbar(
            at,
            part["estimate"],
            yerr=errors(part, "estimate", "low", "high"),
            fmt="o" if kind == "greedy" else "s",
            color=_COLOURS[model],
            markerfacecolor=_face(model, kind),
            markersize=3.5,
            elinewidth=0.8,
        )
    names = [level.replace(" ", "\n") for level in levels]
    ax.set_xticks(range(len(levels)), names, fontsize="x-small")
    ax.set_ylim(bottom=0)
    ax.grid(axis="y")


def _face(model: str, kind: str) -> str:
    return _COLOURS[model] if kind == "greedy" else "white"


def caption(inputs: Inputs, found: pd.DataFrame, effects: pd.DataFrame) -> str:
    """Say how hallucination rises along a caption, and what beam search changes."""
    last = str(PARTS - 1)
    rows = {(row["split"], row["level"], row["group"]): row for row in records(found)}
    along = "; ".join(
        f"{model} from {interval(rows['part', '0', f'{model} greedy'], 1)} to "
        f"{interval(rows['part', last, f'{model} greedy'], 1)}"
        for model in _COLOURS
    )
    whole = effects[(effects["split"] == "all") & (effects["measure"] == "CHAIR_i")]
    beams = "; ".join(
        f"{row['first'].removesuffix(' beam')} {interval(row, 1, signed=True)}"
        for row in records(whole)
        if row["first"].endswith(" beam")
    )
    return (
        f"CHAIR_i (%) of greedy captions from their first {PART} tokens to what follows token "
        f"{PART * (PARTS - 1)}: {along}. Beam search minus greedy on the same images: {beams}. "
        f"Released captions of real models (500 COCO images each; counts in data/published/"
        f"released), full model without pruning; {inputs.boot.level:.0%} bootstrap intervals "
        "over images; the categories are those with 50 mentions in every file. Captions differ "
        "in more than their length, so the middle panel compares captions, not causes."
    )
