"""Small pictures of figures for pages: few colours, few bytes, the same bytes every time."""

from dataclasses import dataclass
from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Width in pixels of a page's column, and bytes that a picture of the findings may take.
WIDTH, MOST_BYTES = 720, 60_000
_COLOURS = (128, 64, 32, 16, 8)


@dataclass(frozen=True)
class Picture:
    """A picture of a page.

    Parameters
    ----------
    name
        File name without ending.
    png
        The file.
    alt
        What it shows, for those who do not see it.
    """

    name: str
    png: bytes
    alt: str


def picture(name: str, figure: Figure, alt: str) -> Picture:
    """Return a figure as a small picture; call it inside `analysis.plots.style.drawing`."""
    FigureCanvasAgg(figure)
    file = BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    with Image.open(file) as image:
        return Picture(name, small(image), alt)


def small(image: Image.Image, most: int = MOST_BYTES) -> bytes:
    """Return an image `WIDTH` wide as PNG, with as many colours as fit in ``most`` bytes."""
    height = round(image.height * WIDTH / image.width)
    reduced = image.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
    for colours in _COLOURS:
        file = BytesIO()
        reduced.quantize(colours, dither=Image.Dither.NONE).save(file, "png", optimize=True)
        if file.tell() < most:
            break
    return file.getvalue()
