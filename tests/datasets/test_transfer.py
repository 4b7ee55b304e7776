"""Files from a loopback server that misbehaves, through pooch and through huggingface_hub."""

import errno
import hashlib
import os
import types

import pytest

from analysis.datasets.fetch import Patience, get
from analysis.datasets.manifest import MANIFEST
from analysis.datasets.sources import RemoteFile, Source
from analysis.datasets.transfer import from_web, refusal
from analysis.errors import AgileError, UsageError

BODY = bytes(range(256)) * 1200  # 300 KB
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def waits(monkeypatch):
    found = []
    monkeypatch.setattr("analysis.datasets.fetch.sleep", found.append)
    return found


def fetch(server, folder, name="x.bin", checksums=None, size=None, **patience):
    """Get one file of a web server; return its entry in the manifest."""
    file = RemoteFile(name, checksums or {}, size)
    source = Source("toy", "r1", (file,), base=server.base)
    return next(get(source, folder, patience=Patience(**{"attempts": 3, "timeout": 5, **patience})))


def ranges(server):
    return [request.get("Range") for request in server.requests]


def test_a_whole_file_arrives_and_is_recorded(server, tmp_path, waits):
    server.files["/deep/x.bin"] = BODY
    entry = fetch(server, tmp_path, "deep/x.bin")
    assert (tmp_path / "deep" / "x.bin").read_bytes() == BODY
    assert (entry.size, entry.sha256, entry.checked) == (len(BODY), sha256(BODY), "size")
    assert entry.url == f"{server.base}/deep/x.bin"
    assert os.listdir(tmp_path / "deep") == ["x.bin"]
    assert server.requests[0]["User-Agent"].startswith("agilepruner-analysis/")
    assert waits == []


