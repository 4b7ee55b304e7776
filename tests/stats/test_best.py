"""Best beyond doubt: only a paired interval without zero against every rival counts."""

import numpy as np
import pandas as pd

from analysis.stats.best import clear_best
from analysis.stats.ratios import summarise
from chair_eval.bootstrap import Bootstrap


def units(gap):
    """Forty images under two pruners and all tokens; ``gap`` parts the pruners' recall."""
    noise = np.random.default_rng(0).integers(0, 3, size=(2, 40))
    rows = {"fps@8": noise[0] + gap, "divprune@8": noise[1], "full": noise[0] + 50}
    frames = [
        pd.DataFrame(
            {"image_id": range(40), "variant": name, "keep": 8, "n_recalled": values, "n_gt": 60}
        )
        for name, values in rows.items()
    ]
    return pd.concat(frames, ignore_index=True)


def best(gap):
    table, boot = units(gap), Bootstrap(200)
    return clear_best(table, summarise(table, ["recall"], boot), boot)


def test_a_clear_winner_is_marked_and_all_tokens_are_no_rival():
    assert best(10) == {("recall", "fps@8")}


def test_a_doubtful_winner_is_not_marked():
    assert best(0) == set()
