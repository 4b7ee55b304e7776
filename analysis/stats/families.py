"""Which kind of evidence a pruner follows, by name; the torch-free twin of ``Pruner.family``."""

from analysis.errors import UsageError

ATTENTION, DIVERSITY, HYBRID, RANDOM, NONE = "attention", "diversity", "hybrid", "random", "none"

FAMILY: dict[str, str] = {
    "full": NONE,
    "random": RANDOM,
    "fastervlm": ATTENTION,
    "visionzip": ATTENTION,
    "prumerge": ATTENTION,
    "hiprune": ATTENTION,
    "fastv": ATTENTION,
    "pyramiddrop": ATTENTION,
    "sparsevlm": ATTENTION,
    "sparsevlm_v2": ATTENTION,
    "divprune": DIVERSITY,
    "fps": DIVERSITY,
    "dart": DIVERSITY,
    "cdpruner": HYBRID,
    "vispruner": HYBRID,
    "prumerge_plus": ATTENTION,
    "prumerge_plus_fixed": ATTENTION,
    "bat": HYBRID,
    "mixture": HYBRID,
    "agilepruner": HYBRID,
    "steered": HYBRID,
    "quartile": ATTENTION,
}

# Parameters that fit a method to a model rather than vary it.
CALIBRATION = {"erank_avg", "entropy_avg"}


def base_name(spec: str) -> str:
    """Return the pruner's name without parameters and budget (``"fps:seed=1@36"`` → ``"fps"``)."""
    return spec.split("@")[0].split(":")[0]


def family(spec: str) -> str:
    """Return the family of a pruner or variant; ``"none"`` for names not in `FAMILY`."""
    return FAMILY.get(base_name(spec), NONE)


def join(name: str, kind: str) -> None:
    """File a pruner of your own under a family, for this process.

    Parameters
    ----------
    name
        Name it is registered under, without parameters.
    kind
        ``"attention"``, ``"diversity"``, ``"hybrid"``, ``"random"`` or ``"none"``.

    Raises
    ------
    UsageError
        If the family is unknown, or the pruner is in another one.
    """
    kinds = (ATTENTION, DIVERSITY, HYBRID, RANDOM, NONE)
    if kind not in kinds:
        raise UsageError(f"family {kind!r} is unknown; choose one of: {', '.join(kinds)}.")
    if FAMILY.setdefault(name, kind) != kind:
        raise UsageError(f"{name} is in the family {FAMILY[name]}; give your pruner another name.")


def is_method(spec: str) -> bool:
    """Return whether a spec is a method as published, calibrated at most, and no sweep of it."""
    return set(parameters(spec)) <= CALIBRATION


def representative(specs: list[str], kind: str) -> str | None:
    """Return the pruner that stands for a family among those of a run.

    FasterVLM stands for attention and DivPrune for diversity, as in the paper's Table 4; where a
    run lacks them, the first of the family does. ``None`` where the run has none of the family.
    """
    preferred = {ATTENTION: "fastervlm", DIVERSITY: "divprune"}.get(kind)
    if preferred in specs:
        return preferred
    return next((spec for spec in specs if family(spec) == kind), None)


def parameters(spec: str) -> dict[str, str]:
    """Return the parameters written in a spec (``"bat:attention_share=0.2@16"`` → the share)."""
    pairs = [part.partition("=") for part in spec.split("@")[0].split(":")[1:]]
    return {key: value for key, _, value in pairs}
