"""Counts equal the reference numbers; rules for ids, emptiness and intervals hold."""

import math

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chair_eval import ChairError, GroundTruth, Record, UsageError, score
from chair_eval.images import image_key
from chair_eval.tally import COUNTS, METRICS

CAPTIONS = [(1, "A dog and two buses."), ("2", "A dog, a dog."), ("scene-3", "Nothing here.")]


def test_counts_of_our_own_sentences(tricky, matchers):
    """Integer counts of 74 sentences against known sets, in both dialects."""
    captions = [(number, row["sentence"]) for number, row in enumerate(tricky)]
    truth = GroundTruth.from_mapping(
        {number: row["pattern"]["objects"] for number, row in enumerate(tricky)}
    )
    for dialect, matcher in matchers.items():
        found = [row[dialect]["objects"] for row in tricky]
        wrong = [
            sum(name not in row["pattern"]["objects"] for name in row[dialect]["objects"])
            for row in tricky
        ]
        counts = score(captions, truth, matcher=matcher, draws=0).counts
        assert counts["captions"] == len(tricky)
        assert counts["object_mentions"] == sum(map(len, found))
        assert counts["hallucinated_mentions"] == sum(wrong)
        assert counts["hallucinated_captions"] == sum(map(bool, wrong))
        assert counts["tokens"] == sum(len(row[dialect]["raw"]) for row in tricky)
        assert counts["gt_types"] == sum(len(set(row["pattern"]["objects"])) for row in tricky)


def test_small_example(truth):
    result = score([*CAPTIONS, (4, "A toilet seat.")], truth)
    assert result.counts == dict(zip(COUNTS, (4, 1, 2, 5, 3, 5, 18, 14, 4, 1), strict=True))
    assert result.metrics["chair_s"] == 0.25
    assert result.metrics["chair_i"] == 0.4
    assert result.metrics["recall"] == 0.6
    assert result.metrics["precision"] == 0.75
    frame = result.frame
    assert frame["hallucinated"].tolist() == [[False, False], [True, True], [], [False]]
    assert frame["missed"].tolist() == [[], ["cat"], [], ["chair"]]
    assert frame["n_gt"].tolist() == [2, 1, 0, 2]
    assert frame["spans"][0] == [(2, 5), (14, 19)]


def test_forms_of_input_give_the_same(truth):
    pairs = score(CAPTIONS, truth)
    frame = pd.DataFrame(CAPTIONS, columns=["image_id", "caption"])
    dicts = [{"image_id": key, "caption": text} for key, text in CAPTIONS]
    records = [Record(key, text) for key, text in CAPTIONS]
    for other in (frame, dicts, dict(CAPTIONS), records, iter(CAPTIONS)):
        assert score(other, truth).summary == pairs.summary


def test_summary_names_the_dialect_and_the_vocabulary(nltk_data):
    truth = GroundTruth({1: frozenset({"dog"})}, flavour="pattern")
    result = score([(1, "A dog and a cat.")], truth, preset="opera", nltk_data=nltk_data)
    summary = result.summary
    assert (summary["preset"], summary["dialect"], summary["ground_truth"]) == (
        "opera",
        "wordnet",
        "pattern",
    )
    assert len(summary["vocabulary_hash"]) == 16
    assert summary["bootstrap"]["draws"] == 10_000
    assert set(summary["n"]) == set(METRICS)


def test_nothing_to_divide_by_is_nan(truth):
    result = score([("scene-3", "")], truth)
    assert math.isnan(result.metrics["chair_i"])
    assert math.isnan(result.metrics["recall"])
    assert result.metrics["chair_s"] == 0.0
    assert result.summary["n"]["chair_i"] == 0
    assert math.isnan(result.intervals["chair_i"][0])
    nothing = score([], truth)
    assert all(math.isnan(value) for value in nothing.metrics.values())
    assert all(count == 0 for count in nothing.counts.values())
    assert len(nothing.frame) == 0


def test_a_caption_without_objects_stays_in_the_denominator(truth):
    assert score([(2, "A dog."), (1, "Grass.")], truth).metrics["chair_s"] == 0.5


def test_unknown_images(truth):
    captions = [(1, "A dog."), (77, "A cat."), ("x", "A cat.")]
    with pytest.raises(ChairError, match=r"4 images.* of 2 captions: 77 .*'x'.*--unknown skip"):
        score(captions, truth)
    result = score(captions, truth, unknown="skip")
    assert result.counts["captions"] == 1
    assert result.about["n_unknown_skipped"] == 2
    assert result.counts["hallucinated_mentions"] == 0


