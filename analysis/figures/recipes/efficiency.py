"""prefill operations and time to the first token against kept tokens."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import NEUTRAL, base_name, look
from analysis.figures.base import Drawn, recipe
from analysis.figures.bench import bench_table
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import shared_legend
from analysis.plots.style import new_figure
from analysis.stats.estimate import records


@recipe("bench:flops", place=180, optional=True)
def efficiency(inputs: Inputs) -> Drawn:
    """Draw counted operations left and, where a machine was timed, its time right."""
    counted = bench_table("flops").dropna(subset=["prefill_tmacs"])
    counted = counted[counted["pruner"].map(base_name).isin(["full", *inputs.pruned["pruner"]])]
    panels = {
        f"prefill, {counted['model'].iloc[0]} (TMACs)": counted.rename(
            columns={"pruner": "spec", "prefill_tmacs": "value"}
        )
    }
    timed = times()
    if len(timed):
        panels[f"time to first token (ms),\n{timed['file'].iloc[0]}"] = timed
    figure = new_figure(3.2, width=1.0 if len(panels) > 1 else 0.66)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (label, frame) in zip(axes, panels.items(), strict=True):
        panel(frame, ax)
        ax.set_ylabel(label)
    shared_legend(figure, axes, 3 if len(panels) == 1 else 4)
    return Drawn(figure, {"": counted}, caption(counted), of_run=False)


def times() -> pd.DataFrame:
    """Return measured times to the first token at the smallest batch; empty without any."""
    try:
        timed = bench_table("model").dropna(subset=["ttft_ms"])
    except MissingInput:
        return pd.DataFrame()
    # Times of the test suite's tiny model say nothing about any model in use.
    timed = timed[(timed["batch"] == timed["batch"].min()) & ~timed["file"].str.contains("tiny")]
    return timed.rename(columns={"variant": "spec", "ttft_ms": "value"})


def panel(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one line a pruner; parameters apart from the name are left out."""
    named = frame["spec"].astype(str).map(lambda spec: ":" not in spec.split("@")[0])
    plain = frame[named & frame["keep"].notna()]
    for names, part in lines(plain):
        style, label = look(names[0]), look(names[0]).label
        colour, marker = style.colour, style.marker
        if len(names) > 1:
            colour, marker, label = NEUTRAL, "o", ",\n".join(_in_threes(names))
        drawn: dict[str, Any] = {"color": colour, "marker": marker, "label": label}
        ax.plot(part["keep"], part["value"], markersize=3.5, lw=0.8, **drawn)
    ax.set_xscale("log", base=2)
    ax.set_ylim(bottom=0)
    keeps = sorted(int(keep) for keep in plain["keep"].unique())
    ax.set_xticks(keeps, [str(keep) for keep in keeps])
    ax.minorticks_off()
    ax.set_xlabel("tokens kept")
    ax.grid(axis="y")


def lines(plain: pd.DataFrame) -> list[tuple[list[str], pd.DataFrame]]:
    """Return the lines to draw: pruners that cost exactly the same at every keep share one."""
    found: dict[tuple[tuple[int, float], ...], tuple[list[str], pd.DataFrame]] = {}
    for name, part in plain.groupby(plain["spec"].astype(str).map(base_name), sort=False):
        part = part.sort_values("keep")
        points = tuple((int(row["keep"]), float(row["value"])) for row in records(part))
        found.setdefault(points, ([], part))[0].append(str(name))
    return list(found.values())


def _in_threes(names: list[str]) -> list[str]:
    labels = [look(name).label for name in names]
    return [", ".join(labels[start : start + 3]) for start in range(0, len(labels), 3)]


def caption(counted: pd.DataFrame) -> str:
    """Say what the smallest budget of the table costs."""
    least = counted[counted["keep"] == counted["keep"].min()].sort_values("prefill_share")
    row = least.iloc[0]
    same = least.loc[least["prefill_tmacs"] == row["prefill_tmacs"], "pruner"].nunique()
    who = look(str(row["pruner"])).label + (" needs" if same == 1 else f" and {same - 1} more need")
    return (
        f"With {int(row['keep'])} tokens {who} "
        f"{100 * row['prefill_share']:.0f}% of the unpruned prefill of {row['model']} "
        f"({row['prefill_tmacs']:.2f} TMACs with {int(row['text_tokens'])} text tokens); counted "
        "operations have no interval, and methods that prune before the language model coincide."
    )
