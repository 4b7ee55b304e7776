# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · A run and its records
#
# Everything in this toolkit happens in two halves. The slow half looks at images: it runs the
# vision tower, lets every pruner choose its tokens, and asks the model to describe what is left.
# The fast half looks at numbers. Between them lies a *run*: a folder that holds enough to redraw
# every figure without the model.
#
# This notebook opens one and follows a single image through it. The run is the one `make figures`
# makes; set `AGILE_RUN` to the folder of another to read that instead.

# %%
# %matplotlib inline
import json
import os
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

import analysis
from analysis.catalogue import look
from analysis.runs import Run
from analysis.runs import Run
from analysis.figures.base import DEMONSTRATION
from analysis.figures.inputs import Inputs
from analysis.figures.wording import difference_sentence, interval
from analysis.plots.overlay import token_overlay
from analysis.plots.style import new_figure, rc_params
from analysis.plots.style import look, new_figure, rc_params
from analysis.runs import TABLES
from analysis.stats.paired import compare
from analysis.stats.ratios import summarise

mpl.rcParams.update(rc_params("notebook") | {"figure.dpi": 140})
os.chdir(Path(analysis.__file__).parents[1])
inputs = Inputs(Path(os.environ.get("AGILE_RUN", "data/runs/pocket-scenes")))
run = Run.open(inputs.path)
Markdown(DEMONSTRATION if inputs.is_embedded else f"A run of {inputs.model}.")

# %% [markdown]
# ## What was asked
#
# `run.json` begins with the configuration, and with nothing left to guess: defaults are filled in,
# budgets are written out. A second call with a different configuration is refused rather than
# mixed in, so a folder is always one experiment.

# %%
pd.Series({key: str(value)[:90] for key, value in run.config.items()}, name="value").to_frame()

# %% [markdown]
# Then comes where the numbers were made: versions, commit, device, the exact prompt. It is dull
# until the day two people get different results.

# %%
provenance = run.manifest["provenance"]
pd.Series({key: str(value)[:90] for key, value in provenance.items()}, name="value").to_frame()

# %% [markdown]
# ## Three tables
#
# A run has three tables, written in shards so that a killed extraction loses at most one of them:
# `images` (one row an image), `kept` (one row an image and *variant*, that is, pruner and budget)
# and `answers` (one row an image, variant and question).

# %%
pd.Series({name: run.table(name).num_rows for name in TABLES}, name="rows").to_frame()

# %% [markdown]
# The columns explain themselves: unit and meaning travel inside the Parquet files.

# %%
pd.DataFrame(
    [
        (field.name, field.metadata[b"unit"].decode(), field.metadata[b"meaning"].decode())
        for field in TABLES["kept"]
    ],
    columns=["column", "unit", "meaning"],
)

# %% [markdown]
# ## One image
#
# We take the one in the middle of the order by effective rank: chosen by rule, so that nobody has
# to trust our taste. Beside it, what the tower's [CLS] token looks at. The attention is stored
# patch by patch, so the picture on the right needs no model.

# %%
order = run.images[run.images["status"] == "ok"].sort_values("erank", kind="stable")
image = order.iloc[len(order) // 2]
grid = (int(image["grid_h"]), int(image["grid_w"]))
attention = np.asarray(image["cls_attention"], dtype=float)

figure = new_figure(2.3, width=0.8)
left, right = figure.subplots(1, 2)
token_overlay(inputs.pixels(image["image_id"]), None, grid, left)
right.imshow(attention.reshape(grid), cmap="Greys")
right.set(xticks=[], yticks=[])
left.set_title(f"image {image['image_id']}")
right.set_title(f"[CLS] attention, entropy {image['entropy']:.2f} nats")
figure

# %% [markdown]
# Its row also says what is really there. For drawn scenes that is exact; for photographs it is
# what annotators boxed.

# %%
boxes = json.loads(image["boxes"])
Markdown(
    f"Objects: {', '.join(sorted(box['category'] for box in boxes))}. "
    f"{image['n_tokens']} visual tokens, attention entropy {image['entropy']:.2f}, effective rank "
    f"{image['erank']:.1f}; the data set calls it **{image['complexity']}**."
)

# %% [markdown]
# ## What each pruner kept of it
#
# All pruners of one budget, on this one image. Kept erank says how many directions the surviving
# tokens span; attention mass says what share of the [CLS] attention they hold. Keep an eye on how
# the two trade against each other as you go down the table.

# %%
keep = inputs.main_keep
variants = inputs.pruned.query("keep == @keep")["variant"].tolist()
mine = run.kept[run.kept["image_id"] == image["image_id"]].set_index("variant").loc[variants]
columns = ["n_out", "erank", "attention_mass", "pairwise_distance", "coverage"]
mine[columns].sort_values("erank").round(2)

# %% [markdown]
# The indices are there too, so every overlay can be redrawn. Faded patches were pruned.

# %%
shown = variants[:4]
figure = new_figure(1.75)
for ax, variant in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
    style = look(variant)
    indices = mine.loc[variant, "indices"]
    token_overlay(inputs.pixels(image["image_id"]), indices, grid, ax, edge=style.colour)
    ax.set_title(style.label, color=style.colour)
figure

# %% [markdown]
# And because both the indices and the attention are stored, a measure can be checked by hand. This
# is the whole computation of attention mass, next to what the run says:

# %%
again = {name: attention[[i for i in mine.loc[name, "indices"] if i >= 0]].sum() for name in shown}
check = pd.DataFrame({"by hand": pd.Series(again) / attention.sum()})
check["recorded"] = mine.loc[shown, "attention_mass"]
check

# %%
gap = (check["by hand"] - check["recorded"]).abs().max()
Markdown(f"The largest difference is {gap:.1e}; attention is stored as 32-bit floats.")

# %% [markdown]
# ## What the model said
#
# The same image, the same question, fewer tokens. Empty-handed or talkative, every answer is kept
# word for word, and whether it ended on its own or hit the limit (`truncated`).

# %%
said = run.answers[
    (run.answers["image_id"] == image["image_id"]) & (run.answers["task"] == "caption")
]
said = said.set_index("variant").loc[["full", *shown] if "full" in set(said["variant"]) else shown]
with pd.option_context("display.max_colwidth", None):
    display(said[["answer", "n_new_tokens", "truncated"]])

# %% [markdown]
# ## From records to an estimate
#
# One image is an anecdote. `inputs.units` joins the tables into one row per image and variant,
# with the captions scored by CHAIR; a statistic takes that frame and returns estimates. Each row
# carries its interval, the number of images, the method and the seed, because a number without
# them is not a result.

# %%
units = inputs.units[inputs.units["variant"].isin(variants)]
scores = summarise(units, ["CHAIR_i", "recall", "length"], inputs.boot)
scores["shown"] = [interval(row, 1) for _, row in scores.iterrows()]
scores.pivot(index="group", columns="measure", values="shown")

# %% [markdown]
# Overlapping intervals in that table do not mean "no difference": all pruners saw the same images,
# so the honest comparison is paired. The first and the last pruner of the list, image by image:

# %%
first, last = variants[0], variants[-1]
names = look(first).label, look(last).label
paired = compare(inputs.units, ["CHAIR_i", "recall"], [(first, last)], inputs.boot)
Markdown(" ".join(difference_sentence(row, *names, row["measure"]) for _, row in paired.iterrows()))

# %% [markdown]
# That sentence was computed, as every caption of a figure is: when the interval crosses zero it
# says that no difference was seen.
#
# Next: what entropy and effective rank measure, and whether they make an image "complex"
# ([02](02_entropy_erank_complexity.ipynb)).