def test_a_cut_connection_continues_where_it_stopped(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.misdeeds = [("cut", 131_072), ("cut", 65_536)]
    entry = fetch(server, tmp_path, checksums={"sha256": sha256(BODY)})
    assert (entry.sha256, entry.checked) == (sha256(BODY), "sha256")
    assert ranges(server) == [None, "bytes=131072-", "bytes=196608-"]
    assert waits == [1, 1]  # each attempt got further, so the pause did not grow


def test_a_later_call_continues_too(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.misdeeds = [("cut", 131_072)]
    known = {"sha256": sha256(BODY)}
    with pytest.raises(AgileError, match=r"did not deliver x\.bin \(connection failed: .*--mirror"):
        fetch(server, tmp_path, checksums=known, attempts=1)
    assert sorted(os.listdir(tmp_path)) == ["x.bin.part"]
    fetch(server, tmp_path, checksums=known, attempts=1)
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert ranges(server)[1] == "bytes=131072-"
    assert sorted(os.listdir(tmp_path)) == [MANIFEST, "x.bin"]


def test_without_a_checksum_nothing_is_continued(server, tmp_path, waits):
    """Nothing would say that the rest is of the same file."""
    server.files["/x.bin"] = BODY
    server.misdeeds = [("cut", 131_072)]
    fetch(server, tmp_path)
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert ranges(server) == [None, None]


def test_a_server_that_falls_silent_is_left_and_asked_again(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.misdeeds = [("stall", 131_072)]
    fetch(server, tmp_path, checksums={"sha256": sha256(BODY)}, timeout=0.3)
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert len(waits) == 1
    assert ranges(server)[1] == "bytes=131072-"


def test_a_server_without_ranges_starts_anew(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.ranges = False
    server.misdeeds = [("cut", 131_072)]
    fetch(server, tmp_path, checksums={"sha256": sha256(BODY)})
    assert (tmp_path / "x.bin").read_bytes() == BODY


@pytest.mark.parametrize("part", [b"?" * 1000, BODY + b"more", BODY])
def test_a_part_that_is_damaged_too_long_or_whole_is_repaired(server, tmp_path, waits, part):
    server.files["/x.bin"] = BODY
    (tmp_path / "x.bin.part").write_bytes(part)
    fetch(server, tmp_path, checksums={"sha256": sha256(BODY)})
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert ranges(server) == [f"bytes={len(part)}-", None]


def test_a_part_of_an_older_version_is_thrown_away(server, tmp_path, waits):
    server.files["/x.bin"] = BODY[::-1]
    (tmp_path / "x.bin.part").write_bytes(BODY[:100_000])
    fetch(server, tmp_path, checksums={"sha256": sha256(BODY[::-1])})
    assert (tmp_path / "x.bin").read_bytes() == BODY[::-1]


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_a_wrong_checksum_is_tried_twice_then_refused(server, tmp_path, waits, kind):
    server.files["/x.bin"] = BODY
    right = hashlib.new(kind, BODY).hexdigest()
    fetch(server, tmp_path / "right", checksums={kind: right})
    wrong = "0" * len(right)
    with pytest.raises(AgileError, match=rf"wrong checksum \({kind} {right}, expected {wrong}"):
        fetch(server, tmp_path / "wrong", checksums={kind: wrong})
    assert len(server.requests) == 3
    assert os.listdir(tmp_path / "wrong") == []


def test_one_bad_delivery_is_repaired_by_the_second(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.misdeeds = [("change",)]
    known = {"md5": hashlib.md5(BODY).hexdigest(), "sha1": hashlib.sha1(BODY).hexdigest()}
    entry = fetch(server, tmp_path, checksums=known)
    assert (entry.checked, entry.sha256) == ("md5, sha1", sha256(BODY))


def test_the_md5_an_s3_server_declares_is_checked(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.headers["Server"] = "AmazonS3"
    server.etag = f'"{hashlib.md5(BODY).hexdigest()}"'
    assert fetch(server, tmp_path / "a").checked == "md5 of the server"
    server.etag = f'"{hashlib.md5(b"other").hexdigest()}"'
    with pytest.raises(AgileError, match="wrong checksum"):
        fetch(server, tmp_path / "b")
    server.etag = f'"{hashlib.md5(b"other").hexdigest()}-9"'  # of an object in parts
    assert fetch(server, tmp_path / "c").checked == "size"
    server.etag, server.headers["Server"] = f'"{hashlib.md5(b"other").hexdigest()}"', "nginx"
    assert fetch(server, tmp_path / "d").checked == "size"


def test_size_and_first_bytes_where_no_digest_is_known(server, tmp_path, waits):
    server.files["/x.zip"] = b"<html>please log in</html>"
    with pytest.raises(AgileError, match=r"x\.zip is no whole zip file"):
        fetch(server, tmp_path, "x.zip")
    with pytest.raises(AgileError, match=r"x\.zip has 26 bytes, not 27"):
        fetch(server, tmp_path, "x.zip", size=27)
    assert os.listdir(tmp_path) == []


def test_pauses_double_and_follow_the_server(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.misdeeds = [
        ("status", 503),
        ("status", 500),
        ("status", 429, ("Retry-After", "17")),
        ("status", 502),
    ]
    fetch(server, tmp_path, attempts=6)
    assert waits == [1, 2, 17, 8]
    server.misdeeds = [("status", 429, ("Retry-After", "3600"))]
    with pytest.raises(AgileError, match="asks to wait 3600 s"):
        fetch(server, tmp_path / "again")


def test_giving_up_names_host_file_and_remedy(server, tmp_path, waits):
    server.misdeeds = [("status", 503)] * 3
    with pytest.raises(AgileError, match=r"127.*did not deliver x\.bin \(HTTP 503\).*--mirror"):
        fetch(server, tmp_path)
    assert waits == [1, 2]
    with pytest.raises(AgileError, match=r"HTTP 404 for gone\.bin; the file may have moved"):
        fetch(server, tmp_path, "gone.bin")
    assert len(server.requests) == 4  # a 404 is not asked for again
    nowhere = types.SimpleNamespace(base="http://127.0.0.1:9")
    with pytest.raises(AgileError, match="connection failed"):
        fetch(nowhere, tmp_path)
    toy = Source("toy", "r1", (RemoteFile("x"),))
    with pytest.raises(UsageError, match="neither http nor https"):
        next(get(toy, tmp_path, mirror="file:///etc/hostname"))


@pytest.mark.parametrize(
    ("address", "goal"),
    [
        ("https://secure.example/x", "http://plain.example/x"),
        ("https://secure.example/x", "HTTP://plain.example/x"),
        ("https://secure.example/x", "ftp://plain.example/x"),
        ("http://secure.example/x", "ftp://plain.example/x"),
    ],
)
def test_nothing_goes_from_an_encrypted_address_to_a_plain_one(
    tmp_path, monkeypatch, address, goal
):
    """A redirect as requests hands it to the hook."""
    answer = types.SimpleNamespace(
        is_redirect=True,
        url=address,
        headers={"Location": goal},
        status_code=302,
    )

    def get_once(_url, hooks, **_):
        hooks["response"](answer)

    monkeypatch.setattr("requests.get", get_once)
    with pytest.raises(
        AgileError, match=r"secure\.example redirects to an address that is not https"
    ):
        from_web(address, tmp_path / "x", tmp_path / "x.part", False, 1)


def test_a_full_disk_is_one_sentence_and_keeps_the_part(server, tmp_path, waits, monkeypatch):
    server.files["/x.bin"] = BODY

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("analysis.datasets.transfer.os.replace", full)
        with pytest.raises(AgileError, match=r"cannot be written \(No space left on device\)"):
            fetch(server, tmp_path)
    assert (tmp_path / "x.bin.part").exists()
    fetch(server, tmp_path)
    assert (tmp_path / "x.bin").read_bytes() == BODY


def test_patience_names_the_field_and_the_range():
    with pytest.raises(ValueError, match="attempts=0 is not allowed; at least 1"):
        Patience(attempts=0)


def test_a_broken_connection_is_no_final_answer():
    assert not refusal(ConnectionError("reset by peer")).final
    assert refusal(ConnectionError("reset by peer")).reason == "connection failed: reset by peer"


@pytest.fixture
def hub(server):
    """A hub with one repository; ``declared`` is what it says the file's SHA-256 is."""
    server.etag = f'"{sha256(BODY)}"'
    server.headers["X-Repo-Commit"] = COMMIT
    server.headers["X-Linked-Size"] = str(len(BODY))
    server.files[f"/datasets/owner/set/resolve/{COMMIT}/data/test-0.bin"] = BODY
    return server


def from_hub(hub, folder, name="data/test-0.bin", **options):
    source = Source("toy", COMMIT, (RemoteFile(name),), repository="owner/set")
    patience = Patience(attempts=2, timeout=5)
    return next(get(source, folder, hub.base, patience=patience, **options))


def test_a_hub_file_is_pinned_and_checked_by_the_digest_the_hub_declares(hub, tmp_path, waits):
    entry = from_hub(hub, tmp_path)
    assert (tmp_path / "data" / "test-0.bin").read_bytes() == BODY
    assert (entry.sha256, entry.checked) == (sha256(BODY), "sha256 of the server")
    assert entry.url == f"{hub.base}/datasets/owner/set/resolve/{COMMIT}/data/test-0.bin"
    asked = len(hub.requests)
    assert from_hub(hub, tmp_path) == entry
    assert len(hub.requests) == asked
    hub.etag = f'"{sha256(b"other")}"'
    with pytest.raises(AgileError, match="wrong checksum"):
        from_hub(hub, tmp_path / "other")
    assert not (tmp_path / "other" / "data" / "test-0.bin").exists()


def test_a_hub_without_the_file_or_out_of_reach_is_one_sentence(hub, tmp_path, waits, monkeypatch):
    with pytest.raises(AgileError, match=r"HTTP 404 for gone\.bin; the file may have moved"):
        from_hub(hub, tmp_path, "gone.bin")
    nowhere = types.SimpleNamespace(base="http://127.0.0.1:9")
    with pytest.raises(AgileError, match=r"did not deliver test-0\.bin \(connection failed"):
        from_hub(nowhere, tmp_path)
