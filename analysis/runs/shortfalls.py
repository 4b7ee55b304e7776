"""What a run lacks of what it should hold, in sentences for whoever is about to use it."""

import logging
from collections import Counter

from analysis.runs.run import Run

log = logging.getLogger(__name__)
_SHOWN = 3


def warn(run: Run) -> None:
    """Log every shortfall of a run as a warning."""
    for sentence in shortfalls(run):
        log.warning("%s: %s", run.path, sentence)


def shortfalls(run: Run) -> list[str]:
    """Say what is missing, damaged or foreign, which images are unusable, who said nothing.

    Returns
    -------
    list of str
        Sentences with counts; none for a whole run.
    """
    return [*_of_shards(run), *_of_images(run), *_of_answers(run)]


def _of_shards(run: Run) -> list[str]:
    bad, missing = run.damaged, len(run.missing)
    said = []
    if missing:
        said.append(
            f"{run.n_shards - missing} of {run.n_shards} shards are used, {missing} are missing or "
            "damaged; the agile extract command it was made with makes them again."
        )
    if bad:
        files = [f"{name} ({reason})" for name, reason in bad.items()]
        said.append(f"{len(bad)} files are left out: {_some(files)}.")
    return said


def _of_images(run: Run) -> list[str]:
    rows = run.table("images", ["image_id", "status", "reason"]).to_pylist()
    reasons = [str(row["reason"]) for row in rows if row["status"] != "ok"]
    if not reasons:
        return []
    # Reasons begin with the image's own name; without it, equal ones are counted together.
    counted = Counter(reason.partition(": ")[2] or reason for reason in reasons)
    kinds = [f"{count} x {reason}" for reason, count in counted.most_common()]
    return [f"{len(reasons)} of {len(rows)} images could not be used: {_some(kinds)}."]


def _of_answers(run: Run) -> list[str]:
    silent = sorted(run.silent)
    return [f"every answer of {_some(silent)} is empty: left out."] if silent else []


def _some(parts: list[str]) -> str:
    more = len(parts) - _SHOWN
    return "; ".join(parts[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
