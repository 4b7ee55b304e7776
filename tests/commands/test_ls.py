"""`agile ls` and the page of the docs are read off the registries."""

import re

import pytest
from typer.testing import CliRunner

from analysis.catalogue import METHODS
from analysis.cli import app, register_commands
from analysis.commands.ls import KINDS, page
from analysis.errors import UsageError
from analysis.pruners.document import COLUMNS, pruner_rows

if not app.registered_commands:
    register_commands()


def listed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["ls", *arguments])
    if result.exception:
        raise result.exception
    return result.stdout


def test_every_pruner_has_a_row_with_every_column():
    text = listed("pruners")
    for column in COLUMNS:
        assert column in text
    for row in pruner_rows():
        assert any(line.split()[:1] == [row["name"]] for line in text.splitlines()), row["name"]
        assert all(row.values()), row
    assert [row["name"] for row in pruner_rows()] == METHODS.names()


def test_deviations_are_numbers_of_notes_below_the_table():
    found = KINDS["pruners"]()
    for row in found.rows:
        told = [found.notes[int(n) - 1] for n in row["deviations"].split() if n != "none"]
        assert told == list(METHODS.get(row["name"]).cls.deviations)
    text = listed("pruners")
    assert all(f"{i:>3}  {note}\n" in text for i, note in enumerate(found.notes, 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [80, 120])
def test_names_are_whole_in_a_narrow_terminal(kind, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = re.sub(r"\x1b\[[0-9;]*m", "", listed(kind))
    found = KINDS[kind]()
    for row in found.rows:
        assert any(line.split()[:1] == [row["name"]] for line in text.splitlines()), row["name"]
    table = text.split("\n  1  ")[0]
    assert max(map(len, table.splitlines())) <= width


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_lists_named_and_explained_entries(kind):
    found = KINDS[kind]()
    assert found.rows
    for row in found.rows:
        assert set(row) == set(found.columns)
        assert all(row[column] for column in found.columns), row
    text = listed(kind)
    assert all(row["name"] in text for row in found.rows)


@pytest.mark.parametrize("kind", KINDS)
def test_the_pages_of_the_docs_are_in_step(root, kind):
    written = (root / "docs" / f"{kind}.md").read_text(encoding="utf-8")
    assert written == page(kind), f"run: agile ls {kind} --markdown > docs/{kind}.md"
    assert listed(kind, "--markdown") == written


def test_unknown_kind():
    with pytest.raises(UsageError, match="choose one of: pruners"):
        listed("prunes")
