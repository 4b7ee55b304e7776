"""`agile ls` and the page of the docs are read off the registries."""

import pytest
from typer.testing import CliRunner

from analysis.cli import app, register_commands
from analysis.commands.ls import KINDS
from analysis.errors import UsageError
from analysis.pruners import PRUNERS
from analysis.pruners.document import COLUMNS, page, pruner_rows

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
        assert f" {row['name']} " in text
        assert all(row.values()), row
    assert [row["name"] for row in pruner_rows()] == PRUNERS.names()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_lists_named_and_explained_entries(kind):
    columns, rows = KINDS[kind]()
    assert rows
    for row in rows:
        assert set(row) == set(columns)
        assert all(row[column] for column in columns), row
    text = listed(kind)
    assert all(row["name"] in text for row in rows)


def test_the_page_of_the_docs_is_in_step(root):
    written = (root / "docs" / "pruners.md").read_text(encoding="utf-8")
    assert written == page(), "run: agile ls pruners --markdown > docs/pruners.md"
    assert listed("pruners", "--markdown") == page()


def test_unknown_kind_and_missing_page():
    with pytest.raises(UsageError, match="choose one of: pruners"):
        listed("prunes")
    with pytest.raises(UsageError, match="only pruners"):
        listed("models", "--markdown")
