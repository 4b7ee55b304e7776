"""Captions on their way into the scorer: an image id, a text, and where it came from."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from chair_eval.errors import ChairError


class Record(NamedTuple):
    """A caption to score, and where it came from ("captions.jsonl, line 7")."""

    image_id: Any
    caption: str
    where: str = ""


def records_of(captions: Any) -> Iterator[Record]:
    """Yield records of anything `score` accepts."""
    if hasattr(captions, "columns"):
        missing = {"image_id", "caption"} - set(captions.columns)
        if missing:
            raise ChairError(f"the frame has no column {', '.join(sorted(missing))}")
        yield from map(Record, captions["image_id"].tolist(), captions["caption"].tolist())
        return
    items = captions.items() if isinstance(captions, Mapping) else captions
    for number, item in enumerate(items, start=1):
        yield _record(item, number)


def _record(item: Any, number: int) -> Record:
    if isinstance(item, Record):
        return item
    where = f"caption {number}"
    if isinstance(item, Mapping):
        if "image_id" not in item or "caption" not in item:
            raise ChairError(f"{where}: expected the keys image_id and caption")
        return Record(item["image_id"], item["caption"], where)
    try:
        image_id, caption = item
    except (TypeError, ValueError):
        raise ChairError(f"{where}: expected (image id, caption), found {item!r:.60}") from None
    return Record(image_id, caption, where)
