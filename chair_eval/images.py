"""Image ids: the same image whether it is written 42, "42" or COCO_val2014_000000000042.jpg."""

import re

from chair_eval.errors import ChairError

ImageKey = int | str
MOST_DIGITS = 18
COCO_FILE = re.compile(r"(?:COCO_[a-z]+\d{4}_)?(\d{12})(?:\.(?:jpe?g|png))?", re.IGNORECASE)


def image_key(value: object) -> ImageKey:
    """Return the key under which an image is looked up.

    Whole numbers and strings of digits become int, COCO file names (with or without folder)
    their number; any other string stays as it is.

    Raises
    ------
    ChairError
        `value` is neither a whole number nor a non-empty string.
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, bool) or value is None:
        raise ChairError(f"image id {value!r} is neither a number nor a string")
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        raise ChairError(f"image id {value!r} is neither a number nor a string") from None
    if number != value:
        raise ChairError(f"image id {value!r} is not a whole number")
    return int(number)


def _from_text(value: str) -> ImageKey:
    text = value.strip()
    if not text:
        raise ChairError("image id is an empty string")
    if text.isdecimal() and text.isascii() and len(text) <= MOST_DIGITS:
        return int(text)
    coco = COCO_FILE.fullmatch(text.replace("\\", "/").rsplit("/", 1)[-1])
    return int(coco[1]) if coco else text
