# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · CHAIR on your own captions
#
# CHAIR asks one question of a caption: of the objects it mentions, how many are not in the image?
# `chair_eval` answers it without a model, without torch and without this repository's runs. Three
# things go in: captions, what is really in each image, and a vocabulary.
#
# We score a handful of captions typed right here, look at where the metric is sharp and where it
# is blind, and end with the captions of a run.

# %%
# %matplotlib inline
import os
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from IPython.display import Markdown

import analysis
from analysis.catalogue import look
from analysis.figures.base import DEMONSTRATION
from analysis.figures.inputs import Inputs
from analysis.plots.marked_text import marked_text, marked_words
from analysis.plots.style import new_figure, rc_params
from chair_eval import GroundTruth, Matcher, score
from chair_eval.compare import compare, comparison_table
from chair_eval.tables import terminal_table

mpl.rcParams.update(rc_params("notebook") | {"figure.dpi": 140})
os.chdir(Path(analysis.__file__).parents[1])
inputs = Inputs(Path(os.environ.get("AGILE_RUN", "data/runs/pocket-scenes")))

# %% [markdown]
# ## Three lines
#
# Categories are the 80 of COCO. Write your own captions and your own truth into the next cell and
# run it again.

# %%
truth = GroundTruth.from_mapping({1: {"dog", "couch"}, 2: {"person", "bicycle", "car"}})
captions = [
    (1, "A puppy sleeps on a sofa while a cat watches from a chair."),
    (2, "A woman rides her bike past two parked cars and a bus."),
]
result = score(captions, truth)
print(terminal_table(result))

# %% [markdown]
# `chair_i` is the share of mentions that are wrong, `chair_s` the share of captions with at least
# one wrong mention, recall the share of present objects that were named. With two captions the
# intervals are as wide as they should be.
#
# The frame holds what happened to each caption. Synonyms map to their category: a puppy is a dog,
# a sofa a couch, a woman a person.

# %%
result.frame[["words", "categories", "hallucinated", "recalled", "missed"]].T

# %% [markdown]
# Every mention knows its characters in the original text, so it can be marked where it stands.

# %%
figure = new_figure(0.9, width=0.9)
rows = result.frame.to_dict("records")
for ax, row in zip(figure.subplots(len(rows), 1), rows, strict=True):
    marked_text(marked_words(row), ax, size=9, width=4.6, height=0.4)
figure

# %% [markdown]
# ## Sharp corners
#
# Look at the second caption again: nobody marked the bus. CHAIR matches words after bringing them
# to the singular, and the published script's rules take the s off "bus". We keep such quirks,
# because every number in the literature was made with them. What else does it find, and miss?

# %%
phrases = [
    "a hot dog on a plate",
    "a dog bowl",
    "a baby elephant",
    "toy cars on the floor",
    "a teddy bear",
    "a tennis racket and a sports ball",
    "a glass of wine",
    "a bowl of broccoli",
    "a bus",
    "two buses",
]
matcher = Matcher()
found = matcher.match_many(phrases)
pd.DataFrame([(text, each.categories) for text, each in zip(phrases, found, strict=True)])

# %% [markdown]
# And here is where it is blind. A denial counts as a mention, and so does a guess; an invented
# colour, number or relation costs nothing; an object outside the 80 categories does not exist.

# %%
blind = {
    "denial": "There is no cat in this picture.",
    "guess": "Perhaps a cat is hiding somewhere.",
    "wrong number": "Seventeen dogs lie on the couch.",
    "outside the vocabulary": "A dragon lies on the couch.",
    "repetition": "A cat, another cat, and one more cat.",
}
judged = score([(1, text) for text in blind.values()], truth, draws=0).frame
judged.index = list(blind)
judged[["caption", "n_mentions", "n_hallucinated"]]

# %% [markdown]
# None of this makes CHAIR useless. It makes it a metric for comparing captions of similar kind, and
# it is why length has to be watched: a caption that says more has more chances to be wrong, and a
# caption that says nothing cannot be wrong at all.

# %%
terse, chatty = "A dog.", "A dog on a couch, a cat, a lamp, a book, a cup and a remote control."
lengths = score([(1, terse), (1, chatty)], truth, draws=0).frame
lengths.assign(chair_i=lengths["n_hallucinated"] / lengths["n_mentions"])[
    ["caption", "n_mentions", "chair_i", "recalled"]
]

# %% [markdown]
# ## From your own files
#
# On the command line the same is
# `chair-eval score captions.jsonl --ground-truth truth.jsonl`, with Parquet, CSV and a searchable
# HTML page as output; `chair-eval --help` lists the rest.
#
# ## The captions of a run
#
# Captions of a run are scored the same way. The truth comes from the records, and two sets of
# captions of the same images are compared in pairs.

# %%
said = inputs.captions(["full", *inputs.pruned["variant"]])
numbers = {name: i for i, name in enumerate(inputs.images["image_id"])}
objects = zip(inputs.images["image_id"], inputs.images["objects"], strict=True)
known = {numbers[name]: set(names) for name, names in objects if names is not None}
truth = GroundTruth.from_mapping(known, source=f"run {inputs.path.name}")
said["number"] = said["image_id"].map(numbers)
keep = inputs.main_keep
chosen = ["full", *inputs.pruned.query("keep == @keep")["variant"]]
results = {
    look(name).label: score(zip(part["number"], part["answer"]), truth, draws=1000)
    for name, part in said.groupby("variant", observed=True)
    if name in chosen
}
print(comparison_table(compare(results, draws=1000)))

# %% [markdown]
# The columns of the first table are percentages; `Len` counts tokens. The second table is the one
# to quote: differences on the same images, with their intervals. Rows whose interval holds zero
# show no difference in this run.
#
# Which objects are invented most often? One explanation offered in the literature is company: a
# model names what usually stands next to the things that are really there. The table is where to
# start looking for it.

# %%
everything = score(zip(said["number"], said["answer"]), truth, draws=0)
table = pd.DataFrame(everything.per_category).set_index("category")
table.sort_values("hallucinated", ascending=False).head(8).round(2)

# %%
Markdown(DEMONSTRATION if inputs.is_embedded else f"Captions by {inputs.model}.")

# %% [markdown]
# Next: whether diversity is what makes captions hallucinate
# ([05](05_is_diversity_tied_to_hallucination.ipynb)).
