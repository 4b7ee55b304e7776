"""Facts of the CHAIR tests; with the reference captions beside the checkout, those as well."""

import json
from pathlib import Path

import pytest

from chair_eval import GroundTruth, Matcher

HERE = Path(__file__).parent
# Captions of others are not in this repository; where they lie beside it, they are checked too.
REFERENCE = HERE.parents[2] / "shared" / "data"
collect_ignore = [] if (REFERENCE / "chair").is_dir() else ["test_reference.py"]


@pytest.fixture(scope="session")
def nltk_data():
    """As much of NLTK's data as these tests' sentences need."""
    return HERE / "nltk_data"


@pytest.fixture(scope="session")
def matchers(nltk_data):
    return {name: Matcher(dialect=name, nltk_data=nltk_data) for name in ("pattern", "wordnet")}


@pytest.fixture(scope="session")
def tricky():
    """Our own sentences with the mentions that the reference scripts find in them."""
    lines = (HERE / "facts" / "tricky_sentences.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def truth():
    return GroundTruth.from_mapping(
        {1: {"dog", "bus"}, 2: {"cat"}, "scene-3": set(), 4: {"toilet", "chair"}}
    )
