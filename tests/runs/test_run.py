"""A run is read whole, by columns, by rows and in pieces; what is unfinished is left out."""

import os

import pytest

from analysis.errors import AgileError, UsageError
from analysis.runs import KEYS, TABLES, Run


def test_a_table_is_read_in_shard_order_with_its_schema(run):
    for name, schema in TABLES.items():
        assert run.table(name).schema.equals(schema, check_metadata=True)
    assert run.images["image_id"].tolist() == list("012345")
    assert len(run.answers) == 15
    assert run.kept.empty


def test_columns_and_rows_can_be_chosen(run):
    found = run.table("answers", ["image_id"], {"variant": "fps@9", "image_id": ["5", "1"]})
    assert found.to_pydict() == {"image_id": ["1", "5"]}
    assert run.table("answers", KEYS["images"], {"task": "choice"}).num_rows == 0


def test_pieces_together_are_the_run(run):
    pieces = list(run.pieces(shards=2))
    assert [len(piece.images) for piece in pieces] == [4, 2]
    assert [row for piece in pieces for row in piece.table("answers").to_pylist()] == run.table(
        "answers"
    ).to_pylist()


@pytest.mark.parametrize("table", TABLES)
def test_a_shard_that_lacks_a_table_is_missing_from_all(run, table):
    (run.path / f"{table}-00001.parquet").unlink()
    again = Run.open(run.path)
    assert (again.finished, again.missing) == ([0, 2], [1])
    assert again.images["image_id"].tolist() == ["0", "1", "4", "5"]
    assert [piece.finished for piece in again.pieces(shards=1)] == [[0], [2]]


def test_no_shard_is_an_empty_table(tmp_path):
    run = Run.create(tmp_path / "run", {"n_shards": 1, "config": {}})
    assert run.table("images").schema.equals(TABLES["images"])
    assert run.table("images", ["status"]).column_names == ["status"]
    assert list(run.pieces()) == []


def test_a_second_writer_joins_only_the_same_run(run):
    same = {"n_shards": 3, "config": {"seed": 0}, "provenance": {"data": {"n": 6}}}
    assert Run.create(run.path, same).manifest == run.manifest
    with pytest.raises(UsageError, match="seed: 0 there, 1 now"):
        Run.create(run.path, {**same, "config": {"seed": 1}})
    with pytest.raises(UsageError, match="images: 6 there, 7 now"):
        Run.create(run.path, {**same, "provenance": {"data": {"n": 7}}})
    assert not [name for name in os.listdir(run.path) if name.endswith(".tmp")]


def test_a_damaged_shard_and_an_unknown_table_are_one_sentence(run):
    piece = next(run.pieces())
    (run.path / "images-00001.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(AgileError, match=r"cannot be read .*images-00001.*extract command again"):
        piece.table("images")
    with pytest.raises(UsageError, match="unknown table 'image'; choose one of: images, kept"):
        run.table("image")


def test_an_analysis_comes_back_with_what_it_was_made_with(run):
    assert run.analysis("corruption").empty
    assert run.analysis_note("corruption", 0) == {}
    row = {"image_id": "0", "corruption": "clean", "severity": 0, "erank": 2.0}
    run.write_analysis("corruption", 0, [row], {"settings": {"seed": 1}})
    run.write_analysis("corruption", 1, [], {"settings": {"seed": 1}})
    assert run.analysis("corruption")["erank"].tolist() == [2.0]
    assert run.analysis_note("corruption", 1)["settings"] == {"seed": 1}
    assert [file.name for file in run.files][:2] == [
        "analysis-corruption-00000.parquet",
        "analysis-corruption-00001.parquet",
    ]
    assert run.files[-1].name == "run.json"
