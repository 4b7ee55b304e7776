# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · Entropy, effective rank and complexity
#
# Two numbers per image carry most of this study. *Attention entropy* asks how widely the vision
# tower spreads its attention. *Effective rank* (erank) asks how many directions the visual tokens
# really span. The idea behind adaptive pruning is that both are low for a simple picture and high
# for a busy one, and that the two kinds of picture want different pruners.
#
# Here we build both numbers from toys, look at them on real records, and then ask whether the idea
# holds in this run. The answers are computed; if you point `AGILE_RUN` elsewhere they may change.

# %%
# %matplotlib inline
import json
import math
import os
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

import analysis
from analysis.figures import FIGURES
from analysis.figures.base import DEMONSTRATION
from analysis.figures.effects import crossover_tests
from analysis.figures.inputs import Inputs
from analysis.figures.wording import correlation_sentence, crossing_sentence
from analysis.measures.entropy import attention_entropy
from analysis.measures.erank import effective_rank
from analysis.plots.distribution import violins
from analysis.plots.overlay import token_overlay
from analysis.plots.scatter import line_with_band, scatter
from analysis.plots.style import new_figure, rc_params
from analysis.stats.attention import CURVE_POINTS, cumulative, stack
from analysis.stats.complexity import splits
from analysis.stats.correlation import correlate
from analysis.stats.line import regression_band
from analysis.stats.ratios import RATIOS

mpl.rcParams.update(rc_params("notebook") | {"figure.dpi": 140})
os.chdir(Path(analysis.__file__).parents[1])
inputs = Inputs(Path(os.environ.get("AGILE_RUN", "data/runs/pocket-scenes")))
images = inputs.images
Markdown(DEMONSTRATION if inputs.is_embedded else f"A run of {inputs.model}.")

# %% [markdown]
# ## Entropy, from nothing to everything
#
# Take N attention weights. If one token gets it all, there is no surprise: entropy 0. If all get
# the same, entropy is ln N, the most there can be. Its exponential reads as "about this many
# tokens share the attention".

# %%
n = inputs.n_tokens
shapes = {"one token takes all": torch.eye(n)[0], "uniform": torch.ones(n) / n}
shapes["falls like 1/rank"] = 1 / torch.arange(1, n + 1)
toys = pd.DataFrame({"entropy": {k: float(attention_entropy(v)) for k, v in shapes.items()}})
toys["effective tokens"] = np.exp(toys["entropy"])
toys.round(2)

# %%
typical = images["entropy"].median()
Markdown(
    f"The median image of this run has entropy {typical:.2f} of at most ln {n} = "
    f"{math.log(n):.2f} nats: its attention is spread as if over {math.exp(typical):.0f} tokens."
)

# %% [markdown]
# ## Effective rank, the same trick on singular values
#
# Normalise the singular values of the token matrix to sum to one, take their entropy, and
# exponentiate. Copies of one token span one direction, however many copies there are; random
# tokens span nearly as many as there is room for. In between lies everything interesting: here,
# a few prototypes repeated with noise, like sky, grass and wall.

# %%
generator = torch.Generator().manual_seed(0)
noise = torch.randn(n, 64, generator=generator)
prototypes = torch.randn(4, 64, generator=generator)[torch.arange(n) % 4]
toys = {
    "copies of one token": torch.ones(n, 64),
    "four prototypes": prototypes,
    "four prototypes, a little noise": prototypes + 0.1 * noise,
    "all random": noise,
}
pd.Series({k: float(effective_rank(v)) for k, v in toys.items()}, name="erank").round(1).to_frame()

# %% [markdown]
# (Four prototypes give at most three directions: the mean is subtracted first, as in the official release.)
#
# ## The plainest and the busiest images
#
# The two lowest and the two highest by the mean rank of entropy and erank, with their attention.

# %%
order = images.loc[(images["entropy"].rank() + images["erank"].rank()).sort_values().index]
ends = pd.concat([order.head(2), order.tail(2)])
figure = new_figure(3.1)
axes = figure.subplots(2, len(ends))
for (_, row), (top, below) in zip(ends.iterrows(), axes.T, strict=True):
    grid = (int(row["grid_h"]), int(row["grid_w"]))
    token_overlay(inputs.pixels(row["image_id"]), None, grid, top)
    below.imshow(np.reshape(row["cls_attention"], grid), cmap="Greys")
    below.set(xticks=[], yticks=[])
    top.set_title(f"entropy {row['entropy']:.2f}\nerank {row['erank']:.0f}", fontsize="medium")
