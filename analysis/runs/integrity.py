"""What is wrong with a shard, and which variants said nothing at all."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from analysis.runs.seal import Damaged, read_note


def fault(file: Path, run: str, unsealed: bool) -> str:
    """Say what is wrong with a shard; empty when it is sound and belongs where it lies.

    Parameters
    ----------
    file
        The shard.
    run
        Id of the run it should be of.
    unsealed
        Whether the run is of a version that had no seals.
    """
    table, _, number = file.stem.rpartition("-")
    try:
        note = read_note(file)
    except Damaged as error:
        return f"damaged: {error}"
    if "sha256" not in note:
        return "" if unsealed else "no seal: not of this run"
    if (note.get("run"), note.get("table")) != (run, table):
        return "of another run or table"
    if not number.isdecimal() or note.get("shard") != int(number):
        return f"shard {note.get('shard')} under another number"
    return "" if note.get("rows") == note["num_rows"] else "rows are lacking"


def silent_variants(parts: Iterable[pa.Table]) -> frozenset[str]:
    """Variants of which every answer is empty or blank.

    Parameters
    ----------
    parts
        Columns ``variant`` and ``answer``, some rows at a time.
    """
    heard: dict[str, bool] = {}
    for part in parts:
        words = pc.utf8_trim_whitespace(pc.fill_null(part["answer"], "lost, not empty"))
        said = pa.table({"variant": part["variant"], "said": pc.not_equal(words, "")})
        for row in said.group_by("variant").aggregate([("said", "any")]).to_pylist():
            heard[row["variant"]] = heard.get(row["variant"], False) or row["said_any"]
    return frozenset(variant for variant, any_said in heard.items() if not any_said)
