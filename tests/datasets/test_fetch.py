import io
import json
import stat
import zipfile

import pytest

from analysis.datasets.archives import unpack
from analysis.datasets.coco_chair import CocoChair
from analysis.datasets.fetch import Patience, get, need_space, parse_checksum
from analysis.datasets.manifest import MANIFEST, verify
from analysis.datasets.sources import RemoteFile, Source, all_sources, find_source
from analysis.errors import AgileError, UsageError
from tests.datasets.hub import jpeg


def zipped(entries, links=()):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in entries.items():
            out.writestr(name, data)
        for name, goal in links:
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            out.writestr(info, goal)
    return stream.getvalue()


def source(base, *files):
    return Source("toy", "r1", files, "toy data", "none", base)


@pytest.fixture
def patience():
    return Patience(attempts=2, wait=0, timeout=5)


TREE = {"a/one.json": b"1" * 1000, "a/two.json": b"2" * 2000, "other.json": b"3"}
ARCHIVE = RemoteFile("toy.zip", members=("a/one.json", "a/two.json"))


def test_only_the_named_members_stay_and_a_second_call_fetches_nothing(server, tmp_path, patience):
    server.files = {"/toy.zip": zipped(TREE), "/pictures/x.jpg": jpeg()}
    toy = source(server.base, ARCHIVE, RemoteFile("pictures/x.jpg"))
    entries = list(get(toy, tmp_path, patience=patience))
    assert [entry.path for entry in entries] == ["a/one.json", "a/two.json", "pictures/x.jpg"]
    found = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert found == ["a/one.json", "a/two.json", MANIFEST, "pictures/x.jpg"]
    assert (tmp_path / "a" / "two.json").read_bytes() == TREE["a/two.json"]
    requests = len(server.requests)
    assert list(get(toy, tmp_path, patience=patience)) == entries
    assert len(server.requests) == requests
    assert [finding.state for finding in verify(tmp_path)] == ["ok"] * 3


def test_verify_finds_what_changed_and_get_repairs_it(server, tmp_path, patience):
    server.files = {f"/{n}.jpg": jpeg(50 * n) for n in range(4)}
    toy = source(server.base, *(RemoteFile(f"{n}.jpg") for n in range(4)))
    list(get(toy, tmp_path, patience=patience))
    (tmp_path / "0.jpg").unlink()
    (tmp_path / "1.jpg").write_bytes(b"short")
    (tmp_path / "2.jpg").write_bytes(bytes(len(jpeg(100))))
    states = {finding.path: finding.state for finding in verify(tmp_path)}
    assert states == {"0.jpg": "missing", "1.jpg": "changed", "2.jpg": "changed", "3.jpg": "ok"}
    (tmp_path / "2.jpg").unlink()
    list(get(toy, tmp_path, patience=patience))
    assert {finding.state for finding in verify(tmp_path)} == {"ok"}


def test_an_interrupted_call_loses_nothing(server, tmp_path, patience):
    server.files = {"/0.jpg": jpeg(0), "/1.jpg": jpeg(1)}
    files = (RemoteFile("0.jpg"), RemoteFile("gone.jpg"))
    with pytest.raises(AgileError, match="404"):
        list(get(source(server.base, *files), tmp_path, patience=patience))
    server.files["/gone.jpg"] = jpeg(1)
    before = len(server.requests)
    assert len(list(get(source(server.base, *files), tmp_path, patience=patience))) == 2
    assert [request["path"] for request in server.requests[before:]] == ["/gone.jpg"]


def test_two_processes_do_not_fill_one_folder(server, tmp_path, patience):
    server.files = {"/0.jpg": jpeg(0), "/1.jpg": jpeg(1)}
    toy = source(server.base, *(RemoteFile(f"{n}.jpg") for n in range(2)))
    first = get(toy, tmp_path, patience=patience)
    next(first)
    with pytest.raises(AgileError, match="another process is filling"):
        next(get(toy, tmp_path, patience=patience))
    first.close()
    assert len(list(get(toy, tmp_path, patience=patience))) == 2
    (tmp_path / "file").touch()
    with pytest.raises(AgileError, match="cannot be written"):
        next(get(toy, tmp_path / "file", patience=patience))


def test_a_mirror_takes_the_place_of_the_host(server, tmp_path, patience):
    server.files = {"/copy/x.jpg": jpeg()}
    toy = source("http://unreachable.invalid", RemoteFile("x.jpg"))
    entries = list(get(toy, tmp_path, mirror=f"{server.base}/copy/", patience=patience))
    assert entries[0].url == f"{server.base}/copy/x.jpg"


def test_a_users_checksum_wins(server, tmp_path, patience):
    server.files = {"/x.jpg": jpeg()}
    toy = source(server.base, RemoteFile("x.jpg"))
    wrong = dict([parse_checksum("x.jpg=" + "0" * 64)])
    with pytest.raises(AgileError, match="wrong checksum"):
        list(get(toy, tmp_path, checksums=wrong, patience=patience))
    with pytest.raises(UsageError, match=r"sha256 for 'y\.jpg': toy has the files x\.jpg"):
        list(get(toy, tmp_path, checksums={"y.jpg": {"sha256": "0" * 64}}, patience=patience))


@pytest.mark.parametrize("text", ["x", "=" + "0" * 64, "x=12", "x=sha256:" + "g" * 64, "x=crc:12"])
def test_unusable_checksums_are_refused(text):
    with pytest.raises(UsageError, match="write FILE=HEX"):
        parse_checksum(text)


