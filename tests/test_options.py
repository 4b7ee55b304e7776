"""Options are declared once: the dataclass checks them and the command line is made of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from analysis.errors import UsageError
from analysis.flags import flags
from analysis.options import build, check, option


@dataclass(frozen=True)
class Trip:
    """Where to."""

    place: str = option("Where.")
    days: int = option("How long.", 3, low=1)
    by: str = option("How.", "rail", choices=("rail", "foot"), kw_only=True)
    stops: tuple[str, ...] = option("Stops.", ())
    hours: tuple[int, ...] = option("Hours.", (9, 17))
    guide: Path | None = option("A book.", None)
    paid: bool = option("Whether it is paid.", False)
    quiet: bool = True

    def __post_init__(self):
        check(self)


def called(*arguments):
    """Run a command with these options; returns what it received, or the result when it fails."""
    found, app = [], typer.Typer()

    @app.command()
    @flags(trip=Trip)
    def go(trip: dict[str, Any], loud: Annotated[bool, typer.Option(help="Loud.")] = False):
        """Go."""
        found.append((trip, loud))

    result = CliRunner().invoke(app, list(arguments))
    return found[0] if found else result


def test_only_what_is_given_is_passed_on_and_lists_are_split():
    given, loud = called(
        "--place", "Ulm", "--hours", "8, 9", "--stops", "a,b", "--no-paid", "--loud"
    )
    assert given == {"place": "Ulm", "hours": (8, 9), "stops": ("a", "b"), "paid": False}
    assert loud
    assert build(Trip, given).days == 3
    assert called("--guide", "b.md")[0] == {"guide": Path("b.md")}


def test_help_shows_the_declared_defaults_and_no_other_field():
    text = called("--help").output
    assert "(rail)" in text
    assert "(9,17)" in text
    assert "--quiet" not in text


def test_wrong_numbers_name_the_flag():
    error = called("--hours", "nine").exception
    assert isinstance(error, UsageError)
    assert str(error) == "--hours 'nine' must be whole numbers, such as 128,64,32."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"plaice": "Ulm"}, "unknown configuration key 'plaice'; did you mean place?"),
        ({}, "--place is missing"),
        ({"place": "Ulm", "days": 0}, "days is 0; it must be at least 1"),
        ({"place": "Ulm", "by": "air"}, "by is 'air'; choose one of: rail, foot"),
    ],
)
def test_what_is_not_allowed_is_one_sentence(values, message):
    with pytest.raises(UsageError, match=message):
        build(Trip, values)


def test_lists_of_a_file_become_tuples():
    assert build(Trip, {"place": "Ulm", "stops": ["a"]}).stops == ("a",)
