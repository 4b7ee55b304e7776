"""Variants of a run that vary one setting of a pruner at the main budget.

Each function raises `MissingInput` with the command where the run lacks them.
"""

from operator import itemgetter
from typing import NoReturn

from analysis.catalogue import parameters
from analysis.figures.inputs import Inputs, MissingInput
from analysis.stats.estimate import records

QUARTERS = ("1st quarter (top)", "2nd quarter", "3rd quarter", "4th quarter (bottom)")
_COUNTED = "agilepruner:adaptive_count=true"
_DIVERSE = "vispruner:attention_share=0.0"


def shares(inputs: Inputs) -> dict[str, float]:
    """Return variant → attention share R in rising order; at least three, one between the ends.

    DivPrune is R = 0 and FasterVLM R = 1 by definition.
    """
    found = {
        variant: float(given.get("attention_share", "0.5"))
        for variant, given in _given(inputs, "mixture").items()
        if set(given) <= {"attention_share"}
    }
    for spec, share in (("divprune", 0.0), ("fastervlm", 1.0)):
        if share not in found.values():
            found |= dict.fromkeys(_plain(inputs, spec), share)
    if len(found) < 3 or not any(0 < share < 1 for share in found.values()):
        _refuse(inputs, *(f"mixture:attention_share={share}" for share in (0.25, 0.5, 0.75)))
    return dict(sorted(found.items(), key=itemgetter(1)))


def rule_variants(inputs: Inputs) -> dict[tuple[str, str], str]:
    """Return (base method, rule) → variant; the plain method is its own fixed rule."""
    found = {
        (given.get("method", "mixture"), given.get("rule", "adaptive")): variant
        for variant, given in _given(inputs, "steered").items()
        if set(given) <= {"method", "rule"}
    }
    for method in {method for method, _ in found}:
        for variant in _plain(inputs, method):
            found.setdefault((method, "fixed"), variant)
    return dict(sorted(found.items()))


def rules(inputs: Inputs) -> dict[tuple[str, str], str]:
    """Return `rule_variants`, of which there is one at least."""
    found = rule_variants(inputs)
    if not found:
        _refuse(inputs, "steered", "steered:rule=inverse")
    return found


def rule_pairs(inputs: Inputs) -> dict[tuple[str, str], tuple[str, str]]:
    """Return (variant, its method's fixed variant) → (base method, rule)."""
    found = rule_variants(inputs)
    pairs = {
        (variant, found[(method, "fixed")]): (method, rule)
        for (method, rule), variant in found.items()
        if rule != "fixed" and (method, "fixed") in found
    }
    if not pairs:
        _refuse(inputs, "steered", "steered:rule=inverse", "mixture")
    return pairs


def quarters(inputs: Inputs) -> dict[str, str]:
    """Return variant → quarter of the raster positions, top to bottom."""
    given = _given(inputs, "quartile")
    found = {int(each.get("quartile", "0")): variant for variant, each in given.items()}
    if lacking := [place for place in range(4) if place not in found]:
        _refuse(inputs, *(f"quartile:quartile={place}" for place in lacking))
    return {found[place]: name for place, name in enumerate(QUARTERS)}


def components(inputs: Inputs) -> dict[str, str]:
    """Return variant → what it keeps: VisPruner's two halves alone and together, and chance."""
    found = {inputs.variant("random"): "random", inputs.variant("fastervlm"): "important only"}
    given = _given(inputs, "vispruner")
    diverse = [v for v, each in given.items() if float(each.get("attention_share", "0.5")) == 0]
    if not diverse:
        _refuse(inputs, _DIVERSE)
    return {**found, diverse[0]: "diverse only", inputs.variant("vispruner"): "both"}


def constant_taus(inputs: Inputs) -> list[str]:
    """Return AgilePruner's variants with a constant threshold, lowest first."""
    given = _given(inputs, "agilepruner")
    found = {variant: float(each["tau"]) for variant, each in given.items() if set(each) == {"tau"}}
    if not found:
        _refuse(inputs, *(f"agilepruner:tau={tau}" for tau in (0.05, 0.1, 0.2, 0.3)))
    return sorted(found, key=lambda name: found[name])


def adaptive_counts(inputs: Inputs) -> list[str]:
    """Return AgilePruner's variants whose number of tokens follows erank."""
    given = _given(inputs, "agilepruner")
    found = [variant for variant, each in given.items() if each.get("adaptive_count") == "true"]
    if not found:
        _refuse(inputs, _COUNTED)
    return found


def _given(inputs: Inputs, base: str) -> dict[str, dict[str, str]]:
    """Return the variants of one pruner at the main budget with their parameters."""
    return {row["variant"]: parameters(row["pruner"]) for row in records(inputs.sweep(base))}


def _plain(inputs: Inputs, spec: str) -> list[str]:
    """Return the variant of a pruner without parameters at the main budget, if there."""
    return [variant for variant, given in _given(inputs, spec).items() if not given][:1]


def _refuse(inputs: Inputs, *specs: str) -> NoReturn:
    raise MissingInput(inputs.remedy(specs, inputs.main_keep))
