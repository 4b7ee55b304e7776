"""Which variants of a run play which role in the paper's claims."""

from analysis.catalogue import ATTENTION, DIVERSITY, HYBRID, base_name, family, representative
from analysis.figures.choices import at_budget, kept_by
from analysis.figures.inputs import Inputs
from analysis.figures.sweeps import rule_variants
from analysis.stats.claims import Study
from analysis.stats.margins import Margins

# Methods of the paper's Table 1 besides DivPrune.
_AUDITED = ("vispruner", "visionzip", "prumerge_plus", "prumerge_plus_fixed")


def study(inputs: Inputs, margins: Margins | None = None) -> Study:
    """Return a run as the claims see it: its units, images, and the variants of each role."""
    return Study(inputs.units, inputs.images, roles(inputs), inputs.boot, margins or Margins.load())


def roles(inputs: Inputs) -> dict[str, list[str | None]]:
    """Return the variants that play each role of `analysis.stats.claims.ROLES`; empty if none."""
    plain: list[str] = at_budget(inputs) if len(inputs.pruned) else []
    kinds = {name: family(name) for name in plain}
    named = {name: base_name(name) for name in plain}
    found: dict[str, list[str | None]] = {
        "divprune": [name for name in plain if named[name] == "divprune"],
        "audited": [name for name in plain if named[name] in _AUDITED],
        "rivals": [n for n in plain if kinds[n] == DIVERSITY and named[n] != "divprune"],
        "hybrids": [n for n in plain if kinds[n] == HYBRID and named[n] not in _AUDITED],
        "own": [name for name in plain if named[name] == "agilepruner"],
        "budget": list(plain),
    }
    specs = inputs.pruned["pruner"].unique().tolist()
    for role in (DIVERSITY, ATTENTION):
        found[role] = [kept_by(inputs, role)] if representative(specs, role) else []
    rules = rule_variants(inputs) if plain else {}
    methods = [method for method, rule in rules if rule == "fixed"]
    for rule in ("fixed", "adaptive", "inverse"):
        found[rule] = [rules.get((method, rule)) for method in methods]
    return found
