# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · Is diversity tied to hallucination?
#
# The paper's claim: pruners that keep *diverse* tokens make the model invent more objects than
# pruners that keep *attended* ones. It is plausible, and a plot of method means seems to show it.
# This notebook takes the claim apart step by step: what the plot can carry, what caption length
# explains, and what is left when the same image is compared with itself.
#
# No conclusion below is typed. Each is chosen by the interval of the run at hand.

# %%
# %matplotlib inline
import os
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from IPython.display import Markdown

import analysis
from analysis.catalogue import look
from analysis.figures import FIGURES
from analysis.figures.base import DEMONSTRATION
from analysis.figures.choices import chair_units
from analysis.figures.effects import by_method, pair_effects
from analysis.figures.inputs import Inputs
from analysis.figures.study import study
from analysis.figures.wording import (
    correlation_sentence,
    difference_sentence,
    interval,
    number,
)
from analysis.plots.intervals import crosses, forest
from analysis.plots.scatter import pair_panel
from analysis.plots.style import new_figure, rc_params
from analysis.stats.claims import judged
from analysis.stats.components import mediation
from analysis.stats.correlation import correlate
from analysis.stats.crossed import association
from analysis.stats.hallucination import associations, hallucination_rate, paired_units
from analysis.stats.line import regression_band
from analysis.stats.mentions import mention_model
from analysis.stats.paired import compare

mpl.rcParams.update(rc_params("notebook") | {"figure.dpi": 140})
os.chdir(Path(analysis.__file__).parents[1])
inputs = Inputs(Path(os.environ.get("AGILE_RUN", "data/runs/pocket-scenes")))
keep = inputs.main_keep
variants = inputs.pruned.query("keep == @keep")["variant"].tolist()
units = chair_units(inputs)
units = units[units["variant"].isin(variants)]
Markdown(DEMONSTRATION if inputs.is_embedded else f"A run of {inputs.model}.")

# %% [markdown]
# ## Step 1: the plot one usually sees
#
# One point a method: mean kept erank against CHAIR. The whiskers are ours.

# %%
methods = by_method(units, inputs)
means = methods[methods["measure"] == "CHAIR_i"]
figure = new_figure(2.6, width=0.75)
ax = figure.subplots()
crosses(means, ax)
ax.set(xlabel="effective rank of kept tokens", ylabel="CHAIR$_i$ (%)")
figure.legend(*ax.get_legend_handles_labels(), loc="outside right center")
figure

# %%
Markdown(
    f"Across these {len(means)} points the correlation is {number(means['x'].corr(means['y']))}. "
    f"That number has no honest interval: {len(means)} methods are not a sample of anything, they "
    f"all saw the same {int(means['n'].max())} images, and they differ in more than diversity."
)

# %% [markdown]
# ## Step 2: two methods, the same images
#
# Take the purest pair: the run's diversity method against its attention method. Every image is its
# own control, so whatever makes an image hard cancels.

# %%
(diverse, attended), effects = pair_effects(inputs)
names = look(diverse).label, look(attended).label
effects[["measure", "estimate", "low", "high", "n", "detectable"]].round(2)

# %%
effect = effects.set_index("measure")
Markdown(
    difference_sentence(effect.loc["CHAIR_i"], *names, "CHAIR_i")
    + " "
    + difference_sentence(effect.loc["recall"], *names, "recall")
)

# %% [markdown]
# Even a clear difference here compares two *methods*. Diversity is one of the things that changed
# between them. Another is how much the model says.
#
# ## Step 3: invented and right objects, one by one
#
# CHAIR_i divides by all mentions. A method that only finds more of what is there lowers it; one
# that finds less raises it. And holding the caption's length constant is no way out: the length is
# a *consequence* of the mentions being counted. So count both parts, per caption.

# %%
spoken = hallucination_rate(units)
parts = compare(units, ["invented", "right"], [(diverse, attended)], inputs.boot)
parts = parts.set_index("measure")
Markdown(
    difference_sentence(parts.loc["invented"], *names, "invented objects per caption", 2)
    + " "
    + difference_sentence(parts.loc["right"], *names, "right mentions per caption", 2)
)

# %% [markdown]
# Do the additional inventions come with saying more? A mediation splits the difference: *indirect*
# is what would come with the additional right mentions alone, *direct* is the rest. It rests on
# nothing unmeasured moving both; `rho` says how strong such a cause, as a correlation, would have
# to be to change the answer.

# %%
split = mediation(units, diverse, attended, inputs.boot)
split[["group", "rho", "estimate", "low", "high"]].round(3)

# %% [markdown]
# ## Step 4: the same image under different pruners
#
# Now drop the methods and keep what they did: for each image and pruner, the erank that survived
# and the share of invented objects. Four ways of asking, from naive to strict:
#
# - *pooled*: all rows together. Mixes hard images with diverse selections.
# - *between images*: one mean per image. Says whether diverse *images* are hard.
# - *within image*: deviations from the image's own mean. Only pruning can cause these.
# - *within image and method*: the methods' own levels taken out too.
#
# The last two count images *and methods* as units. There are thousands of rows but only a few
# methods, and what distinguishes those is not erank alone.

