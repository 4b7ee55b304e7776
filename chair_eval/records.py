"""Captions on their way into the scorer: an image id, a text, and where it came from."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chair_eval.errors import ChairError, UsageError


class Record(NamedTuple):
    """A caption to score, and where it came from ("captions.jsonl, line 7")."""

    image_id: Any
    caption: str
    where: str = ""


def records_of(captions: Any) -> Iterator[Record]:
    """Yield records of anything `score` accepts."""
    names = getattr(captions, "column_names", getattr(captions, "columns", None))
    if names is not None:
        missing = {"image_id", "caption"} - set(names)
        if missing:
            raise ChairError(f"the frame has no column {', '.join(sorted(missing))}")
        yield from map(Record, _column(captions["image_id"]), _column(captions["caption"]))
        return
    items = captions.items() if hasattr(captions, "items") else captions
    if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
        raise UsageError(
            f"captions is a {type(captions).__name__}; allowed: a frame, a mapping, or pairs of "
            "image id and caption (chair_eval.readers.read_captions reads files)"
        )
    for number, item in enumerate(items, start=1):
        yield _record(item, number)


def _column(column: Any) -> list[Any]:
    """Values of a column of a pandas, polars or pyarrow table."""
    for name in ("tolist", "to_pylist", "to_list"):
        if hasattr(column, name):
            return list(getattr(column, name)())
    return list(column)


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
