import json

import numpy as np
import pytest
from PIL import Image

from analysis.datasets import load_dataset
from analysis.errors import UsageError


def picture(path, size=(8, 6), color=(10, 20, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a/2.jpg", "a/1.jpg", "z/deep/er/x.webp"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    picture(tmp_path / ".cache" / "hidden.png")
    return tmp_path


def test_images_at_any_depth_sorted_and_asked_for_a_caption(folder):
    data = load_dataset(f"folder:{folder}")
    assert data.ids() == ["a/1.jpg", "a/2.jpg", "b.png", "z/deep/er/x.webp"]
    samples = list(data.samples())
    assert all(sample.load().size == (8, 6) for sample in samples)
    assert [q.text for s in samples for q in s.questions] == [
        "Please describe this image in detail."
    ] * 4
    assert samples[0].questions[0].task == "caption"
    assert samples[0].objects is None
    assert data.ground_truth() is None
    with pytest.raises(UsageError, match="no annotations for CHAIR; put"):
        data.require_ground_truth()


def test_another_prompt_and_a_path_with_a_colon(tmp_path):
    strange = tmp_path / "a:b"
    picture(strange / "x.png")
    data = load_dataset(f"folder:{strange}:prompt=What is this?")
    assert next(data.samples()).questions[0].text == "What is this?"
    assert load_dataset(f"folder:{strange}", prompt="Why?").sample("x.png").questions[0].text


def test_bad_images_are_samples_whose_load_says_why(folder):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    whole = folder / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)).save(whole)
    (folder / "cut.png").write_bytes(whole.read_bytes()[:4000])
    data = load_dataset(f"folder:{folder}")
    for name in ("broken.jpg", "cut.png"):
        with pytest.raises((OSError, ValueError), match=name):
            data.image(name)
    (folder / "b.png").unlink()
    with pytest.raises(ValueError, match=r"b\.png: the file is missing"):
        data.image("b.png")


def coco(folder, name="instances_x.json", **changes):
    data = {
        "images": [
            {"id": 7, "file_name": "1.jpg"},
            {"id": 8, "file_name": "a/2.jpg"},
            {"id": 9, "file_name": "elsewhere.jpg"},
        ],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 7, "category_id": 1, "bbox": [0, 0, 2, 2]},
            {"id": 3, "image_id": 7, "category_id": 1, "bbox": [5, 0, 2, 2]},
            {"id": 4, "image_id": 9, "category_id": 1, "bbox": [5, 0, 2, 2]},
        ],
    }
    data.update(changes)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    "name", ["instances_x.json", "annotations.json", "annotations/instances.json"]
)
def test_coco_annotations_give_boxes_and_objects(folder, name):
    coco(folder, name)
    data = load_dataset(f"folder:{folder}")
    assert data.has_captions_annotation
    sample = data.sample("a/1.jpg")  # named 1.jpg in the file: found by its bare name
    assert sample.objects == ("cat", "dog")
    assert sample.n_objects == 3
    assert sample.boxes[0] == {"category": "cat", "bbox": [1.0, 2.0, 3.0, 4.0]}
    assert sample.meta == {"coco_id": 7}
    assert data.sample("a/2.jpg").objects == ()  # annotated as empty
    assert data.sample("b.png").objects is None  # not annotated
    assert data.ground_truth() == {"a/1.jpg": {"cat", "dog"}, "a/2.jpg": set()}


def test_boxes_refer_to_stored_pixels_so_annotated_images_are_not_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("1.jpg", "free.jpg"):
        Image.new("RGB", (8, 4)).save(tmp_path / name, exif=exif)
    coco(tmp_path)
    data = load_dataset(f"folder:{tmp_path}")
    assert data.image("1.jpg").size == (8, 4)
    assert data.image("free.jpg").size == (4, 8)


def test_reference_captions_add_the_objects_they_mention(folder):
    pytest.importorskip("chair_eval")
    coco(folder)
    captions = [{"id": 1, "image_id": 7, "caption": "Two dogs and a bicycle on a couch."}]
    coco(folder, "captions_x.json", annotations=captions)
    lines(folder / "captions.jsonl", [{"image": "b.png", "caption": "A man with an umbrella"}])
    data = load_dataset(f"folder:{folder}")
    assert data.sample("a/1.jpg").objects == ("bicycle", "cat", "couch", "dog")
    assert data.sample("b.png").objects == ("person", "umbrella")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 7}]}, "file_name"),
        ({"annotations": [{"image_id": 99, "category_id": 1, "bbox": [0, 0, 1, 1]}]}, "99"),
        ({"annotations": [{"image_id": 7, "category_id": 5, "bbox": [0, 0, 1, 1]}]}, "5"),
        (
            {"annotations": [{"image_id": 7, "category_id": 1, "bbox": [0, 0, 1]}]},
            "not four numbers",
        ),
        ({"images": 3}, "TypeError"),
    ],
)
def test_files_that_are_not_coco_are_named(folder, changes, message):
    coco(folder, **changes)
    with pytest.raises(
        UsageError, match=rf"instances_x\.json is not in COCO format.*{message}|{message}"
    ):
        load_dataset(f"folder:{folder}")


