"""attention_vs_hallucination: [CLS] attention on mentioned, missed and invented objects."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import ATTENTION, DIVERSITY, NEUTRAL, look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import at_budget, chair_units, kept_by
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.wording import images, interval, seen
from analysis.plots.intervals import errors, forest
from analysis.plots.style import new_figure
from analysis.stats.attention import object_attention
from analysis.stats.estimate import estimates, row
from analysis.stats.hallucination import associations, hallucination_rate
from analysis.stats.ratios import difference, ratio
from chair_eval.bootstrap import Array, Bootstrap, Interval, Statistic, bootstrap

_STATES = {"mentioned": ("#4D4D4D", "o"), "missed": ("#B3589A", "s")}
# Kept tokens are binned into this many parts by attention for the profile.
_PARTS = 8
MOST_IMAGES = 2000


@recipe(
    place=90,
    shows="[CLS] attention in boxes of mentioned and missed objects, and of kept tokens",
    needs=("images", "kept", "captions"),
)
def attention_vs_hallucination(inputs: Inputs) -> Drawn:
    """Draw attention density per object state, kept tokens' profile, and its correlations."""
    pair = [kept_by(inputs, kind) for kind in (ATTENTION, DIVERSITY)]
    full = [name for name in inputs.variants["variant"] if name == "full"]
    known = inputs.images.head(MOST_IMAGES)
    known = known[known["cls_attention"].notna()]
    if known.empty:
        raise MissingInput(f"run {inputs.path.name} stored no [CLS] attention of its images.")
    objects = object_attention(known, padded=inputs.config.get("image_aspect") != "crop")
    if objects.empty:
        raise MissingInput(
            f"run {inputs.path.name} has no annotated boxes; extract from data that has some, such "
            "as scenes or coco-chair:PATH."
        )
    scored = inputs.captions([*full, *pair])
    scored = scored[scored["image_id"].isin(known["image_id"])]
    density = object_states(objects, scored, [*full, *pair], inputs.boot)
    profile = kept_profile(inputs, scored, pair)
    spoken = chair_units(inputs)
    spoken = hallucination_rate(spoken[spoken["variant"].isin(at_budget(inputs))])
    tied = associations(spoken, "attention_mass", boot=inputs.boot)
    figure = new_figure(3.1)
    axes = figure.subplots(1, 3, width_ratios=[1, 1, 1])
    density_panel(density, axes[0], [*full, *pair])
    profile_panel(profile, axes[1])
    tied["label"] = tied["group"].str.replace(", given", ",\ngiven", regex=False)
    forest(tied, axes[2], colour=NEUTRAL)
    axes[2].set_xlabel("correlation of kept\nattention with share of\ninvented objects")
    for ax, letter in zip(axes, "abc", strict=True):
        ax.set_title(f"({letter})", loc="left", fontsize="medium")
    data = {"": density, "profile": profile, "correlations": tied.drop(columns="label")}
    return Drawn(figure, data, caption(density, tied))


def object_states(
    objects: pd.DataFrame, scored: pd.DataFrame, variants: list[str], boot: Bootstrap
) -> pd.DataFrame:
    """Estimate attention density of mentioned and missed objects per variant, and the gap."""
    found = []
    for variant in variants:
        said = scored[scored["variant"] == variant].set_index("image_id")["recalled"]
        part = objects[objects["image_id"].isin(said.index)]
        named = {str(image): set(words) for image, words in said.items()}
        hit = np.asarray(
            [c in named[str(i)] for i, c in zip(part["image_id"], part["category"], strict=True)],
            dtype=bool,
        )
        owner, ids = pd.factorize(part["image_id"])
        if not len(ids):
            continue
        value = part["density"].to_numpy()
        sums: Array = np.column_stack(
            [
                np.bincount(owner, weights=weight, minlength=len(ids))
                for weight in (value * hit, hit * 1.0, value * ~hit, ~hit * 1.0)
            ]
        ).astype(np.float64)
        statistics = [Statistic(sums[:, :2], ratio), Statistic(sums[:, 2:], ratio)]
        statistics.append(Statistic(sums, difference))
        names = ("mentioned", "missed", "mentioned - missed")
        for name, each in zip(names, bootstrap(statistics, boot), strict=True):
            extra = {
                "variant": variant,
                "objects": int(
                    hit.sum()
                    if name == "mentioned"
                    else (~hit).sum()
                    if name == "missed"
                    else len(hit)
                ),
            }
            found.append(row("attention density in boxes", name, each, boot.seed, **extra))
    return estimates(found)


