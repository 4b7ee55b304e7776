"""Which subtask of its benchmark an image belongs to: MME's 14, ScienceQA's subjects."""

import json
from typing import Any

import pandas as pd

# Keys of an image's ``meta`` that name its subtask, and what a reader calls them.
KINDS = {"subtask": "subtask", "subject": "subject"}


def subtasks(images: pd.DataFrame) -> tuple[pd.Series, str]:
    """Return the subtask of each image and what subtasks are called here.

    Parameters
    ----------
    images
        Rows of the images table, with ``image_id`` and ``meta``.

    Returns
    -------
    Series
        ``image_id`` → subtask; empty unless the images belong to two subtasks or more.
    str
        ``"subtask"``, ``"subject"``, or ``""``.
    """
    known = images[images["meta"].notna()]
    metas = [_mapping(text) for text in known["meta"]]
    for key, kind in KINDS.items():
        names = pd.Series([meta.get(key) for meta in metas], index=known["image_id"], dtype=object)
        names = names.dropna().astype(str)
        if names.nunique() > 1:
            return names, kind
    return pd.Series(dtype=object), ""


def spaced(name: str) -> str:
    """Return a subtask as printed: ``numerical_calculation`` → ``numerical calculation``."""
    return name.replace("_", " ")


def _mapping(text: object) -> dict[str, Any]:
    try:
        found = json.loads(str(text))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
