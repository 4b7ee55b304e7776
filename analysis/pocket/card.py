"""Render the model card from its numbers.

Run as ``python -m analysis.pocket.card``, with ``--numbers`` and ``--out`` for other files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from jinja2 import Environment, StrictUndefined

_TEMPLATE = Path(__file__).with_name("card.md.j2")


def render_card(numbers: dict[str, Any]) -> str:
    """Return the model card as Markdown.

    Parameters
    ----------
    numbers
        The content of `card.json`.
    """
    environment = Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(**numbers)


def main(
    numbers: Annotated[Path, typer.Option(help="Its numbers.")] = Path("data/pocket/card.json"),
    out: Annotated[Path, typer.Option(help="The card.")] = Path("data/pocket/README.md"),
) -> None:
    """Render the card."""
    out.write_text(render_card(json.loads(numbers.read_text())))


if __name__ == "__main__":
    typer.run(main)
