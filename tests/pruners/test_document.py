"""The page about pruners says what each parameter and each field is."""

from dataclasses import fields

from analysis.pruners.document import entries, page
from analysis.tokens import VisualTokens


def test_every_field_of_an_image_is_described():
    text = page().partition("## Fields")[2].partition("## full")[0]
    for field in fields(VisualTokens):
        assert f"`{field.name}`" in text, field.name


def test_sections_of_a_docstring_are_read_entry_by_entry():
    lines = ["Do it.", "", "Parameters", "----------", "a, b", "    Two", "    lines.", "c"]
    text = "\n".join([*lines, "    ``One``.", "", "Raises", "------", "X", "    Y"])
    assert entries(text, "Parameters") == [(["a", "b"], "Two lines."), (["c"], "`One`.")]
    assert entries(text, "Raises") == [(["X"], "Y")]
    assert entries(text, "Returns") == []
