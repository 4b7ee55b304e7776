"""From the decisive tests of a claim to one of seven verdicts, by rule."""

from typing import Any

import numpy as np
import pandas as pd

SUPPORTED, PARTLY, EQUIVALENT = "supported", "partly", "equivalent"
CONTRADICTED, MIXED, INCONCLUSIVE = "contradicted", "mixed", "inconclusive"
NO_DATA = "no data"
VERDICTS = (SUPPORTED, PARTLY, EQUIVALENT, CONTRADICTED, MIXED, INCONCLUSIVE, NO_DATA)

FOR, AGAINST, OPEN, UNDEFINED = "for", "against", "open", "undefined"
REAL, CLEAR = "real", "clear"


def outcome(row: Any, alpha: float) -> str:
    """Return what one test says: for, against, equivalent, open or undefined.

    Parameters
    ----------
    row
        ``estimate, q, p_equivalent, margin, rule, expected`` of the test.
    alpha
        1 minus the level.

    Notes
    -----
    Equivalent comes first: both one-sided tests place the effect inside the margin, be it 0 or not.
    Else ``q`` decides whether the effect differs from the test point (0, or for the rule "clear"
    the margin on the expected side), and a "real" effect must also reach the margin.
    """
    if not (np.isfinite(row["q"]) and np.isfinite(row["estimate"])):
        return UNDEFINED
    if row["p_equivalent"] < alpha:
        return EQUIVALENT
    if row["q"] >= alpha:
        return OPEN
    if row["rule"] == REAL and abs(row["estimate"]) < row["margin"]:
        return OPEN
    return FOR if (row["estimate"] - point(row)) * row["expected"] > 0 else AGAINST


def point(row: Any) -> float:
    """Return the value a test compares the estimate with: 0, or the margin for "clear"."""
    return float(row["expected"] * row["margin"]) if row["rule"] == CLEAR else 0.0


def verdict(frame: pd.DataFrame, *, only: bool = False) -> str:
    """Return the verdict of a claim.

    Parameters
    ----------
    frame
        Rows with ``decisive``, ``needed`` and ``outcome``. A decisive row that is not needed counts
        only where it is for or against.
    only
        Whether the claim says that nothing else does the same: an equivalent rival beside a win
        then counts against it.

    Notes
    -----
    Any decisive test that is undefined or was not measured, or none at all: no data. For and
    against: mixed. All for: supported. Some for, the rest open or equivalent: partly. Some against
    and none for: contradicted. All equivalent: equivalent. Else inconclusive.
    """
    said = outcomes(frame)
    if not said or UNDEFINED in said:
        return NO_DATA
    against = AGAINST in said or (only and EQUIVALENT in said)
    if FOR in said:
        if against:
            return MIXED
        return SUPPORTED if set(said) == {FOR} else PARTLY
    if AGAINST in said:
        return CONTRADICTED
    return EQUIVALENT if set(said) == {EQUIVALENT} else INCONCLUSIVE


def outcomes(frame: pd.DataFrame) -> list[str]:
    """Return the outcomes that count for the verdict."""
    if frame.empty:
        return []
    said = frame["outcome"].isin([FOR, AGAINST])
    return [
        str(each) for each in frame.loc[frame["decisive"] & (frame["needed"] | said), "outcome"]
    ]
