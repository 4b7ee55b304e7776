"""Records and the list of measures say the same of the same number."""

import pytest

from analysis.measures import measure_table
from analysis.runs import ANALYSES, KEYS, TABLES


def described(schema):
    return {f.name: {k.decode(): v.decode() for k, v in f.metadata.items()} for f in schema}


@pytest.mark.parametrize("name", [*TABLES, *ANALYSES])
def test_every_column_has_a_meaning(name):
    columns = described({**TABLES, **ANALYSES}[name])
    assert all(column["meaning"] for column in columns.values())
    assert len({column["meaning"] for column in columns.values()}) == len(columns)


@pytest.mark.parametrize("name", measure_table())
def test_units_are_those_of_the_measures(name):
    measure = measure_table()[name]
    column = name.removeprefix("kept_")
    homes = {"image": ["images", "corruption"], "kept": ["kept", "threshold", "sensitivity"]}
    found = [
        described({**TABLES, **ANALYSES}[table])[column]["unit"]
        for table in homes.get(measure.about, ["sensitivity"])
        if column in ({**TABLES, **ANALYSES}[table]).names
    ]
    assert found
    assert set(found) == {measure.unit}


def test_keys_are_columns():
    for table, keys in KEYS.items():
        assert set(keys) <= set(TABLES[table].names)
