import email.utils
import errno
import hashlib
import os
import time

import pytest

from analysis.datasets.download import Manners, declared_digest, fetch, retry_after
from analysis.errors import AgileError, UsageError

BODY = bytes(range(256)) * 1200  # 300 KB


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def waits():
    return []


@pytest.fixture
def manners(waits):
    return Manners(attempts=3, wait=1, timeout=5, sleep=waits.append)


def test_a_whole_file_arrives_and_is_recorded(server, tmp_path, manners):
    server.files["/x.bin"] = BODY
    seen = []
    target = tmp_path / "deep" / "x.bin"
    received = fetch(f"{server.base}/x.bin", target, manners=manners, progress=seen.append)
    assert target.read_bytes() == BODY
    assert received.size == sum(seen) == len(BODY)
    assert received.sha256 == sha256(BODY)
    assert received.checked == "size"
    assert os.listdir(target.parent) == ["x.bin"]
    assert server.requests[0]["User-Agent"].startswith("agilepruner-analysis/")


def test_a_cut_connection_continues_where_it_stopped(server, tmp_path, manners, waits):
    server.files["/x.bin"] = BODY
    server.misdeeds = [("cut", 100_000), ("cut", 50_000)]
    seen = []
    received = fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=manners,
                     progress=seen.append)  # fmt: skip
    assert received.sha256 == sha256(BODY)
    assert [r.get("Range") for r in server.requests] == [None, "bytes=100000-", "bytes=150000-"]
    assert server.requests[1]["If-Range"] == '"v1"'
    assert sum(seen) == len(BODY)  # nothing was fetched twice
    assert waits == [1, 1]  # each attempt got further, so the pause did not grow


def test_a_server_that_falls_silent_is_left_and_asked_again(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.misdeeds = [("stall", 60_000)]
    hasty = Manners(attempts=2, timeout=0.3, sleep=waits.append)
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=hasty)
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert len(waits) == 1
    assert server.requests[1]["Range"] == "bytes=60000-"


def test_a_later_call_continues_too(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.misdeeds = [("cut", 100_000)]
    once = Manners(attempts=1, sleep=waits.append)
    with pytest.raises(AgileError, match=r"did not deliver x\.bin \(connection cut at 100,000 of"):
        fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=once)
    assert not (tmp_path / "x.bin").exists()
    assert (tmp_path / "x.bin.part").stat().st_size == 100_000
    seen = []
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=once, progress=seen.append)
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert server.requests[1]["Range"] == "bytes=100000-"
    assert seen[0] == 100_000
    assert sorted(os.listdir(tmp_path)) == ["x.bin"]


def test_a_part_of_an_older_version_is_thrown_away(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    server.misdeeds = [("cut", 100_000)]
    once = Manners(attempts=1, sleep=waits.append)
    with pytest.raises(AgileError):
        fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=once)
    server.files["/x.bin"], server.etag = BODY[::-1], '"v2"'
    seen = []
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=once, progress=seen.append)
    assert (tmp_path / "x.bin").read_bytes() == BODY[::-1]
    assert sum(seen) == len(BODY)


def test_a_server_that_continues_another_version_is_found_out(server, tmp_path, waits):
    """Some servers send the rest of what they have now, whatever If-Range says."""
    server.files["/x.bin"] = BODY
    server.misdeeds = [("cut", 100_000)]
    once = Manners(attempts=1, sleep=waits.append)
    with pytest.raises(AgileError):
        fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=once)
    server.files["/x.bin"], server.etag = BODY[::-1], '"v2"'
    server.heeds_if_range = False
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=Manners(sleep=waits.append))
    assert "Range" in server.requests[1]
    assert (tmp_path / "x.bin").read_bytes() == BODY[::-1]


def test_a_server_without_ranges_or_validators_starts_anew(server, tmp_path, manners):
    server.files["/x.bin"] = BODY
    server.ranges = False
    server.misdeeds = [("cut", 100_000)]
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=manners)
    assert (tmp_path / "x.bin").read_bytes() == BODY
    server.ranges, server.etag = True, ""
    server.misdeeds = [("cut", 100_000)]
    fetch(f"{server.base}/x.bin", tmp_path / "y.bin", manners=manners)
    assert (tmp_path / "y.bin").read_bytes() == BODY
    assert "Range" not in server.requests[-1]  # nothing says that it is still the same file


def test_a_part_that_is_whole_already_is_only_checked(server, tmp_path, manners):
    server.files["/x.bin"] = BODY
    (tmp_path / "x.bin.part").write_bytes(BODY)
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", [("sha256", sha256(BODY))], manners=manners)
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert len(server.requests) == 1


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path, manners):
    server.files["/x.bin"] = BODY
    (tmp_path / "x.bin.part").write_bytes(BODY + b"more")
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", [("sha256", sha256(BODY))], manners=manners)
    assert (tmp_path / "x.bin").read_bytes() == BODY


