"""What each pruner is: name, family, where it prunes, colour, marker, label; one row a method.

Free of torch, so that figures and statistics know a method without loading it. The order
of the rows is the order of tables and menus.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, TypeVar

from analysis.errors import UsageError
from analysis.registry import Registry

ATTENTION, DIVERSITY, HYBRID, RANDOM, NONE = "attention", "diversity", "hybrid", "random", "none"
FAMILIES = (ATTENTION, DIVERSITY, HYBRID, RANDOM, NONE)
NEUTRAL = "#4D4D4D"
# The methods of the default run.
STUDY = ("downsample", "random", "fastervlm", "vispruner", "divprune", "fps", "agilepruner")
# Variants that carry a drawn dose for `analysis.stats.instrument`; no methods to be compared.
DESIGN = ("randomised_share", "randomised_erank")
# Parameters that fit a method to a model rather than vary it.
CALIBRATION = {"erank_avg", "entropy_avg"}

_EARLY, _BETWEEN, _INSIDE = "before projector", "before LLM", "in LLM"
_PREFERRED = {ATTENTION: "fastervlm", DIVERSITY: "divprune"}
T = TypeVar("T", bound=type[Any])


@dataclass(frozen=True)
class Method:
    """One pruner as menus, tables and figures know it.

    Attributes
    ----------
    name
        As in specs.
    family
        The evidence it follows: attention, diversity, hybrid, random or none.
    prunes
        Where tokens leave the model; ``"in LLM"`` has a schedule.
    colour, marker
        Hexadecimal colour and Matplotlib marker, the same in every figure.
    label
        Name as printed.
    source
        Module of `analysis.pruners` that holds the class, or the class itself.
    """

    name: str
    family: str = NONE
    prunes: str = _BETWEEN
    colour: str = NEUTRAL
    marker: str = "."
    label: str = ""
    source: Any = ""

    @property
    def cls(self) -> Any:
        """The class, imported when it is first asked for."""
        if not isinstance(self.source, str):
            return self.source
        module = import_module(f"analysis.pruners.{self.source}")
        for found in vars(module).values():
            if getattr(found, "name", None) == self.name:
                return found
        raise UsageError(f"{module.__name__} has no class whose name is {self.name!r}.")


METHODS: Registry[Method] = Registry("pruner")

# Okabe & Ito's eight colours carry the pruners most often compared; relatives get a neighbouring
# hue and always another marker, so colour is never the only channel.
for _row in (
    ("full", NONE, "nowhere", "#000000", "*", "all tokens", "full"),
    ("downsample", NONE, _EARLY, "#661100", "s", "downsampled", "downsample"),
    ("random", RANDOM, _BETWEEN, "#8C8C8C", "X", "Random", "random"),
    ("fastervlm", ATTENTION, _EARLY, "#0072B2", "o", "FasterVLM", "fastervlm"),
    ("divprune", DIVERSITY, _BETWEEN, "#D55E00", "D", "DivPrune", "divprune"),
    ("fps", DIVERSITY, _BETWEEN, "#E69F00", "P", "FPS", "fps"),
    ("visionzip", ATTENTION, _EARLY, "#56B4E9", "s", "VisionZip", "visionzip"),
    ("prumerge", ATTENTION, _EARLY, "#5B7FA6", "8", "PruMerge", "prumerge"),
    ("prumerge_plus", ATTENTION, _EARLY, "#6B8E23", ">", "PruMerge+", "prumerge"),
    ("prumerge_plus_fixed", ATTENTION, _EARLY, "#556B2F", "p", "PruMerge+ (fixed)", "prumerge"),
    ("hiprune", ATTENTION, _EARLY, "#004C7A", "<", "HiPrune", "hiprune"),
    ("vispruner", HYBRID, _EARLY, "#009E73", "^", "VisPruner", "vispruner"),
    ("cdpruner", HYBRID, _BETWEEN, "#8C510A", "H", "CDPruner", "cdpruner"),
    ("bat", HYBRID, _EARLY, "#44AA99", "h", "BAT-style", "bat"),
    ("mixture", HYBRID, _BETWEEN, "#117733", "d", "FasterVLM + DivPrune", "mixture"),
    ("quartile", ATTENTION, _EARLY, "#999933", ".", "one quarter of positions", "quartile"),
    ("steered", HYBRID, "where its method does", "#882255", "8", "steered", "steered"),
    ("randomised_share", HYBRID, _BETWEEN, "#00429D", "d", "drawn attention share", "randomised"),
    ("randomised_erank", RANDOM, _BETWEEN, "#D81B60", "X", "drawn erank stratum", "randomised"),
    ("agilepruner", HYBRID, _BETWEEN, "#CC79A7", "v", "AgilePruner", "agilepruner"),
    ("fastv", ATTENTION, _INSIDE, "#332288", "1", "FastV", "fastv"),
    ("pyramiddrop", ATTENTION, _INSIDE, "#6699CC", "2", "PyramidDrop", "pyramiddrop"),
    ("sparsevlm", ATTENTION, _INSIDE, "#7B68EE", "3", "SparseVLM", "sparsevlm"),
    ("sparsevlm_v2", ATTENTION, _INSIDE, "#9370DB", "+", "SparseVLM v2", "sparsevlm"),
    ("dart", DIVERSITY, _INSIDE, "#B8860B", "x", "DART", "dart"),
):
    METHODS.register(_row[0])(Method(*_row))


def base_name(spec: str) -> str:
    """Return the pruner's name without parameters and budget (``"fps:seed=1@36"`` → ``"fps"``)."""
    return spec.split("@")[0].split(":")[0]


