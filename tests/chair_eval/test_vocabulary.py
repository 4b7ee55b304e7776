"""The vocabulary file is the metric's list, defects included; own files are checked."""

import hashlib
import json

import pytest

from chair_eval import ChairError, Matcher, Vocabulary


def digest(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def test_equals_the_published_list():
    """Digests of the published list: its words, their categories, and the double words.

    Left out are the empty word (an accident of the Python 3 ports that nothing can reach) and the
    one double word of three words, which is never looked up.
    """
    ours = Vocabulary.coco()
    words = {name: list(words) for name, words in ours.categories.items()}
    assert digest(words) == "fd0271ac539707b1"
    assert digest(ours.lookup) == "94f8ccd7f288f7eb"
    assert digest(dict(ours.phrases)) == "c2a1815237e61b75"


def test_sizes_and_unmatchable_words():
    ours = Vocabulary.coco()
    assert len(ours.categories) == 80
    assert sum(len(words) for words in ours.categories.values()) == 416
    assert len(ours.lookup) == 403
    assert {" motor bike", " cheesecake", "iPhone", "stove top oven"} <= set(ours.lookup)


def test_digest_follows_the_content():
    assert Vocabulary.coco().digest == Vocabulary.coco().digest
    assert Vocabulary.coco().digest != Vocabulary.coco(strict=True).digest
    assert Vocabulary("a", {"x": ("y",)}).digest != Vocabulary("a", {"x": ("z",)}).digest
    assert Vocabulary("a", {"x": ("y",)}).digest == Vocabulary("b", {"x": ("y",)}).digest


STRICT = {
    "A bus and a minibus.": ["bus", "bus"],
    "My iPhone and a cheesecake.": ["cell phone", "cake"],
    "A motor bike and motor bikes.": ["motorcycle", "motorcycle"],
    "A stove top oven.": ["oven"],
    "Men in ties, vases, canoes.": ["person", "tie", "vase", "boat"],
    "A tennis racket and sports balls.": ["tennis racket", "sports ball"],
    "Two busses, airbuses and collies.": ["bus", "airplane", "dog"],
}


@pytest.mark.parametrize("sentence", STRICT)
def test_strict_words_repair_the_defects(sentence):
    strict, plain = Matcher(Vocabulary.coco(strict=True)), Matcher()
    assert strict.match(sentence).categories == STRICT[sentence]
    assert strict.match(sentence) != plain.match(sentence)


def test_strict_words_in_wordnet(nltk_data):
    strict = Matcher(Vocabulary.coco(strict=True), "wordnet", nltk_data)
    for sentence, categories in STRICT.items():
        assert strict.match(sentence).categories == categories


def test_own_file_finds_every_word(tmp_path):
    path = tmp_path / "fruit.txt"
    path.write_text(
        "# mine\nglasses: glasses, spectacles,\n   opera glasses\nbus: bus, Coach\n"
        "[double words]\nred bus -> bus\n"
    )
    mine = Vocabulary.read(path)
    assert mine.name == "fruit"
    assert mine.categories["glasses"] == ("glasses", "spectacles", "opera glasses")
    found = Matcher(mine).match("Opera glasses, glasses, a coach and a red bus.")
    assert found.words == ["opera glasses", "glasses", "coach", "bus"]


@pytest.mark.parametrize("dialect", ["pattern", "wordnet"])
def test_own_words_are_found_in_every_form(tmp_path, dialect, nltk_data):
    path = tmp_path / "own.txt"
    path.write_text(
        "\ufeffglass: glass, wine glasses\r\nperson: man, men at work\r\nhot dog: hot dog\r\n"
        'dog: dog, dogs\r\nroom: men\'s room, C#, St. Bernard\r\nmeal: "hot, spicy"\r\n',
        "utf-8",
    )
    matcher = Matcher(Vocabulary.read(path), dialect, nltk_data)
    for caption, spans, categories in (
        ("Two glasses.", ["glasses"], ["glass"]),
        ("Wine glasses, a wine glass.", ["Wine glasses", "wine glass"], ["glass", "glass"]),
        ("Hot dogs and dogs", ["Hot dogs", "dogs"], ["hot dog", "dog"]),
        ("A men's room in C#.", ["men's room", "C#"], ["room", "room"]),
        ("A St. Bernard.", ["St. Bernard"], ["room"]),
        ("It is hot, spicy.", ["hot, spicy"], ["meal"]),
    ):
        found = matcher.match(caption)
        assert [caption[slice(*span)] for span in found.spans] == spans
        assert found.categories == categories


def test_a_phrase_costs_no_single_word(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("person: person, man\nsign: men working\n")
    matcher = Matcher(Vocabulary.read(path))
    assert matcher.match("two men").categories == ["person"]
    assert matcher.match("a sign of men working").categories == ["sign"]


def test_own_json(tmp_path):
    path = tmp_path / "v.json"
    path.write_text('{"tram": ["tram", "street car"]}')
    assert Matcher(Vocabulary.read(path)).match("Trams and a street car").words == [
        "tram",
        "street car",
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("v.txt", "dog puppy\n", "line 1: expected 'category: word"),
        ("v.txt", "dog: dog\n[colours]\n", r"line 2: unknown section \[colours\]"),
        ("v.txt", "# nothing\n", "no category found"),
        ("v.txt", "dog:\n", "line 1"),
        ("v.json", "[1]", "must be a JSON object"),
        ("v.json", "{", "must be a JSON object"),
        ("v.json", "{}", "at least one category"),
        ("v.json", '{"a": []}', "category 'a' needs .* found"),
        ("v.json", '{"dog": "puppy"}', "category 'dog' needs .* found 'puppy'"),
        ("v.json", '{"dog": ["a", null]}', "a list of words"),
        ("v.json", '{"": ["a"]}', "needs a name"),
        ("v.json", "[" * 100_000, "must be a JSON object"),
    ],
)
def test_bad_files(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ChairError, match=message):
        Vocabulary.read(path)


def test_missing_and_binary_file(tmp_path):
    with pytest.raises(ChairError, match="cannot read the vocabulary"):
        Vocabulary.read(tmp_path / "no.txt")
    (tmp_path / "b.txt").write_bytes(b"dog: \xff")
    with pytest.raises(ChairError, match="cannot read the vocabulary"):
        Vocabulary.read(tmp_path / "b.txt")