def test_a_damaged_part_is_noticed_and_fetched_once_more(server, tmp_path, manners):
    server.files["/x.bin"] = BODY
    (tmp_path / "x.bin.part").write_bytes(b"?" * 1000)
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", [("sha256", sha256(BODY))], manners=manners)
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert [r.get("Range") for r in server.requests] == ["bytes=1000-", None]


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_a_wrong_checksum_is_tried_twice_then_refused(server, tmp_path, manners, kind):
    server.files["/x.bin"] = BODY
    right = hashlib.new(kind, BODY).hexdigest()
    fetch(f"{server.base}/x.bin", tmp_path / "right", [(kind, right)], manners=manners)
    wrong = "0" * len(right)
    with pytest.raises(AgileError, match=rf"wrong checksum \({kind} {right}, expected {wrong}"):
        fetch(f"{server.base}/x.bin", tmp_path / "x.bin", [(kind, wrong)], manners=manners)
    assert len(server.requests) == 3
    assert os.listdir(tmp_path) == ["right"]


def test_one_bad_delivery_is_repaired_by_the_second(server, tmp_path, manners):
    server.files["/x.bin"] = BODY
    server.misdeeds = [("change",)]
    received = fetch(
        f"{server.base}/x.bin", tmp_path / "x.bin", [("md5", hashlib.md5(BODY).hexdigest())],
        manners=manners,
    )  # fmt: skip
    assert received.checked == "md5"
    assert received.sha256 == sha256(BODY)


def test_the_digest_a_hub_declares_on_its_redirect_is_checked(server, tmp_path, manners):
    server.files["/real.bin"] = BODY
    for declared, good in ((sha256(BODY), True), (sha256(b"other"), False)):
        redirect = ("status", 302, ("Location", "/real.bin"), ("X-Linked-ETag", f'"{declared}"'))
        server.misdeeds = [redirect, ("none",), redirect]
        if good:
            received = fetch(f"{server.base}/r", tmp_path / "x", manners=manners)
            assert received.checked == "sha256 of the server"
        else:
            with pytest.raises(AgileError, match="wrong checksum"):
                fetch(f"{server.base}/r", tmp_path / "y", manners=manners)


def test_the_md5_an_s3_server_declares_is_checked(server, tmp_path, manners):
    server.files["/x.bin"] = BODY
    server.headers["Server"] = "AmazonS3"
    server.etag = f'"{hashlib.md5(BODY).hexdigest()}"'
    received = fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=manners)
    assert received.checked == "md5 of the server"
    server.etag = f'"{hashlib.md5(b"other").hexdigest()}"'
    with pytest.raises(AgileError, match="wrong checksum"):
        fetch(f"{server.base}/x.bin", tmp_path / "y.bin", manners=manners)
    assert (
        declared_digest({"Server": "AmazonS3", "ETag": '"0a379cfc70b0e71301e0f377548639bd-9"'})
        is None
    )
    assert declared_digest({"ETag": '"0a379cfc70b0e71301e0f377548639bd"'}) is None


def test_size_and_first_bytes_where_no_digest_is_known(server, tmp_path, manners):
    server.files["/x.zip"] = b"<html>please log in</html>"
    with pytest.raises(AgileError, match=r"x\.zip is no zip file but something else"):
        fetch(f"{server.base}/x.zip", tmp_path / "x.zip", manners=manners)
    with pytest.raises(AgileError, match=r"x\.zip has 26 bytes, not 27"):
        fetch(f"{server.base}/x.zip", tmp_path / "x.zip", size=27, manners=manners)
    assert os.listdir(tmp_path) == []


def test_pauses_double_and_follow_the_server(server, tmp_path, waits):
    server.files["/x.bin"] = BODY
    manners = Manners(attempts=6, wait=1, longest_wait=100, sleep=waits.append)
    server.misdeeds = [
        ("status", 503),
        ("status", 500),
        ("status", 429, ("Retry-After", "17")),
        ("status", 502),
    ]
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=manners)
    assert waits == [1, 2, 17, 8]
    server.misdeeds = [("status", 429, ("Retry-After", "3600"))]
    with pytest.raises(AgileError, match="asks to wait 3600 s"):
        fetch(f"{server.base}/x.bin", tmp_path / "y.bin", manners=manners)


def test_retry_after_may_be_a_date():
    soon = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert 25 < retry_after({"Retry-After": soon}) <= 30
    assert retry_after({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}) == 0
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None


def test_giving_up_names_host_file_and_remedy(server, tmp_path, manners, waits):
    server.misdeeds = [("status", 503)] * 3
    with pytest.raises(AgileError, match=r"127.*did not deliver x\.bin \(HTTP 503\).*--mirror"):
        fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=manners)
    assert waits == [1, 2]
    with pytest.raises(AgileError, match=r"HTTP 404 for gone\.bin; the file may have moved"):
        fetch(f"{server.base}/gone", tmp_path / "gone.bin", manners=manners)
    assert len(server.requests) == 4  # a 404 is not asked for again
    with pytest.raises(AgileError, match="connection failed"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x.bin", manners=manners)
    with pytest.raises(UsageError, match="neither http nor https"):
        fetch("file:///etc/hostname", tmp_path / "x.bin", manners=manners)


def test_a_full_disk_is_one_sentence_and_keeps_the_part(server, tmp_path, manners, monkeypatch):
    server.files["/x.bin"] = BODY

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(AgileError, match=r"cannot be written \(No space left on device\)"):
            fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=manners)
    assert (tmp_path / "x.bin.part").exists()
    fetch(f"{server.base}/x.bin", tmp_path / "x.bin", manners=manners)
    assert (tmp_path / "x.bin").read_bytes() == BODY


def test_manners_name_the_field_and_the_range():
    with pytest.raises(ValueError, match="attempts=0 is not allowed; at least 1"):
        Manners(attempts=0)