def parameters(spec: str) -> dict[str, str]:
    """Return the parameters written in a spec (``"bat:attention_share=0.2@16"`` → the share)."""
    pairs = [part.partition("=") for part in spec.split("@")[0].split(":")[1:]]
    return {key: value for key, _, value in pairs}


def method(spec: str) -> Method:
    """Return the row of a pruner or variant; an unknown name is grey and in no family."""
    name = base_name(spec)
    return METHODS.get(name) if name in METHODS else Method(name, label=name)


def family(spec: str) -> str:
    """Return the family of a pruner or variant; ``"none"`` for unknown names."""
    return method(spec).family


def look(spec: str) -> Method:
    """Return how a pruner or variant is drawn, the same in every figure.

    Parameters
    ----------
    spec
        ``"fastervlm"``, ``"mixture:attention_share=0.25"`` or ``"divprune@36"``.

    Returns
    -------
    Method
        Its row, the ``label`` with the parameters.
    """
    row = method(spec)
    extra = ", ".join(f"{key} = {value}" for key, value in parameters(spec).items())
    return replace(row, label=f"{row.label} ({extra.replace('_', ' ')})") if extra else row


def is_method(spec: str) -> bool:
    """Return whether a spec is a method as published, calibrated at most: no sweep, no design."""
    return base_name(spec) not in DESIGN and set(parameters(spec)) <= CALIBRATION


def representative(specs: list[str], kind: str) -> str | None:
    """Return the pruner that stands for a family among those of a run.

    FasterVLM stands for attention and DivPrune for diversity, as in the paper's Table 4; where a
    run lacks them, the first of the family does. ``None`` where the run has none of the family.
    """
    preferred = _PREFERRED.get(kind)
    if preferred in specs:
        return preferred
    return next((spec for spec in specs if family(spec) == kind), None)


def register(
    name: str,
    family: str,
    *,
    colour: str = "",
    marker: str = ".",
    label: str = "",
    prunes: str = _BETWEEN,
) -> Callable[[T], T]:
    """Return a decorator that adds a pruner of your own to the catalogue, for this process.

    The class learns its name; the same name may be given again, by an edited cell for example.

    Parameters
    ----------
    name
        As it will be written in specs, without parameters.
    family
        ``"attention"``, ``"diversity"``, ``"hybrid"``, ``"random"`` or ``"none"``.
    colour
        Any colour Matplotlib knows, used by no other pruner; grey when empty.
    marker
        A Matplotlib marker.
    label
        Name as printed; ``name`` when empty.
    prunes
        Where tokens leave the model: ``"in LLM"`` for an `InsidePruner`.

    Raises
    ------
    UsageError
        If the name is one of the toolkit's, the family, colour or marker is unknown, or another
        pruner has the colour: in every figure one colour means one method.
    """
    if name in METHODS and isinstance(METHODS.get(name).source, str):
        raise UsageError(f"{name} has a look already; give your pruner a name of its own.")
    if family not in FAMILIES:
        raise UsageError(f"family {family!r} is unknown; choose one of: {', '.join(FAMILIES)}.")
    row = Method(name, family, prunes, _checked_colour(name, colour), marker, label or name)
    _check_marker(marker)

    def add(cls: T) -> T:
        cls.name = name
        METHODS.replace(name, replace(row, source=cls))
        return cls

    return add


def _checked_colour(name: str, colour: str) -> str:
    """Return ``colour`` in hexadecimal, if Matplotlib knows it and no other pruner has it."""
    from matplotlib.colors import is_color_like, to_hex

    if not colour:
        return NEUTRAL
    if not is_color_like(colour):
        raise UsageError(f"colour {colour!r} is unknown; give one such as '#8B0000'.")
    shade = to_hex(colour).upper()
    for other in map(METHODS.get, METHODS):
        if other.colour.upper() == shade and other.name != name:
            raise UsageError(f"{other.name} wears the colour {shade}; choose another.")
    return shade


def _check_marker(marker: str) -> None:
    from matplotlib.markers import MarkerStyle

    if marker not in MarkerStyle.markers or marker in (None, "None", "none", " ", ""):
        raise UsageError(f"marker {marker!r} is unknown; give a Matplotlib marker such as '*'.")
