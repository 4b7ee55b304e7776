"""A shard that is not whole, or not of this run and place, is never read and always named."""

import json
import shutil

import pytest

from analysis.errors import AgileError
from analysis.runs import Run
from analysis.runs.seal import read_note
from analysis.runs.shortfalls import shortfalls

NAME = "answers-00001.parquet"


def cut(file):
    file.write_bytes(file.read_bytes()[:-40])


def flip(share):
    def change(file):
        content = bytearray(file.read_bytes())
        content[int(len(content) * share)] ^= 4
        file.write_bytes(content)

    return change


DAMAGES = {
    "cut": cut,
    "empty": lambda file: file.write_bytes(b""),
    "zeroed": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "another shard": lambda file: shutil.copy(file.with_name("answers-00000.parquet"), file),
    "another table": lambda file: shutil.copy(file.with_name("images-00001.parquet"), file),
    **{f"bit at {share}": flip(share) for share in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999)},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_left_out_named_and_still_to_be_made(run, damage):
    assert (run.finished, shortfalls(run)) == ([0, 1, 2], [])
    DAMAGES[damage](run.path / NAME)
    again = Run.open(run.path)
    assert (again.finished, again.missing, list(again.damaged)) == ([0, 2], [1], [NAME])
    assert again.images["image_id"].tolist() == ["0", "1", "4", "5"]
    counted, named = shortfalls(again)
    assert "2 of 3 shards are used, 1 are missing or damaged" in counted
    assert NAME in named


def test_a_shard_of_another_run_is_foreign(run, tmp_path):
    other = Run.create(tmp_path / "other", {"n_shards": 3, "config": {"seed": 1}})
    other.write_shard(1, {})
    shutil.copy(other.path / NAME, run.path / NAME)
    assert run.damaged == {NAME: "of another run or table"}


def test_a_shard_beyond_the_last_is_not_counted(run):
    shutil.copy(run.path / NAME, run.path / "answers-00007.parquet")
    assert run.damaged == {"answers-00007.parquet": "shard 1 under another number"}
    assert len(run.answers) == 15


def test_a_seal_says_what_the_shard_holds(run):
    note = read_note(run.path / NAME)
    assert (note["shard"], note["rows"], note["image_ids"]) == (1, 5, ["2", "3"])


def test_a_run_without_seals_is_read_as_it_was(run):
    import pyarrow.parquet as pq

    for file in run.path.glob("*.parquet"):
        pq.write_table(pq.read_table(file).replace_schema_metadata(None), file)
    assert len(run.damaged) == 9
    run.manifest["schema_version"] = 1
    assert (run.damaged, len(run.answers)) == ({}, 15)


def test_images_that_failed_are_counted_by_reason(run):
    rows = [
        {"image_id": "2", "status": "error", "reason": "2: corrupt"},
        {"image_id": "3", "status": "ok"},
    ]
    run.write_shard(1, {"images": rows})
    assert shortfalls(run) == ["1 of 6 images could not be used: 1 x corrupt."]


def test_a_variant_that_said_nothing_is_left_out_and_named(run):
    for index in range(3):
        answers = [
            {"image_id": str(2 * index), "variant": name, "task": "caption", "answer": said}
            for name, said in (("full", "A dog."), ("fps@9", " "))
        ]
        run.write_shard(index, {"images": [{"image_id": "0", "status": "ok"}], "answers": answers})
    assert shortfalls(run) == ["every answer of fps@9 is empty: left out."]
    assert set(Run.open(run.path).answers["variant"]) == {"full"}
    assert [set(piece.answers["variant"]) for piece in Run.open(run.path).pieces(1)] == [
        {"full"}
    ] * 3


# What the parts of a manifest are; None is the manifest itself.
_PARTS = {None: None, "n_shards": int, "config": dict, "provenance": dict, "variants": list}
_TEXTS = ("[]", "null", '"x"', "{}", '{"schema_version": 2}')
_WRONG = [
    (key, text)
    for key, kind in _PARTS.items()
    for text in _TEXTS
    if kind is None or not isinstance(json.loads(text), kind)
]


@pytest.mark.parametrize(("key", "text"), _WRONG)
def test_a_manifest_of_wrong_types_is_one_sentence(run, key, text):
    manifest = json.loads(text) if key is None else {**run.manifest, key: json.loads(text)}
    (run.path / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(AgileError, match=r"run\.json"):
        Run.open(run.path)
