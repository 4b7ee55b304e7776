"""Comparisons are paired on image id; tables, LaTeX and the page say what they should."""

import json
import math
import re

import pytest

from chair_eval import ChairError, GroundTruth, UsageError, score
from chair_eval.compare import compare, comparison_table
from chair_eval.page import html_page, kept
from chair_eval.tables import latex_table, shown, terminal_table

TRUTH = GroundTruth.from_mapping({i: {"dog", "person"} for i in range(30)})
GOOD = [(i, "A dog and a man.") for i in range(30)]
BAD = [(i, "A cat and a man." if i % 2 else "A dog.") for i in reversed(range(30))]


def test_differences_are_paired():
    found = compare({"good": score(GOOD, TRUTH), "bad": score(BAD, TRUTH)}, draws=500)
    assert (found.n_images, found.n_left_out) == (30, 0)
    by_metric = {row["metric"]: row for row in found.differences}
    difference = by_metric["chair_s"]
    assert difference["difference"] == 0.5
    assert 0.2 < difference["low"] < 0.5 < difference["high"] < 0.8
    assert (difference["name"], difference["baseline"], difference["n"]) == ("bad", "good", 30)


def test_a_file_against_itself_has_no_difference():
    result = score(BAD, TRUTH)
    for row in compare({"a": result, "b": score(BAD[::-1], TRUTH)}, draws=200).differences:
        assert row["difference"] == 0
        assert math.isnan(row["low"])  # it is the same in every resample


def test_only_shared_images_are_compared():
    found = compare({"a": score(GOOD[:20], TRUTH), "b": score(BAD[:20], TRUTH)}, draws=50)
    assert (found.n_images, found.n_left_out) == (10, 20)
    assert "(20 not in all files)" in comparison_table(found)
    with pytest.raises(ChairError, match="no image in common"):
        compare({"a": score(GOOD[:3], TRUTH), "b": score(GOOD[5:], TRUTH)})
    with pytest.raises(ChairError, match="at least two"):
        compare({"a": score(GOOD, TRUTH)})


def test_no_draws_no_intervals():
    found = compare({"a": score(GOOD, TRUTH), "b": score(BAD, TRUTH)}, draws=0)
    assert all(math.isnan(row["low"]) for row in found.differences)
    assert found.differences[0]["difference"] == 0.5


def test_tables_fit_eighty_columns():
    long_name = "a/very/long/folder/name/with/captions/of/some/model.jsonl"
    truth = GroundTruth(TRUTH.objects, source="x" * 90)
    results = {"good": score(GOOD, truth), long_name: score(BAD, truth)}
    text = terminal_table(results[long_name])
    text += "\n" + comparison_table(compare(results, draws=50))
    assert max(map(len, text.splitlines())) <= 80
    assert "CHAIR_s         50.0 %" in text
    assert "cat" in text


def test_empty_ratios_are_dashes():
    text = terminal_table(score([(1, "")], GroundTruth.from_mapping({1: set()})))
    assert re.search(r"CHAIR_i +– +0 mentions", text)
    assert "No hallucinated object." in text


def test_rounding_is_that_of_the_papers():
    assert shown("chair_s", 0.7685) == "76.8"
    assert shown("chair_s", 0.3625) == "36.2"


def test_latex_escapes_names():
    text = latex_table({"my_model & co": score(BAD, TRUTH)})
    assert r"my\_model \& co & 50.0" in text
    assert text.count(r"\\") == 2
    assert r"\toprule" in text
    assert all(line.startswith(("%", "\\", "&", "my")) for line in text.splitlines())


def test_page_holds_the_marks_and_cannot_be_broken_out_of():
    captions = [(1, "A dog </script><b>& a 😀 cat."), (2, "Nothing.")]
    result = score(captions, TRUTH)
    page = html_page(result)
    assert page.count("</script>") == 2
    assert "http" not in page.replace("http-equiv", "")
    content = re.search(r'id="content">(.*?)</script>', page, re.DOTALL)[1]
    first = json.loads(content)["captions"][0]
    assert first["text"] == captions[0][1]
    units = first["text"].encode("utf-16-le")
    marked = [
        (units[2 * start : 2 * end].decode("utf-16-le"), category, wrong)
        for start, end, category, wrong in first["marks"]
    ]
    assert marked == [("dog", "dog", 0), ("cat", "cat", 1)]
    assert first["missed"] == ["person"]


def test_page_has_a_limit(monkeypatch):
    monkeypatch.setattr("chair_eval.page.LIMIT", 1)
    with pytest.raises(UsageError, match="too many for an HTML page"):
        kept(score(GOOD[:2], TRUTH).captions)
