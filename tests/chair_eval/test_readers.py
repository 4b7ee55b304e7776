"""Captions from every kind of file; what is wrong is said with file and line."""

import gzip
import io
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chair_eval import ChairError, UsageError
from chair_eval.readers import Keys, read_captions, reader_of
from chair_eval.records import Record

ROWS = [{"image_id": 1, "caption": "A dog.\nÉté"}, {"image_id": "x", "caption": ""}]


def written(tmp_path, kind):
    path = tmp_path / f"captions.{kind}"
    lines = "\n".join(json.dumps(row) for row in ROWS)
    if kind == "parquet":
        ids = [str(row["image_id"]) for row in ROWS]
        texts = [row["caption"] for row in ROWS]
        pq.write_table(pa.table({"image_id": ids, "caption": texts}), path)
    elif kind == "csv":
        path.write_text('\ufeffimage_id,caption\n1,"A dog.\nÉté"\nx,\n', "utf-8")
    elif kind == "json":
        path.write_text(json.dumps(ROWS, indent=2))
    elif kind == "jsonl.gz":
        path.write_bytes(gzip.compress(lines.encode()))
    else:
        path.write_text(f"\ufeff{lines}\n\n  \n", "utf-8")
    return path


@pytest.mark.parametrize("kind", ["json", "jsonl", "jsonl.gz", "csv", "parquet"])
def test_every_kind_reads_the_same(tmp_path, kind):
    found = list(read_captions(written(tmp_path, kind)))
    assert [(str(record.image_id), record.caption) for record in found] == [
        ("1", "A dog.\nÉté"),
        ("x", ""),
    ]
    assert all(str(tmp_path) in record.where for record in found)


def test_standard_input(monkeypatch):
    for text in (json.dumps(ROWS), "\n".join(map(json.dumps, ROWS))):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert len(list(read_captions("-"))) == 2


def test_json_lines_in_a_json_file(tmp_path):
    path = tmp_path / "answers.json"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    assert len(list(read_captions(path))) == 2


def test_other_key_names(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"question_id": 3, "text": "A dog."}\n')
    (record,) = read_captions(path, Keys("question_id", "text"))
    assert (record.image_id, record.caption) == (3, "A dog.")
    with pytest.raises(
        ChairError, match=r"line 1: no key 'image_id' .*question_id, text.*--image-"
    ):
        list(read_captions(path))
    with pytest.raises(ChairError, match="--caption-key"):
        list(read_captions(path, Keys("question_id", "caption")))


GOOD = b'{"image_id": 1, "caption": "A dog."}\n'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"", "no caption in it"),
        ("a.jsonl", b"\n \n", "no caption in it"),
        ("a.json", b"[]", "no caption in it"),
        ("a.jsonl", GOOD + b'{"image_id": 2, "capt', "line 2: not complete JSON"),
        ("a.jsonl", GOOD + b"\n\xff\xfe\n", "line 3: not UTF-8"),
        ("a.jsonl", GOOD + b"5\n", "line 2: expected an object, found int"),
        ("a.jsonl", b'{"image_id": 1, "caption": 5}', "line 1: the caption is int"),
        ("a.jsonl", b'{"image_id": 1, "caption": null}', "NoneType"),
        ("a.json", b'[{"image_id": 1,\n"caption": "x"},\n{"ima', "line 3: not complete JSON"),
        ("a.json", b'[{"image_id": 1,\n"caption": "\xff"}]', "line 2: not UTF-8"),
        ("a.json", b'[{"image_id": 1}]', "entry 1: no key 'caption'"),
        ("a.csv", b"image_id,caption\n1,a,b\n", "line 2: more fields"),
        ("a.csv", b"image_id,caption\n1\n", "line 2: no key 'caption'"),
        ("a.csv", b"image_id,caption\n1,\xff\n", "line 2: not UTF-8"),
        ("a.csv", b'image_id,caption\n1,"x', "unexpected end"),
        ("a.csv", b"image_id,caption\n", "no caption in it"),
        ("a.parquet", b"PAR1", "not a complete Parquet"),
        ("a.jsonl.gz", gzip.compress(GOOD * 50)[:-20], "not a complete gzip"),
        ("a.json.gz", gzip.compress(GOOD, mtime=0)[:12] + b"\xff" * 30, "not a complete gzip"),
        ("a.jsonl.gz", GOOD, "not a complete gzip"),
        ("a.csv", b'image_id,caption\n1,a\n2,"x\ny', "row that begins on line 3: unexpected end"),
        ("a.csv", "image_id,caption\n1,a".encode("utf-16-le"), "line 1: zero bytes.*as UTF-8"),
        ("a.jsonl", GOOD.decode().encode("utf-16"), "line 1: zero bytes"),
        ("a.jsonl", GOOD + b"\0" * 4096, "line 2: zero bytes, as in .* a half-written file"),
        ("a.json", b"[\n\n{}, \xff]", "line 3: not UTF-8 .byte 5 of the line"),
        ("a.json", b'{\n "annotations": []}', "a list of objects"),
        ("a.json", b"[" * 100_000, "not a JSON list"),
        ("a.json", str({str(i): "A dog" for i in range(99)}).replace("'", '"').encode(), "7, …"),
    ],
)
def test_bad_input_names_file_and_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ChairError, match=message) as caught:
        list(read_captions(path))
    assert str(path) in str(caught.value)


