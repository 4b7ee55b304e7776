"""Mentions equal the reference scripts', sentence by sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chair_eval import ChairError, Matcher, UsageError

# chair.md §4.6: the references' indices are off after "seat" beside "toilet"; these are right.
RIGHT_INDICES = {
    ("A man seated on a toilet seat.", "wordnet"): [1, 5],
    ("The seat of the toilet is up and a chair is nearby.", "pattern"): [4, 9],
    ("The seat of the toilet is up and a chair is nearby.", "wordnet"): [4, 9],
}


@pytest.mark.parametrize("dialect", ["pattern", "wordnet"])
def test_tricky_sentences(tricky, matchers, dialect):
    assert len(tricky) == 74
    for row in tricky:
        expected = row[dialect]
        found = matchers[dialect].match(row["sentence"])
        assert found.words == expected["words"]
        assert found.categories == expected["objects"]
        assert found.n_tokens == len(expected["raw"])
        right = RIGHT_INDICES.get((row["sentence"], dialect), expected["idxs"])
        assert found.indices == right


def test_spans_point_into_the_caption_as_given():
    caption = "İİ A HOT  Dog,\n\nthe Men's buses — “two” Vases"
    found = Matcher().match(caption)
    assert [caption[start:end] for start, end in found.spans] == [
        "HOT  Dog",
        "Men",
        "buses",
        "Vases",
    ]
    assert found.words == ["hot dog", "man", "bus", "vase"]


def test_phrases_are_greedy_and_counted_once():
    found = Matcher().match("baby bear bear hot dog dog home plate")
    assert found.words == ["bear", "bear", "hot dog", "dog"]
    assert found.indices == [0, 2, 3, 5]
    assert found.n_tokens == 5


def test_toilet_rule_drops_the_seat_but_not_its_token():
    found = Matcher().match("the seat of the toilet")
    assert (found.words, found.indices, found.n_tokens) == (["toilet"], [4], 5)
    assert Matcher().match("the seat").words == ["seat"]


def test_unknown_dialect_and_missing_data(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="allowed: pattern, wordnet"):
        Matcher(dialect="porter")
    monkeypatch.setattr("chair_eval.nltk_data.search_path", lambda *_: [tmp_path])
    with pytest.raises(ChairError, match="chair-eval setup"):
        Matcher(dialect="wordnet")


@given(st.text(max_size=60))
def test_any_text_is_legal(text):
    found = Matcher().match(text)
    assert len(found.words) == len(found.categories) == len(found.indices) == len(found.spans)
    assert all(0 <= start < end <= len(text) for start, end in found.spans)
    assert found.indices == sorted(found.indices)
