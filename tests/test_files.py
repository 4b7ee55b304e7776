"""A file is written whole or not at all, never through a link, and the dead leave nothing."""

import errno

import pytest

from analysis.digests import content_digest
from analysis.errors import AgileError
from analysis.files import write_atomically, write_text


def test_a_full_disk_keeps_what_was_there(tmp_path):
    def full(file):
        file.write_text("ha")
        raise OSError(errno.ENOSPC, "No space left on device")

    path = write_text(tmp_path / "page.md", "before")
    with pytest.raises(AgileError, match="no space left"):
        write_atomically(path, full)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["page.md"]


def test_nothing_is_written_through_a_link_or_onto_a_folder(tmp_path):
    (tmp_path / "target").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(AgileError, match="a link, a folder or a device has that name"):
            write_text(tmp_path / name, "theirs")
    assert (tmp_path / "target").read_text() == "mine"


def test_temporaries_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    dead = tmp_path / ".page.md.0123456789abcdef.tmp"
    dead.write_text("half")

    def nested(file):
        assert not dead.exists()
        write_text(tmp_path / "page.md", "inner")
        assert file.exists()
        file.write_text("outer")

    write_atomically(tmp_path / "page.md", nested)
    assert (tmp_path / "page.md").read_text() == "outer"
    assert [file.name for file in tmp_path.iterdir()] == ["page.md"]


def test_one_byte_anywhere_changes_the_digest_and_a_cache_is_no_need(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "set" / "weights"
    file.parent.mkdir()
    file.write_bytes(bytes(5 << 20))
    before = content_digest(file.parent, [file])
    assert before == content_digest(file.parent, [file])
    for cache in (tmp_path / "cache").rglob("*.json"):
        cache.write_text("[")
    assert before == content_digest(file.parent, [file])
    with file.open("r+b") as stream:
        stream.seek(2 << 20)
        stream.write(b"x")
    assert before != content_digest(file.parent, [file])
