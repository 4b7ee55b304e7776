"""Execute the percent-format sources into the .ipynb beside them: ``make notebooks``.

``python notebooks/execute.py [SOURCE ...]`` takes all of them unless some are named. Cell ids
and pictures depend on sources and run alone, so that a second call changes nothing.
"""

import base64
import io
import os
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

HOME = Path(__file__).parent
# Charts and drawn scenes look the same in so many colours, at a quarter of the bytes.
COLOURS = 128


def execute(source: Path) -> Path:
    """Run one notebook from top to bottom and write it with its outputs."""
    notebook = jupytext.read(source)
    for place, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{place:02d}"
    where = {"metadata": {"path": str(HOME)}}
    NotebookClient(
        notebook, timeout=1800, kernel_name="python3", record_timing=False, resources=where
    ).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = smaller(output["data"]["image/png"])
    target = source.with_suffix(".ipynb")
    nbformat.write(notebook, target)
    return target


def smaller(picture: str) -> str:
    """Return a base64 PNG with a palette instead of full colour."""
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        reduced = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    reduced.save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"  # progress bars are no part of a text
    for path in map(Path, sys.argv[1:] or sorted(HOME.glob("[0-9]*.py"))):
        print(f"{execute(path)}: written.")
