"""`hf:` specs: saved sets, Parquet, picture folders, streams, and the mapping of columns."""

import datasets
import numpy as np
import pytest
from PIL import Image

from analysis.datasets import load_dataset
from analysis.errors import UsageError
from tests.datasets.hub import hub_parquet, png

COLOURS = ("red", "blue", "lime")


@pytest.fixture
def rows():
    """Three pictures, the first asked twice."""
    return {
        "photo": [Image.new("RGB", (4, 3), colour) for colour in ("red", *COLOURS)],
        "text": ["A dog?", "A cat?", "A cup?", "A car?"],
        "label": ["Yes", "no", "no.", "YES"],
        "key": ["a", "a", "b", "c"],
        "kind": ["easy", "hard", "hard", "hard"],
        "notes": [["A dog sits."], ["A dog sits."], ["Two cats.", "A cup."], ["Nothing."]],
    }


@pytest.fixture
def saved(rows, tmp_path):
    data = datasets.Dataset.from_dict(rows).cast_column("photo", datasets.Image())
    datasets.DatasetDict({"train": data.select([0]), "test": data}).save_to_disk(tmp_path / "set")
    return tmp_path / "set"


def test_columns_become_questions_labels_and_ground_truth(saved):
    spec = "question=text,answer=label,id=key,category=kind,captions=notes,suffix= Say yes or no."
    data = load_dataset(f"hf:{saved}:{spec}")
    assert data.ids() == ["a", "b", "c"]
    first = data.sample("a")
    assert [q.text for q in first.questions] == ["A dog? Say yes or no.", "A cat? Say yes or no."]
    assert [(q.task, q.split, q.label) for q in first.questions] == [
        ("yesno", "easy", "yes"),
        ("yesno", "hard", "no"),
    ]
    assert data.image("b").getpixel((0, 0)) == (0, 0, 255)
    assert data.ground_truth() == {"a": {"dog"}, "b": {"cat", "cup"}, "c": set()}
    assert data.revision.startswith("sha256:")
    assert str(data.source) == str(saved)


def test_without_a_mapping_every_row_is_a_picture_to_describe(saved):
    data = load_dataset(f"hf:{saved}", prompt="What is it?")
    assert data.ids() == ["0", "1", "2", "3"]
    sample = data.sample("3")
    assert [(q.task, q.text, q.label) for q in sample.questions] == [
        ("caption", "What is it?", None)
    ]
    assert sample.load().getpixel((0, 0)) == (0, 255, 0)
    assert data.ground_truth() is None


def test_one_reference_a_row_is_one_image_asked_once(saved, rows):
    data = load_dataset(f"hf:{saved}:id=key,captions=text")
    assert [len(sample.questions) for sample in data.samples()] == [1, 1, 1]
    assert data.ground_truth() == {"a": {"dog", "cat"}, "b": {"cup"}, "c": {"car"}}


def test_a_split_is_chosen_by_name(saved, monkeypatch):
    monkeypatch.chdir(saved.parent)
    assert len(load_dataset("hf:set:train")) == 1
    with pytest.raises(UsageError, match="'dev' is not in hf:set; choose one of: train, test"):
        load_dataset("hf:set:dev")


def test_parquet_files_and_folders_and_choices_by_number_or_letter(tmp_path):
    rows = [
        {"image": png("red"), "q": "Which?", "options": ["x", "y"], "right": "B"},
        {"image": png("blue"), "q": "Which?", "options": ["x", "y", "z"], "right": "0"},
    ]
    hub_parquet(tmp_path / "set" / "test-00000-of-00001.parquet", rows)
    mapping = "question=q,choices=options,answer=right"
    for place in (tmp_path / "set", tmp_path / "set" / "test-00000-of-00001.parquet"):
        data = load_dataset(f"hf:{place}:{mapping}")
        first, second = (sample.questions[0] for sample in data.samples())
        assert (first.task, first.text, first.label) == ("choice", "Which?\nA. x\nB. y", "B")
        assert second.label == "A"
        assert data.image("1").getpixel((0, 0)) == (0, 0, 255)
        assert data.revision.startswith("sha256:")


def test_a_folder_of_pictures_is_an_imagefolder(tmp_path):
    for name, colour in zip("abc", COLOURS, strict=True):
        Image.new("RGB", (5, 4), colour).save(tmp_path / f"{name}.png")
    lines = [f'{{"file_name": "{name}.png", "caption": "A {name}."}}' for name in "abc"]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    data = load_dataset(f"hf:{tmp_path}:captions=caption")
    assert len(data) == 3
    assert data.image("1").getpixel((0, 0)) == (0, 0, 255)
    assert data.has_captions_annotation


def test_a_stream_gives_the_same_rows_in_any_order(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (8, 4, 4, 3), np.uint8)
    pictures = [Image.fromarray(values) for values in noise]
    table = datasets.Dataset.from_dict({"image": pictures, "n": list(range(8))})
    table.cast_column("image", datasets.Image()).to_parquet(tmp_path / "test-0.parquet")
    card = "---\ndataset_info:\n  splits:\n  - name: test\n    num_bytes: 1\n    num_examples: 8\n"
    (tmp_path / "README.md").write_text(card + "  download_size: 1\n  dataset_size: 1\n---\n")
    mapped = load_dataset(f"hf:{tmp_path}", stream="no")
    streamed = load_dataset(f"hf:{tmp_path}", stream="yes")
    assert streamed.ids() == mapped.ids()
    assert type(streamed) is not type(mapped)
    for image_id in ("0", "1", "2", "6", "7", "3", "3"):
        ours, theirs = (np.asarray(data.image(image_id)) for data in (streamed, mapped))
        assert (ours == noise[int(image_id)]).all()
        assert (theirs == ours).all()
    with pytest.raises(UsageError, match="image_id='8' is not in the data set 'hf'"):
        streamed.image("8")


def test_an_open_answer_is_only_taken_for_a_caption(saved):
    with pytest.raises(UsageError, match=r"row 0: the label is 'A dog\?'"):
        load_dataset(f"hf:{saved}:question=text,answer=text")
    data = load_dataset(f"hf:{saved}:question=text,answer=text,task=caption")
    assert data.sample("0").questions[0].label == "A dog?"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (":image=picture", "image='picture' is no column of .*; it has: photo, text"),
        (":question=q", "question='q' is no column"),
        (":colour=red", "option 'colour' is unknown for the data set 'hf'; it has: image"),
        (":task=guess", "task='guess' is unknown; choose one of: caption"),
        (":stream=maybe", "stream=yes or no"),
        (":revision=main", "revision= only for the hub"),
    ],
)
def test_wrong_specs_are_one_sentence(saved, spec, message):
    with pytest.raises(UsageError, match=message):
        load_dataset(f"hf:{saved}{spec}")


def test_what_datasets_cannot_open_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match=r"hf:no/such-set cannot be opened \(.*local folder"):
        load_dataset("hf:no/such-set")
    with pytest.raises(UsageError, match="no valid spec"):
        load_dataset("hf:")
    with pytest.raises(UsageError, match="cannot be opened"):
        load_dataset(f"hf:{tmp_path}")
