"""From a benchmark in the hub's layout through a run to its table, with a tiny model."""

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from analysis.benchmarks import SUBTASKS
from analysis.errors import AgileError
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.loop import run_extraction
from analysis.runs import Run
from analysis.scores.mme import mme_table
from analysis.scores.pope import pope_table
from analysis.scores.scienceqa import scienceqa_table
from analysis.scores.yesno import yesno_scores
from tests.datasets.hub import hub_parquet, mme_rows, png, pope_rows, sqa_row

_file = Path(__file__).parents[1] / "models" / "tiny.py"
_spec = importlib.util.spec_from_file_location("tiny", _file)
tiny = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tiny)

VARIANTS = ["full", "fastervlm@5"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(tiny.tiny_llava(tmp_path_factory.mktemp("tiny-llava")))


def extract(model, spec, out):
    config = ExtractConfig(
        model=model, data=spec, pruners=("fastervlm",), keeps=(5,), max_new_tokens=4,
        max_answer_tokens=3, shard_size=4,
    )  # fmt: skip
    report = run_extraction(config, out, Runtime(device="cpu", progress=False))
    return report, Run.open(out)


def test_pope_with_one_damaged_image(model, tmp_path):
    for split in ("random", "popular", "adversarial"):
        rows = pope_rows(split)
        rows[2]["image"] = rows[2]["image"][:40]
        hub_parquet(tmp_path / "Full" / f"{split}-0.parquet", rows)
    report, run = extract(model, f"pope:{tmp_path}", tmp_path / "run")
    assert (report.images, report.failed) == (2, 1)
    bad = run.images[run.images["status"] == "error"].iloc[0]
    assert bad["image_id"] == "COCO_val2014_000000000073"
    assert "COCO_val2014_000000000073: " in bad["reason"]
    table = pope_table(run)
    assert table["variant"].unique().tolist() == VARIANTS
    assert table["split"].tolist()[:4] == ["random", "popular", "adversarial", "mean"]
    assert (table.loc[table["split"] != "mean", "n"] == 2).all()
    assert pope_table(tmp_path / "run").equals(table)
    assert len(yesno_scores(run)) == 2 * 6


def test_mme_and_scienceqa(model, tmp_path):
    rows = [row for subtask in SUBTASKS[:3] for row in mme_rows(subtask, "1.png")]
    hub_parquet(tmp_path / "mme" / "test-0.parquet", rows)
    _, run = extract(model, f"mme:{tmp_path / 'mme'}", tmp_path / "run-mme")
    table = mme_table(run)
    assert table["subtask"].tolist()[:4] == [*SUBTASKS[:3], "total"]
    assert (table["variant"] == "full").sum() == 6
    hub_parquet(tmp_path / "sqa" / "test-0.parquet", [sqa_row(png("red")), sqa_row(png("blue"))])
    _, run = extract(model, f"scienceqa-img:{tmp_path / 'sqa'}", tmp_path / "run-sqa")
    table = scienceqa_table(run)
    assert table["variant"].tolist() == VARIANTS
    assert (table["n"] == 2).all()


def test_a_folder_of_nothing_but_bad_images_is_an_error(model, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.jpg").write_bytes(b"no picture")
    (pictures / "b.png").write_bytes(b"")
    with pytest.raises(AgileError, match=r"none of the 2 images .*a\.jpg: not an image"):
        extract(model, f"folder:{pictures}", tmp_path / "run")


def test_every_kind_of_image_goes_through(model, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name, mode in (("grey.png", "L"), ("rgba.png", "RGBA"), ("cmyk.jpg", "CMYK"),
                       ("palette.gif", "P"), ("deep.png", "I;16")):  # fmt: skip
        Image.new(mode, (40, 30)).save(pictures / name)
    frames = [Image.new("RGB", (20, 50), c) for c in ("red", "blue")]
    frames[0].save(pictures / "moving.gif", save_all=True, append_images=frames[1:])
    (pictures / "cut.jpg").write_bytes((pictures / "cmyk.jpg").read_bytes()[:200])
    Image.new("1", (20_000, 20_000)).save(pictures / "huge.png")
    report, run = extract(model, f"folder:{pictures}", tmp_path / "run")
    assert (report.images, report.failed) == (8, 2)
    reasons = run.images.set_index("image_id")["reason"]
    assert "pixels" in reasons["huge.png"]
    assert "cut.jpg: " in reasons["cut.jpg"]
    sizes = run.images.set_index("image_id")
    assert (sizes.loc["moving.gif", "width"], sizes.loc["moving.gif", "height"]) == (20, 50)
