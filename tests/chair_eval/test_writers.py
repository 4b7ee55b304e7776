"""Where results go: files, links, devices, standard output; never over an input."""

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from chair_eval import ChairError, UsageError
from chair_eval.command import run
from chair_eval.options import ScoreOptions
from chair_eval.writers import destination

CAPTIONS = "data/chair/example_captions.jsonl"
TRUTH = "data/chair/example_ground_truth.jsonl"


def write(output, text="done – ✓\n"):
    with destination(output) as file:
        file.write(text)


def test_a_file_is_replaced_at_the_end_and_kept_on_failure(tmp_path):
    path = tmp_path / "new" / "out.txt"
    write(path)
    assert path.read_text("utf-8") == "done – ✓\n"
    with pytest.raises(TypeError):
        write(path, text=b"not text")
    assert path.read_text("utf-8") == "done – ✓\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    there, link = tmp_path / "there" / "out.txt", tmp_path / "link.txt"
    there.parent.mkdir()
    link.symlink_to(there)
    for text in ("first\n", "second\n"):
        write(link, text)
        assert link.is_symlink()
        assert there.read_text() == text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_plain_file_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text("utf-8")), daemon=True)
    reader.start()
    write(pipe)
    reader.join(10)
    assert got == ["done – ✓\n"]
    assert pipe.is_fifo()
    null = Path(os.devnull)
    write(null)
    assert null.is_char_device()


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="a folder; name a file in it"):
        write(tmp_path)
    with pytest.raises(ChairError, match=r"cannot write .*choose another place"):
        write(tmp_path / "file" / "out.txt")
    full = Path("/dev/full")
    if full.exists():
        with pytest.raises(ChairError, match="cannot write /dev/full: No space left"):
            write(full)


class Terminal(io.TextIOWrapper):
    """A terminal that knows ASCII alone."""

    def isatty(self):
        return True


def test_standard_output_is_utf8_unless_a_terminal_knows_less(monkeypatch):
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", pipe)
    write(None)
    assert pipe.buffer.getvalue().decode("utf-8") == "done – ✓\n"
    terminal = Terminal(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    write(None)
    assert terminal.buffer.getvalue() == b"done ? ?\n"


@pytest.mark.parametrize("role", ["captions", "truth", "link"])
def test_an_input_is_never_written_over(root, tmp_path, role):
    captions, truth, link = (tmp_path / name for name in ("c.jsonl", "t.jsonl", "link.jsonl"))
    captions.write_bytes((root / CAPTIONS).read_bytes())
    truth.write_bytes((root / TRUTH).read_bytes())
    link.symlink_to(captions)
    output = {"captions": captions, "truth": truth, "link": link}[role]
    before = output.read_bytes()
    with pytest.raises(UsageError, match="which is an input"):
        run(ScoreOptions(files=[str(captions)], ground_truth=truth, output=output))
    assert output.read_bytes() == before