def test_carriage_returns_end_the_lines_of_a_csv_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes('image_id,caption\r1,"A dog,\u2028\ra cat"\r2,A bus\r'.encode())
    assert [record.caption for record in read_captions(path)] == ["A dog,\u2028\ra cat", "A bus"]


def test_a_caption_of_a_megabyte(tmp_path):
    for name, content in (
        ("a.csv", f'image_id,caption\n1,"{"A dog. " * 150_000}"\n'),
        ("a.json.gz", json.dumps([{"image_id": 1, "caption": "A dog. " * 150_000}])),
    ):
        path = tmp_path / name
        raw = content.encode()
        path.write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
        (record,) = read_captions(path)
        assert len(record.caption) == 1_050_000


def test_missing_file_and_unknown_kind(tmp_path):
    with pytest.raises(ChairError, match="no such file"):
        list(read_captions(tmp_path / "no.jsonl"))
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UsageError, match=r"accepted: \.json, \.jsonl"):
        list(read_captions(tmp_path / "a.txt"))
    with pytest.raises(ChairError, match="not a run folder"):
        list(read_captions(tmp_path))


def test_parquet_without_the_column(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image_id": [1]}), path)
    with pytest.raises(ChairError, match="no column 'caption'"):
        list(read_captions(path))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, 200),
    junk=st.binary(max_size=12),
    kind=st.sampled_from(["json", "jsonl", "csv"]),
)
def test_damaged_files_never_pass_silently(tmp_path, cut, junk, kind):
    """A file cut anywhere, with junk at the end, either reads as captions or says what is wrong."""
    path = written(tmp_path, kind)
    path.write_bytes(path.read_bytes()[:cut] + junk)
    message, found = "", []
    try:
        found = list(read_captions(path))
    except ChairError as error:
        message = str(error)
    assert bool(found) != bool(message)
    assert not message or str(path) in message
    assert all(isinstance(record.caption, str) for record in found)


class Readers:
    """What another package provides under ``chair_eval.readers``."""

    def load(self):
        return self

    def is_run(self, path):
        return (path / "mine").is_file()

    def records(self, path, variant=None):
        yield Record("s-1", f"A dog in {variant}.", str(path))


def test_folders_are_read_by_what_is_installed_for_them(tmp_path, monkeypatch):
    monkeypatch.setattr("chair_eval.readers.entry_points", lambda **_: [Readers()])
    with pytest.raises(ChairError, match="is not a run folder"):
        read_captions(tmp_path)
    (tmp_path / "mine").touch()
    assert [record.caption for record in read_captions(tmp_path, variant="full")] == [
        "A dog in full."
    ]
    assert reader_of(tmp_path / "mine") is None
    assert reader_of("-") is None