# %%
tied = associations(spoken, "erank", boot=inputs.boot)
tied["label"] = tied["group"]
figure = new_figure(2.2, width=0.85)
ax = figure.subplots()
forest(tied, ax)
ax.set_xlabel("correlation of kept erank with the share of invented objects")
figure

# %%
rows = tied.set_index("group")
strict = [name for name in rows.index if name.startswith("within image")][-1]
Markdown(
    f"Pooled, r = {interval(rows.loc['pooled'])}. Within images, "
    f"r = {interval(rows.loc['within image'])}. The strictest version ({strict}): "
    f"r = {interval(rows.loc[strict])}."
)

# %%
crossed = association(spoken, "erank", "hallucinated", inputs.boot)
Markdown(
    f"Of the variance of kept erank inside images, {crossed['share'].iloc[0]:.0%} lies between "
    f"methods. Without {look(crossed['without'].iloc[0]).label} the correlation within images "
    f"would change the most; leaving out one method at a time it lies between "
    f"{crossed['lowest'].iloc[0]:.2f} and {crossed['highest'].iloc[0]:.2f}."
)

# %% [markdown]
# As a picture: each point is an image, and shows what changing the method did to it. If diversity
# drove hallucination image by image, the cloud would lean.

# %%
changes = paired_units(spoken, diverse, attended, ["erank", "hallucinated"])
line = regression_band(changes, "erank", "hallucinated", inputs.boot)
figure = new_figure(2.4, width=0.6)
pair_panel(changes, line, (diverse, attended), figure.subplots())
figure

# %% [markdown]
# ## Step 5: mention by mention
#
# Shares treat a caption with one mention like one with ten. The finest grain is the single
# mention: a logistic model of "this object is not there" on kept erank, kept attention and the
# image's own erank, with the image as the cluster. What a method keeps is split into the image's
# mean (*between*) and the deviation from it (*within*), for the two may point in opposite ways.
# Odds ratios are per standard deviation; 1 means no effect.

# %%
explained = units.assign(complexity=units["image_erank"])
odds = mention_model(explained, fixed=None)
terms = {"attention_mass": "kept attention", "complexity": "image complexity", "erank": "kept erank"}
odds["label"] = odds["group"].replace(terms, regex=True)
figure = new_figure(1.6, width=0.75)
ax = figure.subplots()
forest(odds, ax, zero=1.0)
ax.set_xscale("log")
ax.xaxis.set_major_formatter("{x:g}")
ax.xaxis.set_minor_formatter("{x:g}")
ax.set_xlabel("odds ratio of hallucination per standard deviation")
figure

# %% [markdown]
# Kept erank and kept attention are two ends of one rope: what a pruner spends on one it takes from
# the other. The model can only tell them apart as far as the pruners of the run do.

# %%
rope = correlate(spoken, "erank", "attention_mass", boot=inputs.boot).iloc[0]
Markdown(correlation_sentence(rope, "kept erank", "kept attention"))

# %% [markdown]
# ## Step 6: the other suspect
#
# The claim has a twin: keeping *attended* tokens prevents hallucination. Same frame, same four
# ways.

# %%
twin = associations(spoken, "attention_mass", boot=inputs.boot).set_index("group")
pd.DataFrame(
    {
        "kept erank": {name: interval(row) for name, row in rows.iterrows()},
        "kept attention": {name: interval(row) for name, row in twin.iterrows()},
    }
)

# %% [markdown]
# ## The verdict of this run
#
# The rule was written down before the run was looked at (`analysis/stats/claims.yaml`): the captions
# with an invention and the invented objects per caption decide, each with a smallest effect of
# interest; the correlation within images does where its interval excludes 0.

# %%
judgement = judged("hallucination", study(inputs))
columns = ["test", "measure", "estimate", "low", "high", "q", "margin", "outcome"]
judgement.frame.loc[judgement.frame["decisive"], columns].round(3)

# %%
Markdown(f"**{judgement.text}**")

# %%
Markdown(
    f"What {int(effect.loc['CHAIR_i', 'n'])} images could have seen: a true difference in CHAIR_i "
    f"of {effect.loc['CHAIR_i', 'detectable']:.1f} points or more, four times out of five."
)

# %% [markdown]
# A correlation within images is still one over *chosen* pruners, and none of this says what a
# larger model would do. The design carries over, though: point `AGILE_RUN` at a run of LLaVA-1.5
# and this notebook argues the same way with its numbers.
#
# The figure of the study puts steps 1, 2 and 4 on one page:

# %%
drawn = FIGURES.get("diversity_vs_hallucination").build(inputs)
drawn.figure

# %%
Markdown(drawn.caption)

# %% [markdown]
# Next: a pruner of your own ([06](06_your_own_pruner.ipynb)).
