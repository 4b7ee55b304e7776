"""Captions and questions say only what is true, in words CHAIR knows."""

import re

import pytest

from analysis.scenes.captions import CAPTION_PROMPT, captions_for, full_caption, noun_phrase
from analysis.scenes.questions import SPLITS, questions_for
from analysis.scenes.scene import make_scene, split_seeds
from analysis.scenes.world import CATEGORIES, plural, themes, with_article
from chair_eval import Matcher, Vocabulary

_FORMS = {form: name for name in CATEGORIES for form in (name, plural(name))}
_PATTERN = re.compile(r"\b(" + "|".join(sorted(_FORMS, key=len, reverse=True)) + r")\b")


@pytest.fixture(scope="module")
def scenes():
    """Eighty development scenes."""
    return [make_scene(seed) for seed in split_seeds("dev")[5100:5180]]


def mentioned(text):
    """Return the categories a text names."""
    return {_FORMS[form] for form in _PATTERN.findall(text)}


def test_five_captions_tell_the_truth(scenes):
    for scene in scenes:
        captions = captions_for(scene)
        assert len(captions) == len(set(captions)) == 5
        for text in captions:
            assert mentioned(text)
            assert mentioned(text) <= set(scene.counts)
        assert mentioned(captions[0]) == set(scene.counts)


def test_full_caption_reads_well():
    counts = {"person": 2, "umbrella": 1, "dog": 7, "sheep": 3}
    assert full_caption(counts) == (
        "the image features two people, an umbrella and several dogs. there are also three sheep."
    )
    assert noun_phrase("bench", 2) == "two benches"


def test_prompt_names_no_category():
    assert not mentioned(CAPTION_PROMPT)


def test_questions_are_balanced_and_true(scenes):
    for scene in scenes:
        asked = questions_for(scene)
        assert asked == questions_for(scene)
        for split in SPLITS:
            labels = sorted(q.label for q in asked if q.split == split)
            assert labels == ["no", "yes"]
        for question in asked:
            assert (question.category in scene.counts) == (question.label == "yes")
            assert question.text == f"is there {with_article(question.category)} in the image?"


def test_adversarial_questions_stay_closer_to_the_theme_than_random_ones(scenes):
    def share(split):
        absent = [
            q.category in themes()[s.theme].categories
            for s in scenes
            for q in questions_for(s)
            if q.split == split and q.label == "no"
        ]
        return sum(absent) / len(absent)

    assert share("adversarial") > share("random") + 0.3


# The nouns that WordNet's lemmatiser makes of plurals which are not the name and an s; all other
# plurals lose their s. From the metric's own table of word forms.
_IRREGULAR = {"people": "people", "sheep": "sheep", "benches": "bench", "couches": "couch"}


@pytest.mark.parametrize("name", CATEGORIES)
def test_both_dialects_of_chair_see_one_and_many(name):
    for phrase in (noun_phrase(name, 1), noun_phrase(name, 2)):
        assert Matcher().match(f"the image features {phrase}.").categories == [name]
    if " " not in name:
        lemma = _IRREGULAR.get(plural(name), plural(name).removesuffix("s"))
        assert name in Vocabulary.coco().categories
        assert Vocabulary.coco().lookup[lemma] == name
