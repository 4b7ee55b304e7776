"""The weights of NLTK's perceptron tagger, packed: its dicts alone would take 30 MB more."""

import json
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chair_eval.errors import ChairError
from chair_eval.nltk_data import TAGGER, read_resource


def read_json(
    name: str,
    nltk_data: str | Path | None = None,
    hook: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """Content of one of the tagger's three files: classes, tagdict or weights.

    Parameters
    ----------
    name : str
    nltk_data : path, optional
        Folder looked at first; see `chair_eval.nltk_data.search_path`.
    hook : callable, optional
        Called with every object while the file is parsed, innermost first.

    Raises
    ------
    ChairError
        The file is not found, or not complete.
    """
    file_name = f"averaged_perceptron_tagger_eng.{name}.json"
    content = read_resource(TAGGER, file_name, nltk_data)
    try:
        return json.loads(content, object_hook=hook)
    except (ValueError, KeyError, TypeError) as error:
        raise ChairError(
            f"NLTK's {file_name} is damaged ({error}); run: chair-eval setup"
        ) from error


class Weights:
    """Per feature, the tags it speaks for or against.

    Parameters
    ----------
    columns : dict of str to int
        Column of each tag.
    packed : dict of str to bytes
        Per feature its columns, then as many weights in thousandths, as C ints. The weights of
        the model have three decimals, so nothing is lost.
    """

    def __init__(self, columns: dict[str, int], packed: dict[str, bytes]) -> None:
        self.columns = columns
        self._packed = packed

    @classmethod
    def read(cls, tags: list[str], nltk_data: str | Path | None = None) -> "Weights":
        """Read NLTK's file; column i stands for ``tags[i]``, errors as `read_json`."""
        columns = {tag: column for column, tag in enumerate(tags)}

        def pack(entry: dict[str, Any]) -> Any:
            values = entry.values()
            if any(isinstance(value, bytes) for value in values):  # the outermost object, the last
                return entry
            numbers = [columns[tag] for tag in entry] + [round(1000 * value) for value in values]
            return array("i", numbers).tobytes()

        return cls(columns, read_json("weights", nltk_data, pack))

    def __contains__(self, feature: str) -> bool:
        """Whether `feature` has weights."""
        return feature in self._packed

    def __getitem__(self, feature: str) -> Iterable[tuple[int, int]]:
        """(column, thousandths) of every tag that `feature` has a weight for; may be none."""
        numbers = memoryview(self._packed.get(feature, b"")).cast("i").tolist()
        half = len(numbers) // 2
        return zip(numbers[:half], numbers[half:], strict=True)

    def vector(self, feature: str) -> NDArray[np.int32]:
        """Thousandths of `feature` as one row over all columns, shape (tags,)."""
        row = np.zeros(len(self.columns), np.int32)
        for column, weight in self[feature]:
            row[column] = weight
        return row