def test_a_truncated_zip_is_removed_and_named(server, tmp_path, patience):
    whole = zipped(TREE)
    server.files = {"/toy.zip": whole[: len(whole) // 2]}
    toy = source(server.base, ARCHIVE)
    with pytest.raises(AgileError, match=r"toy\.zip is no whole zip file .*was deleted"):
        list(get(toy, tmp_path, patience=patience))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    server.files = {"/toy.zip": whole}
    assert len(list(get(toy, tmp_path, patience=patience))) == 2


def test_a_flipped_byte_inside_a_member_fails_its_crc(tmp_path):
    data = bytearray(zipped({"a/one.json": bytes(range(256)) * 20}))
    data[60] ^= 0xFF
    (tmp_path / "toy.zip").write_bytes(bytes(data))
    with pytest.raises(AgileError, match="truncated or damaged"):
        unpack(tmp_path / "toy.zip", tmp_path / "out", ["a/one.json"])
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [tmp_path / "toy.zip"]


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [(6, 1, "encrypted"), (8, 99, "compression method")],
    ids=["encrypted", "unknown compression"],
)
def test_a_member_nobody_here_can_read_is_one_sentence(tmp_path, place, value, says):
    data = bytearray(zipped({"a/one.json": b"{}"}))
    data[place] = value  # in the member's own header, and two bytes on in the directory's
    data[data.index(b"PK\x01\x02") + place + 2] = value
    (tmp_path / "toy.zip").write_bytes(bytes(data))
    with pytest.raises(AgileError, match=f"cannot be unpacked here .*{says}"):
        unpack(tmp_path / "toy.zip", tmp_path / "out", ["a/one.json"])
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [tmp_path / "toy.zip"]


@pytest.mark.parametrize(
    "name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:/evil.txt"]
)
def test_an_entry_that_leaves_the_folder_spoils_the_archive(server, tmp_path, patience, name):
    server.files = {"/toy.zip": zipped({**TREE, name: b"evil"})}
    folder = tmp_path / "inner" / "target"
    with pytest.raises(AgileError, match="leaves its folder; nothing was unpacked"):
        list(get(source(server.base, ARCHIVE), folder, patience=patience))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_link_in_the_archive_spoils_it(tmp_path):
    (tmp_path / "toy.zip").write_bytes(zipped(TREE, links=[("a/link", "/etc")]))
    with pytest.raises(AgileError, match="leaves its folder"):
        unpack(tmp_path / "toy.zip", tmp_path / "out", ["a/one.json"])


def test_missing_and_swollen_members(tmp_path):
    (tmp_path / "toy.zip").write_bytes(zipped({"big.json": bytes(100_000)}))
    with pytest.raises(AgileError, match=r"has no member a/one\.json"):
        unpack(tmp_path / "toy.zip", tmp_path / "out", ["a/one.json"])
    with pytest.raises(AgileError, match="100,000 bytes, more than the limit of 99,999"):
        unpack(tmp_path / "toy.zip", tmp_path / "out", ["big.json"], max_member=99_999)


def test_a_folder_of_another_data_set_or_revision_is_refused(server, tmp_path, patience):
    server.files = {"/x.jpg": jpeg()}
    toy = source(server.base, RemoteFile("x.jpg"))
    list(get(toy, tmp_path, patience=patience))
    newer = Source("toy", "r2", toy.files, base=server.base)
    with pytest.raises(UsageError, match="holds toy at r1, not toy at r2; choose another folder"):
        list(get(newer, tmp_path, patience=patience))
    for text in ("no json", "[]", '{"name": "toy", "revision": "r1", "files": [{"x": 1}]}'):
        (tmp_path / MANIFEST).write_text(text)
        with pytest.raises(UsageError, match="delete it"):
            list(get(toy, tmp_path, patience=patience))
    with pytest.raises(UsageError, match=r"has no agile-data\.json"):
        list(verify(tmp_path / "nowhere"))


def test_the_table_pins_every_source():
    sources = all_sources()
    assert sources.names() == ["coco-chair", "pope", "mme", "scienceqa-img"]
    for entry in map(sources.get, sources):
        assert len({file.path for file in entry.files}) == len(entry.files)
        assert bool(entry.repository) == (len(entry.revision) == 40)
        assert entry.summary
        assert entry.license
    images = [f for f in find_source("coco-chair").files if f.path.endswith(".jpg")]
    assert len(images) == 500
    with pytest.raises(UsageError, match="did you mean pope"):
        find_source("popes")


def test_space_is_checked_before_anything_is_fetched(tmp_path):
    huge = source("http://x.invalid", RemoteFile("x", size=1 << 60))
    with pytest.raises(AgileError, match="needs at least 1,152,921,504,606,846,976 bytes"):
        need_space(huge, tmp_path / "not" / "yet")


def test_what_get_writes_is_what_the_reader_reads(server, tmp_path, patience):
    pictures = find_source("coco-chair").files[1:3]
    notes = {"images": [], "annotations": [], "categories": []}
    members = find_source("coco-chair").files[0].members
    server.files = {f"/{file.path}": jpeg() for file in pictures}
    server.files["/toy.zip"] = zipped({name: json.dumps(notes) for name in members})
    toy = source(server.base, RemoteFile("toy.zip", members=members), *pictures)
    list(get(toy, tmp_path, patience=patience))
    data = CocoChair(tmp_path)
    assert data.has_captions_annotation
    assert (tmp_path / pictures[0].path).name == data.sample(data.ids()[0]).file_name
