"""The HTML page: one self-contained file with the captions marked, searchable and filterable."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from chair_eval.errors import UsageError
from chair_eval.facts import read_fact
from chair_eval.result import Result
from chair_eval.tables import ROWS, about_lines, bootstrap_line, level_name, shown
from chair_eval.tally import BASES, CaptionScore

LIMIT = 20_000


def kept(rows: Iterable[CaptionScore]) -> list[CaptionScore]:
    """Collect the captions for a page.

    Raises
    ------
    UsageError
        More than `LIMIT` captions: a browser could not show them.
    """
    captions = list(islice(rows, LIMIT + 1))
    if len(captions) > LIMIT:
        raise UsageError(
            f"more than {LIMIT:,} captions are too many for an HTML page; allowed: up to "
            f"{LIMIT:,}; write --format parquet instead"
        )
    return captions


def html_page(result: Result) -> str:
    """Return the page; spans are marked as hallucinated or grounded."""
    content = {
        "about": [*about_lines(result.about), bootstrap_line(result.about)],
        "level": level_name(result.about),
        "metrics": [
            {
                "name": ROWS[metric][0],
                "value": shown(metric, result.metrics[metric]),
                "interval": [shown(metric, edge) for edge in result.intervals[metric]],
                "unit": ROWS[metric][3],
                "n": f"{result.counts[BASES[metric]]:,} {ROWS[metric][4]}",
            }
            for metric in ROWS
        ],
        "categories": [_plain(row) for row in result.per_category],
        "captions": [
            {
                "id": str(scored.image_id),
                "text": scored.caption,
                "marks": [
                    [*_utf16(scored.caption, span), category, int(wrong)]
                    for span, category, wrong in zip(
                        scored.matches.spans,
                        scored.matches.categories,
                        scored.hallucinated,
                        strict=True,
                    )
                ],
                "missed": scored.missed,
            }
            for scored in result.captions
        ],
    }
    template = read_fact("page.html")
    return template.replace("@CONTENT@", _embedded(content))


def _utf16(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Move a span to UTF-16 units, in which a browser counts."""
    if text.isascii():
        return span
    start = len(text[: span[0]].encode("utf-16-le", "surrogatepass")) // 2
    return start, start + len(text[slice(*span)].encode("utf-16-le", "surrogatepass")) // 2


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in ("category", "mentions", "hallucinated", "present")}


def _embedded(content: Any) -> str:
    """JSON that cannot end the script element it stands in; ASCII, so any encoding reads it."""
    return json.dumps(content).replace("<", "\\u003c").replace("&", "\\u0026")
