"""Singular forms: the facts of chair.md §3.1, and 10,960 real tokens."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chair_eval.bench.slow import SlowSingular
from chair_eval.singular import singularize

FORMS = {
    "": "",
    "s": "s",
    "ies": "ies",
    "ears": "ears",
    "bus": "bu",
    "buses": "bus",
    "glass": "glas",
    "glasses": "glass",
    "men": "man",
    "women": "woman",
    "people": "person",
    "children": "child",
    "geese": "goose",
    "oxen": "ox",
    "your": "ymy",
    "police": "polouse",
    "canoes": "cano",
    "doggies": "doggies",
    "ties": "ty",
    "pies": "py",
    "knives": "knife",
    "shelves": "shelve",
    "leaves": "leaf",
    "mothers-in-law": "mother-in-law",
    "dogs-and-cats": "dogs-and-cat",
    "dogs'": "dog's",
    "'": "'s",
    "''": "'s's",
    "analyses": "analysis",
    "urinalyses": "urinalysis",
    "psychoanalyses": "psychoanalyasis",
    "theses": "thesis",
    "bases": "basis",
    "scissors": "scissors",
    "oxens": "oxs",
    "tennis": "tenni",
    "criteria": "criterium",
    "^ties": "^ties",
}


@pytest.mark.parametrize("token", FORMS)
def test_known_forms(token):
    assert singularize(token) == FORMS[token]


def test_every_token_of_the_reference_table():
    path = Path(__file__).parent / "facts" / "singulars.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert len(rows) == 10_960
    assert [row for row in rows if singularize(row["token"]) != row["pattern_singular"]] == []


@given(st.text("aeiousthcfvzxnpblrmdg'yqw", max_size=9))
def test_shortcuts_agree_with_the_linear_scan(token):
    assert singularize(token) == SlowSingular()(token)


@given(st.text(max_size=12))
def test_any_string_is_legal(token):
    assert isinstance(singularize(token.lower()), str)
