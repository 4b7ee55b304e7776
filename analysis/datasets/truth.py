"""Which categories reference captions mention, through the CHAIR package."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any


def objects_in_captions(captions: Iterable[str]) -> set[str]:
    """Return the categories that any of the captions mentions.

    The ``pattern`` dialect of 2018 is used, as in :mod:`chair_eval`'s default preset.
    """
    found: set[str] = set()
    for caption in captions:
        found.update(_matcher().match(caption).categories)
    return found


@lru_cache(maxsize=1)
def _matcher() -> Any:
    # Loading the vocabulary takes time that a folder without captions need not spend.
    from chair_eval.matcher import Matcher

    return Matcher()
