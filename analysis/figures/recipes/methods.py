"""the eight tables of methods: which variants are rows, which measures columns, what is said."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from analysis.catalogue import look
from analysis.figures.base import FILED, Drawn, Recipe
from analysis.figures.inputs import Inputs
from analysis.figures.methods_table import methods_table
from analysis.figures.panels import ALL_SCORES
from analysis.figures.recipes.attention_share import MEASURES as OF_SHARES
from analysis.figures.sweeps import adaptive_counts, constant_taus, rules, shares
from analysis.figures.wording import interval
from analysis.stats.estimate import records


@dataclass(frozen=True)
class MethodsTable:
    """A table with one row a variant and one column a measure.

    Parameters
    ----------
    name, place, shows, needs
        As in `Recipe`.
    rows
        Variants of a run, in order; one named twice is one row.
    measures
        Columns; those the run lacks are left out.
    lead
        First sentence of the caption, or what computes it from the run and the estimates.
    """

    name: str
    place: int
    shows: str
    needs: tuple[str, ...]
    rows: Callable[[Inputs], Iterable[str]]
    measures: tuple[str, ...]
    lead: str | Callable[[Inputs, pd.DataFrame], str]

    def draw(self, inputs: Inputs) -> Drawn:
        """Estimate the measures of its rows and lay them out."""
        variants = list(dict.fromkeys(self.rows(inputs)))
        return methods_table(inputs, variants, self.measures, self.lead)


def everything(inputs: Inputs) -> list[str]:
    """Return all tokens, then the plain pruners by budget."""
    return [*inputs.unpruned, *inputs.pruned["variant"]]


def steered(inputs: Inputs) -> list[str]:
    """Return the plain ends of the attention share, then each method under each rule."""
    ends = [spec for spec in ("fastervlm", "divprune") if len(inputs.sweep(spec))]
    return [*(inputs.variant(spec) for spec in ends), *rules(inputs).values()]


def extremes(inputs: Inputs, found: pd.DataFrame) -> str:
    """Say whose CHAIR_i is lowest and highest at the main budget."""
    chosen = inputs.pruned.loc[inputs.pruned["keep"] == inputs.main_keep, "variant"]
    rates = found[(found["measure"] == "CHAIR_i") & found["group"].isin(chosen)]
    ordered = records(rates.sort_values("estimate", kind="stable"))
    least, most = ordered[0], ordered[-1]
    return (
        f"At {inputs.main_keep} of {inputs.n_tokens} tokens CHAIR_i is lowest for "
        f"{look(least['group']).label}, {interval(least, 1)}, and highest for "
        f"{look(most['group']).label}, {interval(most, 1)};"
    )


def in_order_of_share(inputs: Inputs, _: pd.DataFrame) -> str:
    """Say which attention share each row has."""
    return f"Rows in order of R = {', '.join(f'{share:g}' for share in shares(inputs).values())};"


TABLES = (
    MethodsTable(
        "chair_table",
        place=190,
        shows="CHAIR_s, CHAIR_i, recall and length per method and keep, with intervals",
        needs=("captions", "kept"),
        rows=everything,
        measures=("CHAIR_s", "CHAIR_i", "recall", "length"),
        lead=extremes,
    ),
    MethodsTable(
        "table_erank",
        place=200,
        shows="kept erank (centred, plain), attention and coverage per method and keep",
        needs=("images", "kept"),
        rows=everything,
        measures=("erank", "erank_plain", "attention_mass", "attention_mean", "coverage"),
        lead="Effective rank and attention of kept tokens,",
    ),
    MethodsTable(
        "table_attention_share",
        place=210,
        shows="CHAIR, recall, length, kept erank and attention per attention share R",
        needs=("pruners:mixture",),
        rows=shares,
        measures=OF_SHARES,
        lead=in_order_of_share,
    ),
    MethodsTable(
        "table_steering",
        place=240,
        shows="scores of fixed, adaptive and inverse attention shares per base method",
        needs=("pruners:steered", "scores"),
        rows=steered,
        measures=(*ALL_SCORES, "CHAIR_s"),
        lead="Attention shares set by erank (adaptive), its inverse, or fixed;",
    ),
    MethodsTable(
        "table_scores",
        place=250,
        shows=(
            "every score the run's answers allow (POPE, MME, ScienceQA, CHAIR) per method and keep"
        ),
        needs=("kept", "scores"),
        rows=everything,
        measures=ALL_SCORES,
        lead=lambda inputs, _: f"Scores on {inputs.data},",
    ),
    MethodsTable(
        "table_guide",
        place=270,
        shows="AgilePruner guided by erank against entropy",
        needs=("pruners:agilepruner:steer=entropy",),
        rows=lambda inputs: map(inputs.variant, ("agilepruner", "agilepruner:steer=entropy")),
        measures=(*ALL_SCORES, "erank"),
        lead="The threshold follows erank or entropy;",
    ),
    MethodsTable(
        "table_constant_tau",
        place=280,
        shows="AgilePruner with a constant threshold against the adaptive one",
        needs=("pruners:agilepruner:tau=…",),
        rows=lambda inputs: [inputs.variant("agilepruner"), *constant_taus(inputs)],
        measures=("erank", "attention_mass", *ALL_SCORES),
        lead="Constant thresholds against the adaptive;",
    ),
    MethodsTable(
        "table_adaptive_count",
        place=290,
        shows="AgilePruner with an adaptive number of tokens against the fixed number",
        needs=("pruners:agilepruner:adaptive_count=true",),
        rows=lambda inputs: [inputs.variant("agilepruner"), adaptive_counts(inputs)[0]],
        measures=("n_out", *ALL_SCORES, "erank"),
        lead="Token count per image by erank, or fixed;",
    ),
)
FILED.extend(
    Recipe(each.name, each.shows, each.needs, each.draw, each.place, kind="table")
    for each in TABLES
)