def test_repeated_images(truth):
    captions = [(1, "A dog."), ("1", "A cat.")]
    with pytest.raises(ChairError, match="'1' has a caption already"):
        score(captions, truth, duplicates="error")
    assert score(captions, truth, duplicates="first").counts["captions"] == 1
    kept = score(captions, truth)
    assert (kept.counts["captions"], kept.about["n_duplicates"], kept.about["n_images"]) == (
        2,
        1,
        1,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "chair"}, "allowed: rohrbach2018, opera, wordnet"),
        ({"dialect": "latin"}, "allowed: pattern, wordnet"),
        ({"unknown": "keep"}, "allowed: error, skip"),
        ({"duplicates": "last"}, "allowed: keep, error, first"),
        ({"level": 1.0}, "between 0 and 1"),
        ({"draws": -1}, "0 to 1,000,000"),
        ({"draws": 1.5}, "0 to 1,000,000"),
        ({"seed": -1}, "whole numbers from 0"),
        ({"seed": None}, "whole numbers from 0"),
        ({"preset": "opera", "dialect": "pattern"}, "means dialect"),
    ],
)
def test_wrong_parameters(truth, arguments, message):
    with pytest.raises(UsageError, match=message):
        score(CAPTIONS, truth, **arguments)


def test_preset_must_fit_the_ground_truth():
    wordnet = GroundTruth({1: frozenset()}, flavour="wordnet")
    with pytest.raises(UsageError, match="means captions in 'pattern'"):
        score([(1, "")], wordnet, preset="rohrbach2018")


@pytest.mark.parametrize(
    ("captions", "message"),
    [
        ([(1, None)], "NoneType, expected a string"),
        ([(1.5, "x")], "not a whole number"),
        ([(None, "x")], "neither a number nor a string"),
        ([("", "x")], "empty string"),
        ([5], "expected .image id, caption"),
        ([{"image": 1}], "expected the keys"),
    ],
)
def test_bad_captions(truth, captions, message):
    with pytest.raises(ChairError, match=message):
        score(captions, truth)


def test_frame_without_the_columns(truth):
    with pytest.raises(ChairError, match="no column caption"):
        score(pd.DataFrame({"image_id": [1]}), truth)


def test_categories_must_be_in_the_vocabulary():
    with pytest.raises(ChairError, match="lacks: spoonbill"):
        score([(1, "x")], GroundTruth.from_mapping({1: {"spoonbill"}}))


def test_equal_seeds_give_equal_intervals():
    truth = GroundTruth.from_mapping({i: {"dog"} for i in range(40)})
    captions = [(i, "A dog. " * (1 + i % 7) + "A cat." * (i % 3)) for i in range(40)]
    first = score(captions, truth, seed=3)
    assert first.intervals == score(captions, truth, seed=3).intervals
    assert first.intervals != score(captions, truth, seed=4).intervals
    assert math.isnan(score(captions, truth, draws=0).intervals["chair_s"][0])


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (7, 7),
        ("7", 7),
        (7.0, 7),
        ("COCO_val2014_000000310196.jpg", 310196),
        ("val2014/COCO_val2014_000000310196.jpg", 310196),
        ("000000310196.png", 310196),
        ("000000310196", 310196),
        ("scene-0007", "scene-0007"),
        ("7.jpg", "7.jpg"),
    ],
)
def test_image_keys(value, key):
    assert image_key(value) == key


@given(st.lists(st.sampled_from(["A dog.", "A cat and a bus.", "Grass."]), max_size=8))
def test_a_caption_without_objects_leaves_chair_i(texts):
    truth = GroundTruth.from_mapping({i: {"dog"} for i in range(20)})
    captions = list(enumerate(texts))
    before = score(captions, truth, draws=0)
    after = score([*captions, (19, "Grass.")], truth, draws=0)
    assert before.counts["object_mentions"] == after.counts["object_mentions"]
    if texts:
        assert after.metrics["chair_s"] <= before.metrics["chair_s"]


def test_tables_of_other_libraries_and_mappings(truth):
    rows = {"image_id": [1, "2"], "caption": ["A dog.", "A dog."]}
    table = pa.table({"image_id": ["1", "2"], "caption": rows["caption"]})
    series = pd.Series(rows["caption"], index=rows["image_id"])
    for captions in (pd.DataFrame(rows), table, series, dict(series)):
        assert score(captions, truth, draws=0).counts["hallucinated_mentions"] == 1


@pytest.mark.parametrize("captions", ["captions.jsonl", b"x", None, 3])
def test_what_is_no_collection_of_captions_is_refused(truth, captions):
    with pytest.raises(UsageError, match="allowed: a frame, a mapping, or pairs"):
        score(captions, truth)


def test_a_mapping_is_a_ground_truth():
    result = score([(1, "A dog and a cat.")], {"1": ["dog"]}, draws=0)
    assert result.metrics["chair_i"] == 0.5
    assert result.about["ground_truth"] == "given"
