"""The look of every chart: fonts, sizes, and one colour and marker per pruner."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.colors import is_color_like, to_hex
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from tueplots import figsizes, fontsizes

from analysis.errors import UsageError
from analysis.stats.families import base_name

# Okabe & Ito's eight colours carry the pruners most often compared; relatives get a neighbouring
# hue and always another marker, so colour is never the only channel.
_LOOKS: dict[str, tuple[str, str, str]] = {
    "full": ("#000000", "*", "all tokens"),
    "random": ("#8C8C8C", "X", "Random"),
    "fastervlm": ("#0072B2", "o", "FasterVLM"),
    "visionzip": ("#56B4E9", "s", "VisionZip"),
    "prumerge": ("#5B7FA6", "8", "PruMerge"),
    "hiprune": ("#004C7A", "<", "HiPrune"),
    "divprune": ("#D55E00", "D", "DivPrune"),
    "fps": ("#E69F00", "P", "FPS"),
    "cdpruner": ("#8C510A", "H", "CDPruner"),
    "dart": ("#B8860B", "x", "DART"),
    "vispruner": ("#009E73", "^", "VisPruner"),
    "prumerge_plus": ("#6B8E23", ">", "PruMerge+"),
    "prumerge_plus_fixed": ("#556B2F", "p", "PruMerge+ (fixed)"),
    "bat": ("#44AA99", "h", "BAT-style"),
    "mixture": ("#117733", "d", "FasterVLM + DivPrune"),
    "steered": ("#882255", "8", "steered"),
    "agilepruner": ("#CC79A7", "v", "AgilePruner"),
    "fastv": ("#332288", "1", "FastV"),
    "pyramiddrop": ("#6699CC", "2", "PyramidDrop"),
    "sparsevlm": ("#7B68EE", "3", "SparseVLM"),
    "sparsevlm_v2": ("#9370DB", "+", "SparseVLM v2"),
    "quartile": ("#999933", ".", "one quarter of positions"),
}
# Looks given by `wear`, which may be given again.
_OWN: set[str] = set()
ATTENTION_COLOUR, DIVERSITY_COLOUR, NEUTRAL = "#0072B2", "#D55E00", "#4D4D4D"
# Levels of complexity wear colours no pruner of the default run wears.
SIMPLE_COLOUR, COMPLEX_COLOUR = "#C2A55A", "#5D3A9B"
LEVEL_LOOK = {
    "simple": (SIMPLE_COLOUR, "o"),
    "medium": ("#8C8C8C", "s"),
    "complex": (COMPLEX_COLOUR, "^"),
}
# Beyond this many points a scatter is drawn as pixels inside the vector file.
RASTER_FROM = 2000


@dataclass(frozen=True)
class Look:
    """Colour, marker and printed name of a pruner.

    Parameters
    ----------
    colour
        Hexadecimal colour.
    marker
        Matplotlib marker.
    label
        Name as printed, parameters included.
    """

    colour: str
    marker: str
    label: str


def look(spec: str) -> Look:
    """Return how a pruner or variant is drawn, the same in every figure.

    Parameters
    ----------
    spec
        ``"fastervlm"``, ``"mixture:attention_share=0.25"`` or ``"divprune@36"``. An unknown name
        is drawn in grey under its own name, until `wear` gives it a look.
    """
    name = base_name(spec)
    colour, marker, label = _LOOKS.get(name, (NEUTRAL, ".", name))
    parameters = spec.split("@")[0].split(":")[1:]
    extra = ", ".join(part.replace("_", " ").replace("=", " = ") for part in parameters)
    return Look(colour, marker, f"{label} ({extra})" if extra else label)


def wear(name: str, colour: str, marker: str, label: str = "") -> Look:
    """Give a pruner of your own a look in every figure this process draws.

    Parameters
    ----------
    name
        Name it is registered under, without parameters.
    colour
        Any colour Matplotlib knows, worn by no other pruner.
    marker
        A Matplotlib marker.
    label
        Name as printed; ``name`` when empty.

    Returns
    -------
    Look
        What `look` gives from now on.

    Raises
    ------
    UsageError
        If the name has a look in the house, the colour or marker is unknown, or another pruner
        wears the colour: in every figure one colour means one method.
    """
    if name in _LOOKS and name not in _OWN:
        raise UsageError(f"{name} has a look already; give your pruner a name of its own.")
    if not is_color_like(colour):
        raise UsageError(f"colour {colour!r} is unknown; give one such as '#8B0000'.")
    if marker not in MarkerStyle.markers or marker in (None, "None", "none", " ", ""):
        raise UsageError(f"marker {marker!r} is unknown; give a Matplotlib marker such as '*'.")
    shade = to_hex(colour).upper()
    for other, (worn, _, _) in _LOOKS.items():
        if worn.upper() == shade and other != name:
            raise UsageError(f"{other} wears the colour {shade}; choose another.")
    _LOOKS[name] = (shade, marker, label or name)
    _OWN.add(name)
    return look(name)


def known_pruners() -> list[str]:
    """Return the names that have a colour and marker of their own."""
    return list(_LOOKS)


@contextmanager
def drawing(salt: str) -> Iterator[None]:
    """Draw inside this context to get the house style and identical bytes on every build.

    Parameters
    ----------
    salt
        Seeds the identifiers inside SVG files; the figure's name.
    """
    with mpl.rc_context(rc_params(salt)):
        yield


def rc_params(salt: str) -> dict[str, Any]:
    """Return the Matplotlib settings of the house style."""
    return {
        **fontsizes.iclr2024(default_smaller=1),
        # The ICLR preset asks for Times; STIX is the Times design that ships with Matplotlib.
        "font.family": "serif",
        "font.serif": ["STIXGeneral"],
        "mathtext.fontset": "stix",
        "text.usetex": False,
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.color": "#E5E5E5",
        "grid.linewidth": 0.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "lines.linewidth": 1.1,
        "lines.markersize": 4.5,
        "legend.frameon": False,
        "legend.handletextpad": 0.4,
        "legend.columnspacing": 1.0,
        "figure.constrained_layout.h_pad": 0.03,
        "figure.constrained_layout.w_pad": 0.03,
        "savefig.dpi": 220,
        "figure.dpi": 220,
    }


def new_figure(height: float, *, width: float = 1.0) -> Figure:
    """Return an empty figure of the page's width.

    Parameters
    ----------
    height
        Height in inches.
    width
        Share of the ICLR text width of 5.5 inches, above 0 and at most 1.
    """
    full = figsizes.iclr2024(nrows=1, ncols=1)["figure.figsize"][0]
    return Figure(figsize=(full * width, height), layout="constrained")
