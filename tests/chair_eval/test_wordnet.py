"""The wordnet dialect: NLTK's tags and base forms, asked for only where they decide."""

import random
import sys

import pytest

from chair_eval import ChairError, Matcher
from chair_eval.nltk_data import TAGGER, fetch, missing_packages, search_path
from chair_eval.tokens import tokenize
from chair_eval.wordnet import PARTS, Wordnet


@pytest.fixture(scope="module")
def rules(nltk_data):
    return Wordnet(nltk_data)


def test_parts_of_speech_are_those_of_the_whole_caption(rules, tricky):
    """Whatever the weights are, a tag rests on its window alone."""
    pick = random.Random(0)
    words = [token.text for row in tricky for token in tokenize(row["sentence"].lower())]
    for _ in range(150):
        caption = [pick.choice(words) for _ in range(pick.randrange(1, 25))]
        expected = [PARTS.get(tag[0], "n") for _, tag in rules._tagger.tag(caption)]
        assert [rules.part(caption, index) for index in range(len(caption))] == expected


def test_only_what_decides_is_tagged(nltk_data):
    matcher = Matcher(dialect="wordnet", nltk_data=nltk_data)
    tagged = []
    matcher._rules._tags = lambda window: tagged.append(window) or [(w, "NN") for w in window]
    matcher.match("a dog and a cat on the table")
    assert tagged == []  # one base form whatever the part of speech
    matcher.match("a dog seated on the table")
    assert tagged == [("a", "dog", "seated", "on", "the")]


@pytest.mark.parametrize(
    ("token", "part", "form"),
    [
        ("dogs", "n", "dog"),
        ("men", "n", "men"),
        ("seated", "v", "seat"),
        ("seated", "n", "seated"),
        ("tied", "v", "tie"),
        ("knives", "n", "knife"),
        ("zzyzx", "n", "zzyzx"),
    ],
)
def test_base_forms(rules, token, part, form):
    assert rules.base(token, part) == form


def test_without_nltk_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "chair_eval.wordnet", None)
    with pytest.raises(ChairError, match=r"needs NLTK: pip install nltk; .*rohrbach2018"):
        Matcher(dialect="wordnet")


@pytest.mark.parametrize("content", [b'{"bias": {"NN": 0.5', b"\xff"])
def test_damaged_weights_are_named(tmp_path, content):
    folder = tmp_path / TAGGER
    folder.mkdir(parents=True)
    for name in ("classes", "tagdict"):
        (folder / f"averaged_perceptron_tagger_eng.{name}.json").write_text("{}")
    (folder / "averaged_perceptron_tagger_eng.weights.json").write_bytes(content)
    with pytest.raises(ChairError, match=r"weights\.json is damaged .* chair-eval setup"):
        Wordnet(tmp_path)


def test_data_is_found_by_environment(nltk_data, monkeypatch):
    monkeypatch.setenv("NLTK_DATA", str(nltk_data))
    assert search_path()[0] == nltk_data
    assert missing_packages() == []
    assert fetch() == nltk_data


def test_missing_and_damaged_data(tmp_path, nltk_data, monkeypatch):
    monkeypatch.setattr("chair_eval.nltk_data.search_path", lambda *_: [tmp_path])
    assert missing_packages() == ["averaged_perceptron_tagger_eng", "wordnet"]
    (tmp_path / "taggers").symlink_to(nltk_data / "taggers")
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora" / "wordnet.zip").write_bytes(b"PK half")
    with pytest.raises(ChairError, match=r"wordnet\.zip is damaged"):
        Wordnet(tmp_path)


def test_setup_without_network_says_what_to_do(tmp_path, monkeypatch):
    import nltk

    monkeypatch.setattr("chair_eval.nltk_data.search_path", lambda *_: [tmp_path])
    monkeypatch.setattr(nltk, "download", lambda *_, **__: False)
    with pytest.raises(ChairError, match="no network"):
        fetch(tmp_path)
