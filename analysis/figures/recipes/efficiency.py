"""efficiency: operations counted and time measured against the number of kept tokens."""

import pandas as pd
from matplotlib.axes import Axes

from analysis.catalogue import NEUTRAL, base_name, look
from analysis.figures.base import Drawn, recipe
from analysis.figures.bench import bench_table
from analysis.figures.inputs import Inputs, MissingInput
from analysis.plots.style import new_figure
from analysis.stats.estimate import records

_COUNT, _TIME = "agile bench flops", "agile bench model"


@recipe(
    place=180,
    shows="prefill operations and time to the first token against kept tokens",
    needs=("bench:flops",),
    optional=True,
)
def efficiency(inputs: Inputs) -> Drawn:
    """Draw counted operations left and, where a machine was timed, its time right."""
    counted = bench_table("flops", _COUNT).dropna(subset=["prefill_tmacs"])
    counted = counted[counted["pruner"].map(base_name).isin(["full", *inputs.pruned["pruner"]])]
    counted = counted.assign(label=counted["pruner"], value=counted["prefill_tmacs"])
    try:
        timed = bench_table("model", _TIME).dropna(subset=["ttft_ms"])
        timed = timed[timed["batch"] == timed["batch"].min()]
        # Times of the test suite's tiny model say nothing about any model in use.
        timed = timed[~timed["file"].str.contains("tiny")]
        timed = timed.assign(label=timed["variant"], value=timed["ttft_ms"])
    except MissingInput:
        timed = counted.iloc[:0]
    panels = [(counted, f"prefill, {counted['model'].iloc[0]} (TMACs)")]
    if len(timed):
        panels.append((timed, f"time to first token (ms),\n{timed['file'].iloc[0]}"))
    figure = new_figure(3.2, width=1.0 if len(panels) > 1 else 0.66)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (frame, label) in zip(axes, panels, strict=True):
        panel(frame, ax)
        ax.set_ylabel(label)
    drawn = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    columns = 3 if len(panels) == 1 else 4
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=columns)
    return Drawn(figure, {"": counted.drop(columns=["label", "value"])}, caption(counted))


def panel(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one line a pruner; parameters apart from the name are left out."""
    named = frame["label"].astype(str).map(lambda spec: ":" not in spec.split("@")[0])
    plain = frame[named & frame["keep"].notna()]
    for names, part in lines(plain):
        style = look(names[0])
        alone = len(names) == 1
        ax.plot(
            part["keep"],
            part["value"],
            color=style.colour if alone else NEUTRAL,
            marker=style.marker if alone else "o",
            markersize=3.5,
            lw=0.8,
            label=style.label if alone else ",\n".join(_in_threes(names)),
        )
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
    for name, part in plain.groupby(plain["label"].astype(str).map(base_name), sort=False):
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
