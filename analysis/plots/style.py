"""The style of every chart: fonts, sizes, and colours that are no single pruner's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from tueplots import figsizes, fontsizes

from analysis.catalogue import look

ATTENTION_COLOUR, DIVERSITY_COLOUR = look("fastervlm").colour, look("divprune").colour
# Lines that only guide the eye: no effect, a uniform share.
GUIDE = "#B0B0B0"
# Levels of complexity wear colours no pruner of the default run wears.
SIMPLE_COLOUR, COMPLEX_COLOUR = "#C2A55A", "#5D3A9B"
LEVEL_LOOK = {
    "simple": (SIMPLE_COLOUR, "o"),
    "medium": ("#8C8C8C", "s"),
    "complex": (COMPLEX_COLOUR, "^"),
}
# Beyond this many points a scatter is drawn as pixels inside the vector file.
RASTER_FROM = 2000


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
