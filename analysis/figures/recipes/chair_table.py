"""chair_table: CHAIR, recall and length per method and budget (the paper's Tables 2 and 8)."""

from analysis.catalogue import look
from analysis.figures.base import Drawn, recipe
from analysis.figures.choices import chair_units
from analysis.figures.inputs import Inputs
from analysis.figures.methods_table import methods_table
from analysis.figures.wording import interval
from analysis.stats.estimate import records

MEASURES = ("CHAIR_s", "CHAIR_i", "recall", "length")


@recipe(
    place=190,
    shows="CHAIR_s, CHAIR_i, recall and length per method and keep, with intervals",
    needs=("kept", "captions"),
    kind="table",
)
def chair_table(inputs: Inputs) -> Drawn:
    """Lay out all tokens first, then the plain pruners by budget."""
    chair_units(inputs)
    full = [name for name in inputs.variants["variant"] if name == "full"]
    variants = [*full, *inputs.pruned["variant"]]
    drawn = methods_table(inputs, variants, MEASURES, "")
    found, keep = drawn.data[""], inputs.main_keep
    chosen = inputs.pruned.loc[inputs.pruned["keep"] == keep, "variant"]
    rates = found[(found["measure"] == "CHAIR_i") & found["group"].isin(chosen)]
    ordered = sorted(records(rates), key=lambda row: float(row["estimate"]))
    lead = (
        f"At {keep} of {inputs.n_tokens} tokens CHAIR_i is lowest for "
        f"{look(ordered[0]['group']).label}, {interval(ordered[0], 1)}, and highest for "
        f"{look(ordered[-1]['group']).label}, {interval(ordered[-1], 1)};"
    )
    return Drawn(None, drawn.data, lead + drawn.caption, drawn.latex)
