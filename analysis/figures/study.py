"""Which variants of a run play which role in the paper's claims."""

from analysis.catalogue import ATTENTION, DIVERSITY, HYBRID, base_name, family, representative
from analysis.figures.choices import at_budget
from analysis.figures.inputs import Inputs
from analysis.figures.sweeps import rule_variants
from analysis.stats.claims import Study
from analysis.stats.margins import Margins

# Methods of the paper's Table 1 besides DivPrune.
_AUDITED = ("vispruner", "visionzip", "prumerge_plus", "prumerge_plus_fixed")


def study(inputs: Inputs, margins: Margins | None = None, without: str = "") -> Study:
    """Return a run as the claims see it: its units, images, and the variants of each role.

    ``without`` is the name of a method that is treated as if the run had never held it.
    """
    margins = margins or Margins.load()
    return Study(inputs.units, inputs.images, roles(inputs, without), inputs.boot, margins)


def roles(inputs: Inputs, without: str = "") -> dict[str, list[str | None]]:
    """Return the variants that play each role of `analysis.stats.claims.ROLES`; empty if none.

    Another method of the family stands in for one that is left out.
    """
    plain: list[str] = at_budget(inputs) if len(inputs.pruned) else []
    plain = [name for name in plain if base_name(name) != without]
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
    specs = [s for s in inputs.pruned["pruner"].unique().tolist() if base_name(s) != without]
    for role in (DIVERSITY, ATTENTION):
        spec = representative(specs, role)
        found[role] = [inputs.variant(spec)] if spec else []
    rules = rule_variants(inputs) if plain else {}
    rules = {key: variant for key, variant in rules.items() if key[0] != without}
    methods = [method for method, rule in rules if rule == "fixed"]
    for rule in ("fixed", "adaptive", "inverse"):
        found[rule] = [rules.get((method, rule)) for method in methods]
    return found
