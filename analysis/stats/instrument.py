"""What kept diversity causes: a drawn dose as the instrument of kept erank, per budget.

In the randomised design (``agile extract --design randomised``) chance alone decides the dose of an
image, so nothing about the image can explain what goes with it. Per budget: the first stage (dose →
kept erank), the reduced form (dose → outcome) and the Wald estimate, their ratio: the effect of one
unit of kept erank. The ratio assumes that the dose reaches the outcome through kept erank alone.
For drawn attention shares that is doubtful, as kept attention moves too; sets stratified by erank
are blind to attention, and the first stage of kept attention says how far either holds. Sources:
Wald (1940); Anderson & Rubin (1949); Staiger & Stock (1997) for the bound of 10 on F.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.stats.doses import OUTCOMES
from analysis.stats.estimate import estimates, row
from analysis.stats.wald import (
    Budgets,
    budgets,
    first_stage,
    least_squares,
    reduced_form,
    strength,
    wald,
)
from chair_eval.bootstrap import Bootstrap, Statistic, bootstrap

# What a row says, and the statistic behind it.
Plan = tuple[dict[str, object], Statistic]
_NAMES = ("measure", "group")

FIRST, REDUCED, EFFECT, OBSERVED, TREND = (
    "first stage",
    "reduced form",
    "effect",
    "observational",
    "trend",
)
#: Image measures that are fixed before the draw: they take out noise, not confounding.
CONTROLS = ("image_erank", "n_objects")


def dose_response(
    frame: pd.DataFrame, boot: Bootstrap | None = None, *, controls: Sequence[str] = CONTROLS
) -> pd.DataFrame:
    """Estimate first stage, reduced form and effect of every instrument, budget and outcome.

    Parameters
    ----------
    frame
        As `doses` returns.
    boot
        Resampling; the default when ``None``.
    controls
        Columns fixed before the draw whose linear influence is removed; those that are missing or
        constant are left out.

    Returns
    -------
    DataFrame
        Estimates with the columns ``design, keep, p, F, weak, ar_low, ar_high``. ``group`` is
        `FIRST` (measures ``erank`` and ``attention_mass``, the change from dose 0 to 1), `REDUCED`
        (outcome, the same), `EFFECT` (outcome per unit of kept erank, with the Anderson–Rubin
        interval, which holds for weak instruments too and may be infinite), `OBSERVED` (least
        squares of the outcome on kept erank without the instrument: what confounding leaves), and
        `TREND` (change of the effect per doubling of the budget; ``keep`` is 0).
    """
    boot = boot or Bootstrap()
    return estimates(
        row
        for name, part in frame.groupby("design", sort=True)
        for row in _instrument(str(name), part, boot, controls)
    )


def _instrument(
    design: str, frame: pd.DataFrame, boot: Bootstrap, controls: Sequence[str]
) -> list[dict[str, object]]:
    """Return every row of one instrument."""
    plans: list[Plan] = []
    for measure in ("erank", "attention_mass"):
        if found := budgets(frame, measure, measure, controls):
            plans += [
                (_plan(measure, FIRST, design, keep), found.statistic(first_stage, keep))
                for keep in found.keeps
            ]
    for measure in (name for name in OUTCOMES if name in frame):
        plain = budgets(frame, "erank", measure, ())
        if (found := budgets(frame, "erank", measure, controls)) and plain:
            plans += _outcome_plans(measure, design, found, plain, boot.level)
    return _rows(plans, boot)


def _rows(plans: Sequence[Plan], boot: Bootstrap) -> list[dict[str, object]]:
    """Resample together what is over equally many images."""
    by_size: dict[int, list[Plan]] = {}
    for plan in plans:
        by_size.setdefault(len(plan[1].sums), []).append(plan)
    rows = []
    for part in by_size.values():
        for (names, _), each in zip(part, bootstrap([s for _, s in part], boot), strict=True):
            extra = {key: value for key, value in names.items() if key not in _NAMES}
            measure, group = (str(names[key]) for key in _NAMES)
            rows.append(row(measure, group, each, boot.seed, p=each.p, **extra))
    return rows


def _plan(
    measure: str, group: str, design: str, keep: int, strong: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return what a row says besides its estimate."""
    names: dict[str, object] = {"measure": measure, "group": group, "design": design, "keep": keep}
    unknown = {"F": np.nan, "weak": None, "ar_low": np.nan, "ar_high": np.nan}
    return names | unknown | dict(strong or {})


def _outcome_plans(
    measure: str, design: str, found: Budgets, plain: Budgets, level: float
) -> list[Plan]:
    """Return reduced form, effect, observational slope and trend of one outcome."""
    plans: list[Plan] = []
    for keep in (each for each in found.keeps if each in plain.keeps):
        strong = strength(found.rows[keep], found.n_controls, level)
        plans += [
            (_plan(measure, REDUCED, design, keep), found.statistic(reduced_form, keep)),
            (_plan(measure, EFFECT, design, keep, strong), found.statistic(wald, keep)),
            (_plan(measure, OBSERVED, design, keep), plain.statistic(least_squares, keep)),
        ]
    if len(found.keeps) > 1:
        plans.append((_plan(measure, TREND, design, 0), found.trend(wald)))
    return plans