figure

# %% [markdown]
# Another way to see concentration: sort the tokens by attention and ask how much the first x %
# hold. A straight line would be uniform attention.

# %%
held = cumulative(stack(ends["cls_attention"]))
figure = new_figure(2.2, width=0.6)
ax = figure.subplots()
for line, (_, row) in zip(held, ends.iterrows(), strict=True):
    ax.plot(np.linspace(0, 100, CURVE_POINTS), 100 * line, label=f"entropy {row['entropy']:.2f}")
ax.plot([0, 100], [0, 100], color="#B0B0B0", lw=0.7)
ax.set(xlabel="tokens, most attended first (%)", ylabel="attention held (%)")
ax.legend()
figure

# %% [markdown]
# ## Do the two go together?
#
# One point an image, a least-squares line with its bootstrap band.

# %%
level = "complexity" if images["complexity"].notna().any() else None
figure = new_figure(2.6, width=0.66)
ax = figure.subplots()
scatter(images, ax, x="entropy", y="erank", level=level)
line_with_band(regression_band(images, "entropy", "erank", inputs.boot), ax)
ax.set(xlabel="attention entropy (nats)", ylabel="effective rank of all tokens")
if level:
    ax.legend()
figure

# %%
plain = correlate(images, "entropy", "erank", boot=inputs.boot)
given = correlate(images, "entropy", "erank", controls=["n_objects"], boot=inputs.boot)
Markdown(
    correlation_sentence(plain.iloc[0], "attention entropy", "effective rank")
    + " Holding the number of objects constant: "
    + correlation_sentence(given.iloc[0], "attention entropy", "effective rank")
)

# %% [markdown]
# The second sentence matters. If both numbers merely counted objects, they would have nothing left
# to say to each other once the count is held constant.
#
# ## What do they respond to?
#
# The data set knows more about its images than the model does: how many objects, and for drawn
# scenes how much texture the ground has and how large the objects are. Spearman's correlation of
# each with the two measures:

# %%
facts = pd.json_normalize(images["meta"].map(json.loads).tolist()).select_dtypes("number")
facts["n_objects"] = images["n_objects"].astype(float)
frame = images[["image_id", "entropy", "erank"]].join(facts)
rows = [
    correlate(frame, measure, fact, kind="spearman", boot=inputs.boot)
    for fact in facts.columns
    for measure in ("entropy", "erank")
]
pd.concat(rows)[["measure", "estimate", "low", "high", "n"]].round(2)

# %% [markdown]
# Whatever moves the two most in this table, keep it in mind when "complex" is used as a word
# below: a measure may rise with clutter, with texture, or with both.
#
# ## Simple and complex
#
# There are several ways to split. The data set brings its own label; thirds by entropy or by erank
# need no annotation. They need not agree, so let us see how far they do.

# %%
labels = splits(images)
own = labels.columns[0]
pd.crosstab(labels[own], labels["erank terciles"])

# %%
levels = images.assign(level=images["image_id"].map(labels[own]))
figure = new_figure(2.3, width=0.8)
for ax, column in zip(figure.subplots(1, 2), ("entropy", "erank"), strict=True):
    violins(levels, ax, column=column, by="level", order=["simple", "medium", "complex"])
    ax.set_ylabel("attention entropy (nats)" if column == "entropy" else "effective rank")
figure

# %% [markdown]
# ## The crossover
#
# Now the claim that adaptive pruning rests on: attention-based pruning wins on simple images,
# diversity-based pruning on complex ones. That is two signs: the gap diversity minus attention must
# lie below zero on simple images and above it on complex ones, each with its whole interval. An
# *interaction*, a gap that differs between the two, is less: diversity may be ahead on both.

# %%
tests = crossover_tests(inputs)
tests[["split", "measure", "group", "estimate", "low", "high", "n", "detectable"]].round(2)

# %%
Markdown(
    "\n".join(
        f"- By {split}: {crossing_sentence(gaps, measure, RATIOS[measure].better)}"
        for (split, measure), gaps in tests.groupby(["split", "measure"], sort=False)
    )
)

# %% [markdown]
# `detectable` is the smallest true effect that this many images would find four times out of five.
# When it is large, "no interaction seen" means "we could not have seen one", and a bigger run is
# the only cure.
#
# The figure of the study, with its computed caption:

# %%
drawn = FIGURES.get("complexity").build(inputs)
drawn.figure

# %%
Markdown(drawn.caption)

# %% [markdown]
# Next: one image under every pruner ([03](03_one_image_every_pruner.ipynb)).
