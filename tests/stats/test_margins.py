"""Smallest effects of interest come from a file that users can change."""

import pytest

from analysis.errors import UsageError
from analysis.stats.margins import Margins


def test_declared_margins():
    found = Margins.load()
    assert found.of("accuracy") == 1
    assert found.relative("erank")
    assert not found.relative("CHAIR_s")
    assert found.of("attention_mass") == 0  # none declared: no margin


def test_a_file_changes_some_and_keeps_the_rest(tmp_path):
    path = tmp_path / "margins.yaml"
    path.write_text("accuracy: {value: 2.5, unit: points}\n")
    found = Margins.load(path)
    assert found.of("accuracy") == 2.5
    assert found.of("erank") == 10


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("accuracy: 2", "margin of accuracy is 2"),
        ("accuracy: {value: -1, unit: points}", "above 0"),
        ("accuracy: {value: 1, unit: apples}", "points, percent"),
        ("accuracy: {value: true, unit: points}", "a number above 0"),
        ("- 1", "holds no margins"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path, text, match):
    path = tmp_path / "margins.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=match):
        Margins.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        Margins.load(tmp_path / "nowhere.yaml")
