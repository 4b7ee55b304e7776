"""The HTML page: what it shows is in it, and no caption can break out of it."""

import json
import re

import pytest

from chair_eval import score
from chair_eval.page import html_page

CAPTIONS = [
    (1, '</script><script>alert(1)</script> a <b>dog</b> & "cat" <!-- @CONTENT@ $& \\1'),
    (2, "İ 😀 a cat 👨‍👩‍👧 and a dog\u2028."),
    ("scene-3", ""),
]


@pytest.fixture
def page(truth):
    return html_page(score(CAPTIONS, truth, draws=50, seed=7, level=0.99))


@pytest.fixture
def content(page):
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)
    return json.loads(found[1])


def test_captions_cannot_break_out(page, content):
    assert page.count("<script") == page.count("</script>") == 2
    assert "alert(1)<" not in page
    assert [caption["text"] for caption in content["captions"]] == [text for _, text in CAPTIONS]
    assert page.isascii()


def test_marks_are_counted_as_a_browser_counts(content):
    text = CAPTIONS[1][1].encode("utf-16-le")
    marks = content["captions"][1]["marks"]
    cut = [(text[2 * a : 2 * b].decode("utf-16-le"), name, bad) for a, b, name, bad in marks]
    assert cut == [("cat", "cat", 0), ("dog", "dog", 1)]


def test_intervals_say_their_level_and_n(content):
    assert content["level"] == "99%"
    assert content["about"][-1].endswith("bootstrap over images, 50 draws, seed 7")
    assert content["metrics"][0]["n"] == "3 captions"
    assert content["metrics"][1]["n"] == "4 mentions"


def test_without_draws_there_is_no_interval(truth):
    page = html_page(score(CAPTIONS, truth, draws=0))
    assert "no intervals" in page
    assert '"interval": ["\\u2013", "\\u2013"]' in page
