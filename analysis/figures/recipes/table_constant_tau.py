"""table_constant_tau: AgilePruner with one constant threshold (the paper's Table 12)."""

from analysis.catalogue import parameters
from analysis.figures.base import Drawn, recipe
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.methods_table import methods_table
from analysis.figures.panels import ALL_SCORES
from analysis.stats.estimate import records


@recipe(
    place=280,
    shows="AgilePruner with a constant threshold against the adaptive one",
    needs=("kept", "captions", "pruners:agilepruner:tau=…"),
    kind="table",
)
def table_constant_tau(inputs: Inputs) -> Drawn:
    """Lay out the adaptive rule, then each constant tau in rising order."""
    rows = records(inputs.sweep("agilepruner"))
    taus = {row["variant"]: parameters(row["pruner"]) for row in rows}
    constant = {name: float(given["tau"]) for name, given in taus.items() if set(given) == {"tau"}}
    if not constant:
        specs = [f"agilepruner:tau={tau}" for tau in (0.05, 0.1, 0.2, 0.3)]
        raise MissingInput(inputs.remedy(specs, inputs.main_keep))
    variants = [inputs.variant("agilepruner"), *sorted(constant, key=lambda name: constant[name])]
    measures = ("erank", "attention_mass", *ALL_SCORES)
    return methods_table(inputs, variants, measures, "Constant thresholds against the adaptive;")
