"""The gallery in figures/: every recipe once, small pictures, captions of the run."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from analysis.errors import AgileError
from analysis.figures import FIGURES
from analysis.figures.base import DEMONSTRATION
from analysis.report.gallery import first_sentence, write_gallery
from analysis.report.pictures import WIDTH

HOME = Path(__file__).parents[2] / "figures"
MOST_BYTES = 2_000_000


@pytest.fixture
def inputs():
    """What the gallery reads of a run."""
    facts = {"model": "data/pocket", "data": "scenes", "images": range(40), "is_embedded": True}
    return SimpleNamespace(path=Path("runs/tiny"), **facts)


@pytest.fixture
def drawn(tmp_path):
    """A folder as `agile figures` leaves it: one figure and one table."""
    folder = tmp_path / "drawn"
    folder.mkdir()
    for name in ("entropy_vs_erank", "chair_table"):
        (folder / f"{name}.json").write_text("{}")
        (folder / f"{name}.md").write_text(f"Said of {name}: r = 0.5. And more. {DEMONSTRATION}\n")
    Image.new("RGB", (1500, 500), "#0072B2").save(folder / "entropy_vs_erank.png")
    (folder / "chair_table.tex").write_text("a table")
    return folder


def sections(text):
    return dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", text, flags=re.M | re.S))


def test_the_committed_gallery_shows_every_recipe_once():
    """`make gallery` writes it anew."""
    shown = sections((HOME / "README.md").read_text(encoding="utf-8"))
    assert list(shown) == FIGURES.names()
    pictures = {path.name for path in (HOME / "gallery").iterdir()}
    linked = set()
    for name, section in shown.items():
        assert f"`agile figures {name}`" in section
        linked |= set(re.findall(r"\]\(gallery/([\w.]+)\)", section))
        missing = "Not drawn from this run." in section
        assert (f"{name}.png" in linked) == (FIGURES.get(name).kind == "figure" and not missing)
        assert not missing or FIGURES.get(name).optional
    assert linked == pictures
    assert sum(path.stat().st_size for path in HOME.glob("gallery/*.png")) < MOST_BYTES


def test_git_keeps_the_gallery_and_leaves_out_runs():
    ignored = ["git", "check-ignore", "-q"]
    if subprocess.run(["git", "rev-parse"], cwd=HOME, capture_output=True).returncode:
        pytest.skip("needs a git checkout")
    assert subprocess.run([*ignored, "gallery/budget.png"], cwd=HOME).returncode == 1
    assert subprocess.run([*ignored, "pocket-scenes/budget.png"], cwd=HOME).returncode == 0


def test_captions_are_the_runs_and_pictures_small(inputs, drawn, tmp_path):
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery" / "leftover.png").write_text("")
    page = write_gallery(inputs, drawn, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert text.count(DEMONSTRATION) == 1
    shown = sections(text)
    assert list(shown) == FIGURES.names()
    assert "*Said of entropy_vs_erank: r = 0.5.*\n" in shown["entropy_vs_erank"]
    assert "gallery/" not in shown["chair_table"]
    assert "Not drawn from this run." in shown["budget"]
    assert [path.name for path in (tmp_path / "gallery").iterdir()] == ["entropy_vs_erank.png"]
    small = tmp_path / "gallery" / "entropy_vs_erank.png"
    with Image.open(small) as image:
        assert image.size == (WIDTH, WIDTH // 3)
    before = page.read_bytes(), small.read_bytes()
    write_gallery(inputs, drawn, tmp_path)
    assert (page.read_bytes(), small.read_bytes()) == before


def test_a_folder_without_figures_names_the_command(inputs, tmp_path):
    with pytest.raises(AgileError, match="draw some with: agile figures all"):
        write_gallery(inputs, tmp_path, tmp_path)


def test_a_sentence_ends_at_a_full_stop_and_not_at_a_number():
    assert first_sentence("r = 0.31 [0.1, 0.5], n = 40. Then more.\n") == (
        "r = 0.31 [0.1, 0.5], n = 40."
    )
    assert first_sentence("One only.") == "One only."