def test_questions_decide_which_images_are_used(folder):
    lines(
        folder / "questions.jsonl",
        [
            {"image": "b.png", "question": "Is there a dog?", "label": "No", "split": "random"},
            {"image": "a/1.jpg", "text": "Which?", "task": "choice", "answer": "B"},
            {"image": "b.png", "question": "Describe it.", "question_id": 17},
            {"image": "gone.png", "question": "Where?"},
        ],
    )
    data = load_dataset(f"folder:{folder}")
    assert data.ids() == ["b.png", "a/1.jpg", "gone.png"]
    first, second = data.sample("b.png").questions
    assert (first.task, first.label, first.split) == ("yesno", "no", "random")
    assert (second.task, second.question_id, second.label) == ("caption", "17", None)
    assert data.sample("a/1.jpg").questions[0].label == "B"
    with pytest.raises(ValueError, match=r"gone\.png: the file is missing"):
        data.image("gone.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (
            '{"image": "b.png", "question": "?"}\n{"image": "b.png"\n',
            r"questions\.jsonl:2 is not valid",
        ),
        ('{"image": "b.png"}', r"questions\.jsonl:1: needs the key question or text"),
        ('{"question": "?"}', "needs the key image"),
        ('{"image": "b.png", "question": " "}', "non-empty"),
        ('{"image": "b.png", "question": "?", "task": "guess"}', "task='guess' is unknown"),
        ('{"image": "../../etc/x.png", "question": "?"}', "lies outside the folder"),
        ('{"image": "/etc/x.png", "question": "?"}', "lies outside the folder"),
        ("[1, 2]", "not a JSON object"),
        ('{"image": "b.png", "question": "?", "question_id": 1}\n' * 2, "used twice"),
    ],
)
def test_bad_question_files_name_the_line_and_the_remedy(folder, text, message):
    (folder / "questions.jsonl").write_text(text)
    with pytest.raises(UsageError, match=message):
        load_dataset(f"folder:{folder}")


def test_question_file_in_another_encoding_is_refused(folder):
    (folder / "questions.jsonl").write_bytes(b'{"image": "b.png", "question": "\xe9"}')
    with pytest.raises(UsageError, match="not UTF-8"):
        load_dataset(f"folder:{folder}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("folder", "no folder was given"),
        ("folder:/no/such/place", "does not exist"),
        ("folder:{}/b.png", "is a file"),
        ("folder:{}/empty", "has no image"),
        ("folder:{}:size=3", "option 'size' is unknown for the data set 'folder'; it has: prompt"),
    ],
)
def test_wrong_paths(folder, spec, message):
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        load_dataset(spec.format(folder))


def test_revision_changes_with_the_files(folder):
    before = load_dataset(f"folder:{folder}").revision
    assert before == load_dataset(f"folder:{folder}").revision
    picture(folder / "new.png")
    assert before != load_dataset(f"folder:{folder}").revision


def test_ground_truth_is_boxes_and_objects_in_captions_of_both_official_files(tmp_path):
    """COCO's layout, instances and captions apart; sentences of our own."""
    images = [{"id": number, "file_name": f"{number:012d}.jpg"} for number in (7, 9, 11)]
    boxes = [(7, 18), (7, 18), (9, 62), (12, 18)]
    sentences = {
        7: ["A puppy on a couch.", "A small dog beside a remote."],
        9: ["An empty hot dog stand.", "A red stop light above nobody."],
        11: ["Snow."],
    }
    instances = {
        "images": [*images, {"id": 12, "file_name": "elsewhere.jpg"}],
        "categories": [{"id": 18, "name": "dog"}, {"id": 62, "name": "chair"}],
        "annotations": [
            {"image_id": image, "category_id": category, "bbox": [0, 0, 2, 2]}
            for image, category in boxes
        ],
    }
    captions = {
        "images": images,
        "annotations": [
            {"image_id": image, "caption": text}
            for image, texts in sentences.items()
            for text in texts
        ],
    }
    for image in images:
        picture(tmp_path / image["file_name"])
    (tmp_path / "instances_val2017.json").write_text(json.dumps(instances))
    (tmp_path / "captions_val2017.json").write_text(json.dumps(captions))
    samples = {s.meta["coco_id"]: s for s in load_dataset(f"folder:{tmp_path}").samples()}
    assert {number: set(sample.objects) for number, sample in samples.items()} == {
        7: {"dog", "couch", "remote"},
        9: {"chair", "hot dog", "traffic light"},
        11: set(),
    }
    assert [samples[number].n_objects for number in (7, 9)] == [2, 1]
