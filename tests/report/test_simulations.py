"""Tables of simulations find their place in a page."""

import pandas as pd
import pytest

from analysis.errors import UsageError
from analysis.report.simulations import coverage_table, fill, renewed, verdict_table
from analysis.stats.verdicts import VERDICTS


def verdicts(**changes):
    row = dict.fromkeys(VERDICTS, 0.0) | {
        "truth": "null", "claim": "audit", "inconclusive": 0.96, "supported": 0.04,
        "crossover": 0.0, "goal": "supported <= 5 %", "reached": 0.04, "met": "yes",
        "simulations": 50, "n_images": 500, "questions": 6, "n_resamples": 1000, "seed": 0,
    }  # fmt: skip
    return pd.DataFrame([row | changes])


def test_verdicts_say_percent_goal_and_miss():
    text = verdict_table(verdicts())
    assert "| truth | claim | studies | supported | inconclusive | goal | reached |" in text
    assert "| null | audit | 50 | 4.0 | 96.0 | supported <= 5 % | 4.0 % |" in text
    assert "**missed**" in verdict_table(verdicts(met="no"))
    assert "| null |" not in verdict_table(verdicts(goal="", reached=""))


def test_coverage_is_one_row_an_interval():
    rows = [
        {"interval": "pearson", "n_images": n, "covered": share, "error": 0.01, "defined": part,
         "verdict": said, "simulations": 200, "n_resamples": 1000, "seed": 0}
        for n, share, part, said in ((30, "", 0.0, ""), (100, 0.9, 0.9, "too narrow"))
    ]  # fmt: skip
    text = coverage_table(pd.DataFrame(rows))
    assert "| pearson | no limits | 0.900 (0.010), limits in 90 %, too narrow |" in text


def test_rows_of_other_truths_stay():
    before = pd.DataFrame({"truth": ["a", "b"], "share": [1, 2]})
    now = pd.DataFrame({"truth": ["a", "c"], "share": [3, 4]})
    assert renewed(before, now, ["truth"])["share"].tolist() == [3, 2, 4]
    assert renewed(before.iloc[:0], now, ["truth"]).equals(now)


def test_a_page_is_filled_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- simulated verdicts -->\nold\n<!-- end verdicts -->\nb\n")
    for _ in range(2):
        fill(page, "verdicts", "new")
    expected = "a\n<!-- simulated verdicts -->\nnew\n<!-- end verdicts -->\nb\n"
    assert page.read_text() == expected
    with pytest.raises(UsageError, match="no place for coverage"):
        fill(page, "coverage", "new")
