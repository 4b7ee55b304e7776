# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · One image under every pruner
#
# Averages hide what pruning does. Here is one image, seen through every pruner of the run: which
# patches survive, what the model says about them, and which of its words are true. In the second
# half we load the model and turn a knob ourselves.

# %%
# %matplotlib inline
import os
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import torch
from IPython.display import Markdown

import analysis
from analysis.catalogue import look
from analysis.runs import Run
from analysis.runs import Run
from analysis.figures.base import DEMONSTRATION
from analysis.figures.choices import family_pair, telling_image
from analysis.figures.inputs import Inputs
from analysis.measures.kept import jaccard, kept_measures
from analysis.models.exchange import Request
from analysis.models import LoadOptions, load
from analysis.plots.marked_text import marked_text, marked_words
from analysis.plots.overlay import boxed_image, token_overlay
from analysis.plots.style import new_figure, rc_params
from analysis.pruners import make_pruner
from chair_eval import GroundTruth, score

mpl.rcParams.update(rc_params("notebook") | {"figure.dpi": 140})
os.chdir(Path(analysis.__file__).parents[1])
inputs = Inputs(Path(os.environ.get("AGILE_RUN", "data/runs/pocket-scenes")))
Markdown(DEMONSTRATION if inputs.is_embedded else f"A run of {inputs.model}.")

# %% [markdown]
# ## Which image
#
# The one on which the captions after attention- and after diversity-based pruning differ most in
# invented objects, in either direction. That makes it an *extreme* image: good for seeing how
# things can go wrong, useless for saying how often they do.

# %%
pair = family_pair(inputs)
image_id = telling_image(inputs.captions(pair), pair)
known = inputs.images.set_index("image_id").loc[image_id]
picture = inputs.pixels(image_id)
grid = (int(known["grid_h"]), int(known["grid_w"]))
figure = new_figure(2.6, width=0.5)
boxed_image(picture, known["boxes"], known["objects"], figure.subplots())
figure

# %% [markdown]
# ## What each pruner keeps, and what is said
#
# One row a pruner, at the budget of the main comparison: chance, attention, both, diversity. Kept
# patches keep their colour. In the caption, a shaded word is an object CHAIR recognised: green and plain
# if the object is in the image, red and bold if it is not.

# %%
keep = inputs.main_keep
variants = inputs.pruned.query("keep == @keep")["variant"].tolist()
kept = inputs.selections([image_id], variants).loc[image_id]
said = inputs.captions(variants).query("image_id == @image_id").set_index("variant")

figure = new_figure(1.15 * len(variants))
axes = figure.subplots(len(variants), 2, width_ratios=[1, 4], squeeze=False)
for variant, (left, right) in zip(variants, axes, strict=True):
    style, row = look(variant), said.loc[variant]
    token_overlay(picture, kept.loc[variant, "indices"], grid, left, edge=style.colour)
    marked_text(marked_words(row.to_dict()), right, size=8, width=3.9, height=0.85)
    counts = f"{row['n_recalled']} of {row['n_gt']} found, {row['n_hallucinated']} invented"
    right.set_title(f"{style.label}: {counts}", color=style.colour, loc="left", fontsize="medium")
figure

# %% [markdown]
# The same in numbers. Kept erank and attention mass are the two things a pruner can be rich in;
# coverage says how much of the picture lies on or beside a kept token.

# %%
counts = said[["n_mentions", "n_hallucinated", "n_recalled"]]
kept[["erank", "attention_mass", "coverage"]].join(counts).round(2).sort_values("erank")

# %% [markdown]
# ## Who agrees with whom
#
# The overlap of two kept sets is their Jaccard index: shared tokens over all tokens either keeps.
# Two pruners that choose at random would share K/(2N − K) of them or so. To compute it we load the
# model, send the image through the vision tower once, and let the pruners choose again. Those that
# work inside the language model have no say before it, and sit this one out.

# %%
model = load(LoadOptions(model=inputs.model))
specs = [s for s in inputs.pruned["pruner"].unique() if make_pruner(s).prunes != "in LLM"]
needs = frozenset(field for spec in specs for field in make_pruner(spec).needs)
tokens = model.encode([picture], needs)[0]
chosen = {s: make_pruner(s).select(tokens, keep, torch.Generator().manual_seed(0)) for s in specs}
names = [look(spec).label for spec in specs]
overlap = [[jaccard(chosen[a], chosen[b]) for b in specs] for a in specs]
pd.DataFrame(overlap, names, names).style.background_gradient(cmap="Greys", vmin=0, vmax=1).format(
    "{:.2f}"
)

# %%
chance = keep / (2 * tokens.n - keep)
Markdown(f"By chance two sets of {keep} of {tokens.n} tokens overlap by about {chance:.2f}.")

# %% [markdown]
# ## Turning a knob
#
# The mixture keeps a share R of its budget by attention and fills the rest by diversity. Five
# values of R, one image, one batch: the tower has already run, so each caption costs only its
# words.

# %%
shares = (0.0, 0.25, 0.5, 0.75, 1.0)
mixtures = [make_pruner(f"mixture:attention_share={share}") for share in shares]
selections = [mixture.select(tokens, keep) for mixture in mixtures]
question = Run.open(inputs.path).answers.query("task == 'caption'")["question"].iloc[0]
requests = [Request(question, tokens, selection) for selection in selections]
answers = model.generate(requests, max_new_tokens=inputs.config.get("max_new_tokens") or 128)

truth = GroundTruth.from_mapping({1: set(known["objects"])})
result = score([(1, answer.text) for answer in answers], truth, draws=0)

# %%
figure = new_figure(1.1 * len(shares))
axes = figure.subplots(len(shares), 2, width_ratios=[1, 4])
for share, selection, row, (left, right) in zip(
    shares, selections, result.frame.to_dict("records"), axes, strict=True
):
    token_overlay(picture, selection.indices.tolist(), grid, left)
    marked_text(marked_words(row), right, size=8, width=3.9, height=0.8)
    erank = kept_measures(tokens, selection)["erank"]
    right.set_title(f"R = {share:g}, kept erank {erank:.1f}", loc="left", fontsize="medium")
figure

# %%
wrong = result.frame["n_hallucinated"].tolist()
Markdown(
    f"From R = 0 to R = 1 the captions of this image invent {', '.join(map(str, wrong))} objects. "
    "One image is no trend; the figure `attention_share` asks the same of all images."
)

# %% [markdown]
# Next: the metric that marked those words, on captions of your own
# ([04](04_chair_on_your_own_captions.ipynb)).
