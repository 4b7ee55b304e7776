"""What is given to make is text: no shell and no make reads it."""

import shlex
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")


def commands(root, target, *given):
    """Return what make would do, as words, without doing it."""
    call = ["make", "--dry-run", "--assume-old=.venv/extract.stamp", target, *given]
    done = subprocess.run(call, cwd=root, capture_output=True, text=True, check=True)
    lines = [line for line in done.stdout.splitlines() if "agile " in line]
    return [shlex.split(line) for line in lines]


def test_spaces_stay_in_one_word(root):
    extract, analyse, figures = commands(root, "figures", "DATA=folder:my pictures", "MODEL=a b/c")
    assert extract[extract.index("--data") + 1] == "folder:my pictures"
    assert extract[extract.index("--model") + 1] == "a b/c"
    assert extract[extract.index("--out") + 1] == "data/runs/c-folder-my-pictures"
    assert analyse[-1] == extract[extract.index("--out") + 1]
    assert figures[-1] == "figures/c-folder-my-pictures"


@pytest.mark.parametrize(
    "text", ["x;touch F", "$(shell touch F)", "`touch F`", "x'; touch F; '", "$$(touch F)"]
)
@pytest.mark.parametrize("name", ["MODEL", "DATA", "LIMIT", "RUN", "OUT"])
def test_nothing_given_is_run(root, tmp_path, name, text):
    """Every recipe is carried out, with a stub in the place of agile."""
    stub = tmp_path / ".venv" / "bin" / "agile"
    stub.parent.mkdir(parents=True)
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> said\n')
    stub.chmod(0o755)
    for file in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(root / file, tmp_path)
    for file in ("bin/python", "extract.stamp"):
        (tmp_path / ".venv" / file).touch()
    call = ["make", "figures", "gallery", "findings", f"{name}={text}"]
    subprocess.run(call, cwd=tmp_path, capture_output=True, check=True)
    assert not (tmp_path / "F").exists()
    assert text in (tmp_path / "said").read_text().splitlines()


def test_clean_removes_only_drawn_folders(root, tmp_path):
    shutil.copy(root / "Makefile", tmp_path)
    for name in ("figures/a b", "figures/gallery", "data/runs/x", "b"):
        (tmp_path / name).mkdir(parents=True)
    subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, check=True)
    left = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_dir())
    assert left == ["b", "data", "figures", "figures/gallery"]
