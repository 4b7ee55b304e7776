"""The static page of a run: its figures, and an explorer of images, kept tokens and captions."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader

from analysis.errors import AgileError
from analysis.figures import FIGURES
from analysis.figures.base import DEMONSTRATION
from analysis.figures.choices import at_budget
from analysis.figures.inputs import Inputs, MissingInput
from analysis.files import write_text
from analysis.stats.estimate import records

_HERE = Path(__file__).parent
# Files of a figure that are linked, in the order shown.
_ENDINGS = (".pdf", ".svg", ".png", ".tex", ".csv")


def write_report(inputs: Inputs, figures: Path, out: Path, most_images: int = 200) -> Path:
    """Write a folder that opens from ``file://`` and needs no server.

    Parameters
    ----------
    inputs
        The run.
    figures
        Folder `agile figures` wrote for this run.
    out
        Folder of the page, made if absent.
    most_images
        Images the explorer holds, first ids first.

    Returns
    -------
    Path
        The page, ``index.html``.

    Raises
    ------
    AgileError
        If the folder holds no figure.
    """
    drawn = some_drawn(inputs, figures)
    (out / "images").mkdir(parents=True, exist_ok=True)
    for each in drawn:
        for name in each["files"]:
            shutil.copyfile(figures / name, out / name)
    rows = explorer_rows(inputs, out, most_images)
    text = json.dumps(rows, separators=(",", ":"))
    write_text(out / "rows.js", f"const ROWS = {text};\n")
    shutil.copyfile(_HERE / "explorer.js.j2", out / "explorer.js")
    page = Environment(loader=FileSystemLoader(_HERE), autoescape=True).get_template(
        "template.html"
    )
    index = out / "index.html"
    return write_text(
        index,
        page.render(
            title=f"Run {inputs.path.name}",
            model=inputs.model,
            data=inputs.data,
            n_images=len(inputs.images),
            demonstration=DEMONSTRATION if inputs.is_embedded else "",
            figures=drawn,
        ),
    )


def gallery(figures: Path) -> list[dict[str, Any]]:
    """Return name, caption, picture or table, and files of every figure drawn there."""
    found = []
    for name in FIGURES:
        caption = figures / f"{name}.md"
        # Without its provenance a figure is a leftover: its last build failed.
        if not caption.is_file() or not (figures / f"{name}.json").is_file():
            continue
        files = [f"{name}{end}" for end in _ENDINGS if (figures / f"{name}{end}").is_file()]
        table = figures / f"{name}.tex"
        found.append(
            {
                "name": name,
                "caption": caption.read_text(encoding="utf-8").strip(),
                "picture": f"{name}.png" if f"{name}.png" in files else "",
                "table": table.read_text(encoding="utf-8") if table.is_file() else "",
                "files": files,
            }
        )
    return found


def some_drawn(inputs: Inputs, figures: Path) -> list[dict[str, Any]]:
    """Return `gallery` of a folder that must not be empty.

    Raises
    ------
    AgileError
        If it holds no figure; the message says what draws some.
    """
    drawn = gallery(figures)
    if not drawn:
        raise AgileError(
            f"{figures} holds no figure; draw some with: "
            f"agile figures all --run {inputs.path} --out {figures}."
        )
    return drawn


def explorer_rows(inputs: Inputs, out: Path, most_images: int) -> list[dict[str, Any]]:
    """Save the first images and return one row each with its kept sets and marked captions.

    A run without scored captions gives kept sets only.
    """
    chosen = inputs.images.head(most_images)
    variants = [*inputs.unpruned, *at_budget(inputs)]
    try:
        scored = records(inputs.captions(variants))
    except MissingInput:
        scored = []
    said = {(str(row["image_id"]), str(row["variant"])): row for row in scored}
    kept = inputs.selections(chosen["image_id"].tolist(), variants)["indices"].to_dict()
    rows = []
    for place, image in enumerate(records(chosen)):
        image_id = str(image["image_id"])
        picture = f"images/{place:04d}-{_safe(image_id)}.png"
        inputs.pixels(image_id).convert("RGB").save(out / picture)
        found = {
            name: _said(said.get((image_id, name)), kept.get((image_id, name), []))
            for name in variants
            if (image_id, name) in said or (image_id, name) in kept
        }
        objects = image["objects"] if image["objects"] is not None else []
        rows.append(
            {
                "id": image_id,
                "image": picture,
                "entropy": float(image["entropy"]),
                "erank": float(image["erank"]),
                "complexity": "" if pd.isna(image["complexity"]) else str(image["complexity"]),
                "objects": [str(name) for name in objects],
                "grid": [int(image["grid_h"]), int(image["grid_w"])],
                "said": found,
            }
        )
    return rows


def _said(row: dict[str, Any] | None, indices: Any) -> dict[str, Any]:
    if row is None:
        return {"text": "", "marks": [], "kept": [int(i) for i in indices]}
    pairs = zip(row["spans"], row["hallucinated"], strict=True)
    marks = sorted([int(start), int(end), bool(bad)] for (start, end), bad in pairs)
    return {"text": str(row["answer"]), "marks": marks, "kept": [int(i) for i in indices]}


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
