"""The benchmark's made-up data and its slow form are what they claim to be."""

import io
import json

from chair_eval import GroundTruth, Matcher, Vocabulary
from chair_eval.bench.made import long_captions, write_annotations, write_captions
from chair_eval.bench.slow import pattern_normaliser, slow_mentions
from chair_eval.tokens import tokenize


def test_slow_form_gives_the_same_mentions():
    captions = long_captions(20, seed=5)
    assert captions == long_captions(20, seed=5)
    texts = [text for _, text in captions]
    slow = slow_mentions(texts, Vocabulary.coco(), pattern_normaliser())
    assert slow == [found.categories for found in Matcher().match_many(texts)]
    lengths = [len(tokenize(text.lower())) for text in texts]
    assert 80 < sum(lengths) / len(lengths) < 130


def test_files_have_the_asked_size(tmp_path):
    file = io.StringIO()
    write_captions(file, 5)
    assert [json.loads(line)["image_id"] for line in file.getvalue().splitlines()] == [
        0,
        1,
        2,
        3,
        4,
    ]
    instances, captions = write_annotations(tmp_path, scale=0.0005)
    assert len(json.loads(captions.read_text())["annotations"]) == 308
    assert len(json.loads(instances.read_text())["annotations"]) == 448
    assert len(GroundTruth.from_coco(instances, captions)) == 61