def kept_profile(inputs: Inputs, scored: pd.DataFrame, pair: list[str]) -> pd.DataFrame:
    """Estimate the attention of kept tokens by rank, for captions with and without inventions."""
    vectors = inputs.images.set_index("image_id")["cls_attention"]
    kept = inputs.selections(scored["image_id"].unique().tolist(), pair)["indices"]
    frames = []
    for variant in pair:
        rows = scored[(scored["variant"] == variant) & (scored["n_mentions"] > 0)]
        wrong = rows["n_hallucinated"].to_numpy() > 0
        parts = np.asarray([_ranked(vectors[i], kept.loc[(i, variant)]) for i in rows["image_id"]])
        for name, chosen in (("invented", wrong), ("clean", ~wrong)):
            frames.append(_profile(parts[chosen], variant, name, inputs.boot))
    return pd.concat(frames, ignore_index=True)


def _ranked(attention: object, indices: object) -> np.ndarray:
    """Return mean attention × N of kept tokens in `_PARTS` parts, strongest first."""
    vector = np.asarray(attention, dtype=np.float64)
    vector = vector / vector.sum() * len(vector)
    chosen = np.asarray(indices, dtype=np.int64)
    ranked = np.sort(vector[chosen[chosen >= 0]])[::-1]
    return np.asarray(
        [part.mean() if len(part) else np.nan for part in np.array_split(ranked, _PARTS)]
    )


def _profile(values: np.ndarray, variant: str, name: str, boot: Bootstrap) -> pd.DataFrame:
    ones = np.ones(len(values))
    found: list[Interval] = []
    if len(values):
        found = bootstrap(
            [Statistic(np.column_stack([one, ones]), ratio) for one in values.T], boot
        )
    rows = [
        row(
            "attention of kept token (1 = uniform)",
            name,
            each,
            boot.seed,
            variant=variant,
            part=k + 1,
        )
        for k, each in enumerate(found)
    ]
    return estimates(rows)


def density_panel(density: pd.DataFrame, ax: Axes, variants: list[str]) -> None:
    """Draw mentioned and missed objects, a line a variant."""
    for shift, (state, (colour, marker)) in zip((-0.13, 0.13), _STATES.items(), strict=True):
        part = density[density["group"] == state].set_index("variant").reindex(variants)
        part = part.reset_index()
        part["label"] = [look(name).label for name in part["variant"]]
        forest(part, ax, colour=colour, marker=marker, offset=shift, zero=1.0, label=state)
    ax.set_xlabel("[CLS] attention in an\nobject's boxes (1 = uniform)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.52), ncols=1, fontsize="small")


def profile_panel(profile: pd.DataFrame, ax: Axes) -> None:
    """Draw the kept tokens' attention, strongest first; dashed without inventions."""
    ax.set_xticks([1, _PARTS // 2, _PARTS])
    ax.set(xlabel="kept tokens, strongest\nto weakest (eighths)", ylabel="attention (1 = uniform)")
    if profile.empty:  # no caption mentions an object
        return
    for (variant, name), part in profile.groupby(["variant", "group"], sort=False):
        style = look(str(variant))
        line = "-" if name == "invented" else "--"
        label = f"{style.label}, {name}"
        spread = errors(part, "estimate", "low", "high")
        ax.errorbar(
            part["part"],
            part["estimate"],
            yerr=spread,
            color=style.colour,
            ls=line,
            marker=style.marker,
            markersize=2.5,
            lw=0.9,
            elinewidth=0.6,
            label=label,
        )
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.52), ncols=1, fontsize="small")


def caption(density: pd.DataFrame, tied: pd.DataFrame) -> str:
    """Say whether missed objects got less attention, and whether kept attention matters."""
    gap = density[density["group"] == "mentioned - missed"].iloc[0]
    way = "get more attention than" if gap["estimate"] > 0 else "get less attention than"
    way = way if seen(gap) else "get no visibly different attention from"
    inside = tied[tied["group"].str.startswith("within image")].iloc[-1]
    still = "correlates" if seen(inside) else "does not visibly correlate"
    still = still if np.isfinite(inside["estimate"]) else "cannot be correlated"
    return (
        f"Objects the model mentions {way} those it misses ({look(str(gap['variant'])).label}: "
        f"difference of density {interval(gap, 2, signed=True)}, {images(gap)}). The attention a "
        f"method keeps {still} with the share of invented objects inside the same image "
        f"({inside['group']}): r = {interval(inside)}, {images(inside)}."
    )
