"""What others put into a data set costs one image or one sentence, never the machine."""

import io
import json
import os
import struct
import subprocess
import zlib

import pyarrow.parquet as pq
import pytest
from PIL import Image

from analysis.datasets import load_dataset
from analysis.datasets.base import MAX_ID, MAX_TEXT
from analysis.datasets.checks import WrongFileError, check_file
from analysis.datasets.images import FORMATS, SUFFIXES, UnreadableImageError, load_image
from analysis.errors import UsageError
from tests.datasets.hub import hub_parquet, jpeg, png, pope_rows

BOX = {"image_id": 1, "category_id": 1}


def thin_png(width=1, height=30_000):
    """Return a PNG of a few hundred bytes whose square is 900 million pixels."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (height * (1 + (width + 7) // 8)), 9)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg())
    return tmp_path


def test_a_small_file_cannot_ask_for_gigabytes_and_the_others_are_read(folder):
    data = thin_png()
    assert len(data) < 250
    (folder / "thin.png").write_bytes(data)
    opened = load_dataset(f"folder:{folder}")
    with pytest.raises(UnreadableImageError, match="padded to a square, are more than the limit"):
        opened.image("thin.png")
    assert opened.image("a.jpg").size == (4, 3)
    assert load_image(thin_png(9459, 9000)).size == (9459, 9000)
    with pytest.raises(UnreadableImageError, match="longer than 200 times"):
        load_image(thin_png(1, 201))
    assert load_image(thin_png(200, 1)).size == (200, 1)


def test_only_named_formats_are_opened(tmp_path, monkeypatch):
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "EPS")
    (tmp_path / "x.jpg").write_bytes(stream.getvalue())

    def started(*_args, **_kwargs):
        raise AssertionError("another program was started")

    monkeypatch.setattr(subprocess, "check_call", started)
    monkeypatch.setattr(subprocess, "Popen", started)
    with pytest.raises(UnreadableImageError, match="not an image"):
        load_image(tmp_path / "x.jpg")
    known = {kind for suffix, kind in Image.registered_extensions().items() if suffix in SUFFIXES}
    assert known <= set(FORMATS)


def test_pipes_are_skipped_or_said_and_never_waited_for(folder):
    os.mkfifo(folder / "pipe.png")
    assert load_dataset(f"folder:{folder}").ids() == ["a.jpg"]
    with pytest.raises(UnreadableImageError, match=r"pipe\.png: it is a pipe or device"):
        load_image(folder / "pipe.png")
    os.mkfifo(folder / "questions.jsonl")
    with pytest.raises(UsageError, match=r"questions\.jsonl is a pipe or device"):
        load_dataset(f"folder:{folder}")


def test_a_locked_folder_is_an_error(folder, monkeypatch):
    (folder / "locked").mkdir()
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageError, match=r"locked' cannot be listed \(Permission denied\)"):
        load_dataset(f"folder:{folder}")


def test_names_that_are_not_utf8_are_named(folder):
    with open(os.fsencode(folder) + b"/caf\xe9.jpg", "wb") as out:
        out.write(jpeg())
    with pytest.raises(UsageError, match=r"image 'caf\\udce9\.jpg' is not valid text"):
        load_dataset(f"folder:{folder}")


@pytest.mark.parametrize("path", ["~nobody-at-all/x", "x" * 5000, "a/" * 4000, "a\0b"])
@pytest.mark.parametrize("name", ["folder", "pope", "mme", "coco-chair", "scienceqa-img", "hf"])
def test_paths_no_file_can_have_are_one_sentence(name, path):
    with pytest.raises(UsageError) as raised:
        load_dataset(f"{name}:{path}")
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"question": "x" * (MAX_TEXT + 1)},
            r"question 'x.*more than the limit of 16,384; shorten",
        ),
        ({"question": "x", "question_id": "y" * (MAX_ID + 1)}, "question_id .* limit of 4,096"),
        ({"question": "\ud800"}, r"question '\\ud800' is not valid text"),
        ({"question": "x", "label": "\udfff"}, "label .* is not valid text"),
        ({"question": "x", "image": "/etc/x.png"}, "lies outside the folder"),
        ({"question": "x", "image": "b/../../x.png"}, "lies outside the folder"),
        ({"question": "x", "image": "nul\0.png"}, "lies outside the folder"),
        ({"question": "x", "weight": float("nan")}, "NaN is no JSON number"),
        ({"question": "x", "weight": 12345}, "is not valid JSON"),
    ],
)
def test_a_hostile_question_is_one_sentence(folder, row, message):
    text = json.dumps({"image": "a.jpg", **row}).replace("12345", "9" * 5000)
    (folder / "questions.jsonl").write_text(text)
    with pytest.raises(UsageError, match=message):
        load_dataset(f"folder:{folder}").sample("a.jpg")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 400, "9" * 5000])
def test_boxes_are_four_numbers(folder, number):
    coco = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": [{**BOX, "bbox": [0, 0, 1, 0.5]}],
        "categories": [{"id": 1, "name": "dog"}],
    }
    (folder / "instances_x.json").write_text(json.dumps(coco).replace("0.5", number))
    with pytest.raises(UsageError, match=r"instances_x\.json is not"):
        load_dataset(f"folder:{folder}")


def test_captions_are_bounded(folder):
    row = {"image": "a.jpg", "caption": "dog " * MAX_TEXT}
    (folder / "captions.jsonl").write_text(json.dumps(row))
    with pytest.raises(UsageError, match=r"captions\.jsonl:1: caption .*more than the limit"):
        load_dataset(f"folder:{folder}")


@pytest.mark.parametrize("kind", ["pope", "hf"])
@pytest.mark.parametrize("path", ["{root}/secret.png", "../secret.png", "x/../../secret.png"])
def test_a_path_in_a_table_cannot_leave_its_folder(tmp_path, path, kind):
    (tmp_path / "secret.png").write_bytes(png("red"))
    inner = tmp_path / "data"
    hub_parquet(inner / "random-0.parquet", pope_rows("random", ("a", "b")))
    table = pq.read_table(inner / "random-0.parquet").to_pylist()
    for row, name in zip(table, (path.format(root=tmp_path), "own.png", "own.png"), strict=True):
        row["image"] = {"bytes": None, "path": name}
    (inner / "own.png").write_bytes(png("blue"))
    import pyarrow as pa

    pq.write_table(pa.Table.from_pylist(table), inner / "random-0.parquet")
    where = f"pope:{inner}:split=random" if kind == "pope" else f"hf:{inner}/random-0.parquet"
    data = load_dataset(where)
    with pytest.raises(UnreadableImageError, match="names a file outside its folder"):
        data.image(data.ids()[0])
    assert data.image(data.ids()[-1]).getpixel((0, 0)) == (0, 0, 255)


def test_a_damaged_row_group_costs_its_images_and_not_the_file(tmp_path):
    path = tmp_path / "random-0.parquet"
    hub_parquet(path, pope_rows("random", ("a", "b")))
    group = pq.ParquetFile(path).metadata.row_group(1)
    chunks = [group.column(i) for i in range(group.num_columns)]
    chunk = next(c for c in chunks if c.path_in_schema == "image.bytes")
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(bytes(data))
    opened = load_dataset(f"pope:{tmp_path}:split=random")
    assert opened.ids() == ["a", "b"]
    assert opened.image("a").getpixel((0, 0)) == (255, 0, 0)
    with pytest.raises(UnreadableImageError, match=r"b: random-0\.parquet is damaged here"):
        opened.image("b")


def test_what_arrives_cut_short_without_a_digest_is_refused(tmp_path):
    hub_parquet(tmp_path / "x.parquet", pope_rows("random"))
    (tmp_path / "x.jpg").write_bytes(jpeg())
    (tmp_path / "x.png").write_bytes(png("red"))
    for path in tmp_path.iterdir():
        assert check_file(path, {}).checked == "size"
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(WrongFileError, match="is no whole"):
            check_file(path, {})
