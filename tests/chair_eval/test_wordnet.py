"""The batched tagger and the lemmatiser give NLTK's answers."""

import csv
import json
import random
import sys

import pytest

from chair_eval import ChairError
from chair_eval.lemmas import FILES, Index, Lemmatizer
from chair_eval.nltk_data import (
    TAGGER,
    WORDNET,
    fetch,
    missing_packages,
    read_resource,
    search_path,
)
from chair_eval.tagging import Tagger, normal_word
from chair_eval.tokens import tokenize
from chair_eval.weights import Weights


@pytest.fixture(scope="module")
def tagger(chair_data):
    return Tagger(chair_data.nltk_data)


@pytest.fixture(scope="module")
def nltk_tagger(chair_data):
    perceptron = pytest.importorskip("nltk.tag.perceptron")

    def load(name):
        file_name = f"averaged_perceptron_tagger_eng.{name}.json"
        return json.loads(read_resource(TAGGER, file_name, chair_data.nltk_data))

    theirs = perceptron.PerceptronTagger(load=False)
    theirs.model.weights = load("weights")
    theirs.tagdict = load("tagdict")
    theirs.classes = theirs.model.classes = set(load("classes"))
    return theirs


def some_captions(chair_data, n=150):
    pick = random.Random(0)
    rows = [row for rows in chair_data.captions.values() for row in rows]
    return [
        [token.text for token in tokenize(row["caption"].lower())] for row in pick.sample(rows, n)
    ]


def test_tags_are_nltks(chair_data, tagger, nltk_tagger):
    captions = some_captions(chair_data)
    pick = random.Random(1)
    words = [word for caption in captions for word in caption]
    words += ["2019", "12", "well-worn", "-", "--", "''", "``", "1990s", "é", "-x", "-start-"]
    captions += [[pick.choice(words) for _ in range(pick.randrange(25))] for _ in range(300)]
    expected = [[tag for _, tag in nltk_tagger.tag(caption)] for caption in captions]
    assert tagger.tag(captions) == expected


def test_ties_are_decided_like_every_other_place(chair_data, tagger):
    caption = some_captions(chair_data, 1)[0]
    tags = tagger.columns([caption])[0]
    padded = ["-START-", "-START2-", *caption, "-END-", "-END2-"]
    width = len(tagger.tags)
    history = [width + 1, width, *tags.tolist(), -1, -1]
    fixed = tagger._table.fixed
    for place, word in enumerate(caption):
        if fixed[tagger._table.ids[word]] < 0:
            assert tagger._untie(padded, place + 2, history) == tags[place]


def test_batches_do_not_change_tags(chair_data, tagger):
    captions = some_captions(chair_data, 20)
    assert tagger.tag(captions) == [tagger.tag([caption])[0] for caption in captions]
    assert tagger.tag([]) == []
    assert tagger.tag([[], ["dog"], []])[0] == []


def test_the_table_of_words_is_bounded(chair_data, tagger, monkeypatch):
    captions = some_captions(chair_data, 12)
    expected = tagger.tag(captions)
    monkeypatch.setattr("chair_eval.tagging.WORDS_KEPT", 10)
    assert [tagger.tag([caption])[0] for caption in captions] == expected


def test_normal_words():
    words = ("well-worn", "-x", "1999", "12", "3rd", "Dog", "19999")
    seen = ["!HYPHEN", "-x", "!YEAR", "!DIGITS", "!DIGITS", "dog", "!DIGITS"]
    assert [normal_word(word) for word in words] == seen


def test_lemmas_of_every_reference_token(chair_data):
    lemmatizer = Lemmatizer(chair_data.nltk_data)
    path = chair_data.folder / "vocabulary" / "token_forms.tsv"
    columns = {"wordnet_noun": "n", "wordnet_verb": "v", "wordnet_adj": "a", "wordnet_adv": "r"}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            for column, part in columns.items():
                assert lemmatizer.lemma(row["token"], part) == row[column]


@pytest.mark.parametrize("name", FILES.values())
def test_an_index_holds_its_words_and_no_others(chair_data, name):
    content = read_resource(WORDNET, f"index.{name}", chair_data.nltk_data)
    words = [line.split()[0] for line in content.decode().splitlines() if line[:1] != " "]
    assert words == sorted(words)  # what a search by halves rests on
    index, known, pick = Index(content), set(words), random.Random(0)
    some = [words[0], words[-1], *pick.sample(words, 500)]
    assert all(word in index for word in some)
    changed = [change for word in some for change in (word[:-1], word + "s", word[1:], word + "~")]
    assert [word in index for word in changed] == [word in known for word in changed]
    assert not any(word in index for word in ("", " ", "a b", "\n", "é", "\ud83d", "~~~"))


def test_an_index_of_one_word_without_a_line_end():
    assert "dog" in Index(b"  1 licence\ndog n 1")
    assert "cat" not in Index(b"  1 licence\ndog n 1")
    assert "dog" not in Index(b"")


def test_packed_weights_are_the_files_and_small(chair_data):
    load = chair_data.nltk_data / TAGGER / "averaged_perceptron_tagger_eng.weights.json"
    expected = json.loads(load.read_text())
    tags = sorted({tag for entry in expected.values() for tag in entry})
    weights = Weights.read(tags, chair_data.nltk_data)
    names = random.Random(0).sample(sorted(expected), 2000)
    for name in names:
        assert {tags[column]: n / 1000 for column, n in weights[name]} == expected[name]
        assert weights.vector(name).sum() == sum(n for _, n in weights[name])
    assert list(weights["no such feature"]) == []
    packed = sum(map(sys.getsizeof, weights._packed.values()))
    plain = sum(sys.getsizeof(e) + sum(map(sys.getsizeof, e.values())) for e in expected.values())
    assert packed * 3 < plain


@pytest.mark.parametrize("content", [b'{"bias": {"NN": 0.5', b'{"bias": {"XX": 1.0}}', b"\xff"])
def test_damaged_weights_are_named(tmp_path, content):
    folder = tmp_path / TAGGER
    folder.mkdir(parents=True)
    (folder / "averaged_perceptron_tagger_eng.weights.json").write_bytes(content)
    with pytest.raises(ChairError, match=r"weights\.json is damaged .* chair-eval setup"):
        Weights.read(["NN", "VB"], tmp_path)


def test_data_is_found_by_environment(chair_data, monkeypatch, tmp_path):
    monkeypatch.setenv("NLTK_DATA", str(chair_data.nltk_data))
    assert search_path()[0] == chair_data.nltk_data
    assert missing_packages() == []
    assert fetch() == chair_data.nltk_data


def test_missing_and_damaged_data(tmp_path, monkeypatch):
    monkeypatch.setattr("chair_eval.nltk_data.search_path", lambda *_: [tmp_path])
    assert missing_packages() == ["averaged_perceptron_tagger_eng", "wordnet"]
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora" / "wordnet.zip").write_bytes(b"PK half")
    with pytest.raises(ChairError, match=r"wordnet\.zip is damaged"):
        Lemmatizer(tmp_path).lemma("dogs", "n")


def test_setup_without_network_says_what_to_do(tmp_path, monkeypatch):
    nltk = pytest.importorskip("nltk")
    monkeypatch.setattr("chair_eval.nltk_data.search_path", lambda *_: [tmp_path])
    monkeypatch.setattr(nltk, "download", lambda *_, **__: False)
    with pytest.raises(ChairError, match="no network"):
        fetch(tmp_path)
