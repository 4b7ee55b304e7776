import hashlib
import json
from types import SimpleNamespace

import pytest
from PIL import Image

from analysis.benchmarks import SPLITS, SUBTASKS
from analysis.datasets import image_for, load_dataset
from analysis.datasets.coco_chair import IDS_FILE, coco_file_name, read_ids
from analysis.datasets.scienceqa import question_text
from analysis.errors import UsageError
from tests.datasets.hub import hub_parquet, mme_rows, png, pope_rows, sqa_row


@pytest.fixture
def pope(tmp_path):
    for split in ("random", "popular", "adversarial"):
        hub_parquet(tmp_path / "Full" / f"{split}-00000-of-00001.parquet", pope_rows(split))
    everything = [row for s in ("adversarial", "popular", "random") for row in pope_rows(s)]
    hub_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", everything)
    return tmp_path


def test_pope_asks_all_splits_of_one_image_in_one_sample(pope):
    data = load_dataset(f"pope:{pope}")
    assert data.ids() == ["COCO_val2014_000000000042", "COCO_val2014_000000000073"]
    first, second = data.samples()
    assert [q.split for q in first.questions] == [
        "random", "random", "popular", "popular", "adversarial", "adversarial",
    ]  # fmt: skip
    assert len({q.question_id for q in first.questions}) == 6
    assert first.questions[0].text == (
        "Is there a dog in the image?\nAnswer the question using a single word or phrase."
    )
    assert first.questions[0].label == "yes"
    assert first.meta == {"coco_id": 42}
    assert first.load().getpixel((0, 0)) == (255, 0, 0)
    assert second.load().getpixel((0, 0)) == (0, 0, 255)
    run = SimpleNamespace(config={"data": f"pope:{pope}"})
    assert image_for(run, second.image_id).getpixel((0, 0)) == (0, 0, 255)


def test_pope_one_split_and_the_single_file_layout(pope):
    data = load_dataset(f"pope:{pope}:split=popular:suffix=")
    assert {q.split for s in data.samples() for q in s.questions} == {"popular"}
    assert next(data.samples()).questions[0].text == "Is there a dog in the image?"
    for path in (pope / "data", pope / "data" / "test-00000-of-00001.parquet"):
        whole = load_dataset(f"pope:{path}")
        assert len(whole) == 2
        assert sum(len(s.questions) for s in whole.samples()) == 9
    with pytest.raises(UsageError, match="split='hard' is not a split of pope"):
        load_dataset(f"pope:{pope}:split=hard")


def test_pope_official_lines(tmp_path):
    """The release's layout, one file of lines and two of a JSON list, on made questions."""
    source, images = tmp_path / "pope", tmp_path / "val2014"
    source.mkdir()
    images.mkdir()
    names = [f"COCO_val2014_{number:012d}.jpg" for number in (310196, 210789, 42)]
    nouns = ("dog", "cup", "kite", "bus", "bed", "tie")
    for split in SPLITS:
        rows = [
            {"question_id": i, "image": name, "text": f"Is there a {noun} in the image?",
             "label": ("yes", "no")[i % 2]}
            for i, (name, noun) in enumerate(((n, w) for n in names for w in nouns), 1)
        ]  # fmt: skip
        lines = "\n".join(json.dumps(row) for row in rows)
        text = lines if split == "random" else json.dumps(rows)
        (source / f"coco_pope_{split}.json{'l' if split == 'random' else ''}").write_text(text)
    with pytest.raises(UsageError, match=r"none of the COCO images.*pope:PATH:images=FOLDER"):
        load_dataset(f"pope:{source}:images={tmp_path}")
    Image.new("RGB", (5, 5), "green").save(images / names[0])
    data = load_dataset(f"pope:{source}:images={tmp_path}")
    assert data.ids() == [name.removesuffix(".jpg") for name in names]
    questions = [q for sample in data.samples() for q in sample.questions]
    assert [sum(q.split == split for q in questions) for split in SPLITS] == [18] * 3
    assert sum(q.label == "yes" for q in questions) == 27
    assert data.sample("COCO_val2014_000000000042").meta == {"coco_id": 42}
    assert data.image("COCO_val2014_000000310196").size == (5, 5)
    with pytest.raises(ValueError, match="the file is missing"):
        data.image(data.ids()[1])


def test_without_a_path_the_fetched_copy_is_used(pope, monkeypatch):
    (pope / "data" / "raw").mkdir(parents=True)
    (pope / "Full").rename(pope / "data" / "raw" / "pope")
    monkeypatch.chdir(pope)
    assert len(load_dataset("pope")) == 2
    assert len(load_dataset("pope::split=random")) == len(load_dataset("pope:split=random")) == 2


def test_pope_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="agile data get pope"):
        load_dataset("pope:/no/where")
    with pytest.raises(UsageError, match=r"pope is not at 'data/raw/pope'.*pope:PATH"):
        load_dataset("pope")
    with pytest.raises(UsageError, match="neither Parquet files of POPE nor coco_pope_random"):
        load_dataset(f"pope:{tmp_path}")
    rows = [{k: v for k, v in row.items() if k != "answer"} for row in pope_rows("random")]
    hub_parquet(tmp_path / "random-0.parquet", rows)
    with pytest.raises(UsageError, match=r"random-0\.parquet lacks the column answer \(it has id"):
        load_dataset(f"pope:{tmp_path}:split=random")
    rows = pope_rows("random")
    rows[1]["answer"] = "perhaps"
    hub_parquet(tmp_path / "random-0.parquet", rows)
    with pytest.raises(UsageError, match=r"random-0\.parquet row 1: the label is 'perhaps'"):
        load_dataset(f"pope:{tmp_path}:split=random")
    (tmp_path / "random-0.parquet").write_bytes(b"PAR1 half a file")
    with pytest.raises(UsageError, match="not a readable Parquet file"):
        load_dataset(f"pope:{tmp_path}:split=random")


def test_a_hub_cache_path_gives_the_commit_as_revision(tmp_path):
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = tmp_path / "datasets--x" / "snapshots" / commit
    hub_parquet(folder / "random-0.parquet", pope_rows("random"))
    assert load_dataset(f"pope:{folder}:split=random").revision == commit


def test_damaged_and_absent_images_in_parquet_are_reported(tmp_path):
    rows = pope_rows("random", ("a", "b"))
    rows[0]["image"], rows[2]["image"] = b"no picture", None
    hub_parquet(tmp_path / "random-0.parquet", rows)
    data = load_dataset(f"pope:{tmp_path}:split=random")
    with pytest.raises(ValueError, match="a: not an image"):
        data.image("a")
    with pytest.raises(ValueError, match=r"b: random-0\.parquet has no image in this row"):
        data.image("b")


def test_mme_parquet_pairs_questions_by_image(tmp_path):
    rows = [row for subtask in SUBTASKS for row in mme_rows(subtask, "0001.png")]
    hub_parquet(tmp_path / "data" / "test-00000-of-00002-abc.parquet", rows[:10])
    hub_parquet(tmp_path / "data" / "test-00001-of-00002-def.parquet", rows[10:])
    data = load_dataset(f"mme:{tmp_path}")
    assert len(data) == 14
    sample = data.sample("OCR/0001.png")
    assert [q.label for q in sample.questions] == ["yes", "no"]
    assert [q.split for q in sample.questions] == ["OCR", "OCR"]
    assert sample.questions[0].text == (
        "Is it so?\nAnswer the question using a single word or phrase."
    )
    assert sample.load().size == (4, 3)
    official = load_dataset(f"mme:{tmp_path}:suffix=").sample("OCR/0001.png")
    assert official.questions[0].text == "Is it so? Please answer yes or no."
    assert load_dataset(f"mme:{tmp_path}:subtask=count").ids() == ["count/0001.png"]
    with pytest.raises(UsageError, match="subtask='counts' is not a subtask of mme"):
        load_dataset(f"mme:{tmp_path}:subtask=counts")


def test_mme_official_folders_in_both_forms(tmp_path):
    for folder, texts, images in (
        ("count", "count", "count"),
        ("artwork", "artwork/questions_answers_YN", "artwork/images"),
    ):
        for part in (folder, texts, images):
            (tmp_path / part).mkdir(parents=True, exist_ok=True)
        (tmp_path / texts / "7.txt").write_text(
            "Is it? Please answer yes or no.\tYes\nIs it not? Please answer yes or no.\tNo\n"
        )
        Image.new("RGB", (2, 2)).save(tmp_path / images / "7.png")
    (tmp_path / "count" / "8.txt").write_text("Is it?\tYes\nIs it not?\tNo\n")
    data = load_dataset(f"mme:{tmp_path}")
    assert data.ids() == ["count/7.png", "count/8.jpg", "artwork/7.png"]
    assert [q.label for q in data.sample("artwork/7.png").questions] == ["yes", "no"]
    assert data.image("artwork/7.png").size == (2, 2)
    with pytest.raises(ValueError, match="missing"):
        data.image("count/8.jpg")
    (tmp_path / "count" / "9.txt").write_text("no tab here\n")
    with pytest.raises(UsageError, match=r"count/9\.txt:1 has no tab"):
        load_dataset(f"mme:{tmp_path}")


def test_mme_unknown_category_and_empty_folder(tmp_path):
    with pytest.raises(UsageError, match="agile data get mme"):
        load_dataset(f"mme:{tmp_path}")
    hub_parquet(tmp_path / "test-0.parquet", mme_rows("juggling", "1.png"))
    with pytest.raises(UsageError, match="category 'juggling' is none of MME's"):
        load_dataset(f"mme:{tmp_path}")


def test_scienceqa_parquet_keeps_only_rows_with_an_image(tmp_path):
    rows = [sqa_row(None), sqa_row(png("red")), sqa_row(None), sqa_row(png("blue"), hint="")]
    hub_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", rows)
    hub_parquet(tmp_path / "data" / "train-00000-of-00001.parquet", [sqa_row(png("red"))] * 3)
    data = load_dataset(f"scienceqa-img:{tmp_path}")
    assert data.ids() == ["test-00001", "test-00003"]
    first, second = data.samples()
    assert first.questions[0].task == "choice"
    assert first.questions[0].label == "B"
    assert first.questions[0].text == (
        "Context: Look.\nWhich is it?\nA. one\nB. two\nC. three\n"
        "Answer with the option's letter from the given choices directly."
    )
    assert second.questions[0].text.startswith("Which is it?\nA. one")
    assert first.meta == {"subject": "natural science", "grade": "grade4"}
    assert second.load().getpixel((0, 0)) == (0, 0, 255)
    assert len(load_dataset(f"scienceqa-img:{tmp_path}:split=train")) == 3


def test_scienceqa_prefers_the_image_configuration_of_a_hub_copy(tmp_path):
    hub_parquet(tmp_path / "ScienceQA-FULL" / "test-0.parquet", [sqa_row(png("red"))] * 3)
    hub_parquet(tmp_path / "ScienceQA-IMG" / "test-0.parquet", [sqa_row(png("red"))] * 2)
    assert len(load_dataset(f"scienceqa-img:{tmp_path}")) == 2


def test_scienceqa_official_problems(tmp_path):
    problem = {k: v for k, v in sqa_row(None).items() if k != "image"}
    problems = {
        "5": {**problem, "split": "test", "image": "image.png"},
        "6": {**problem, "split": "test", "image": None},
        "7": {**problem, "split": "val", "image": "image.png"},
    }
    (tmp_path / "problems.json").write_text(json.dumps(problems))
    folder = tmp_path / "images" / "test" / "5"
    folder.mkdir(parents=True)
    Image.new("RGBA", (3, 3), (9, 8, 7, 0)).save(folder / "image.png")
    data = load_dataset(f"scienceqa-img:{tmp_path}")
    assert data.ids() == ["5"]
    assert data.image("5").getpixel((0, 0)) == (9, 8, 7)  # as the official loader: alpha dropped
    validation = load_dataset(f"scienceqa-img:{tmp_path}:split=validation")
    assert validation.ids() == ["7"]
    with pytest.raises(ValueError, match=r"7/image\.png: the file is missing"):
        validation.image("7")


@pytest.mark.parametrize("changes", [{"answer": 3}, {"choices": list("abcdef")}, {"answer": -1}])
def test_scienceqa_answers_outside_the_choices_are_errors(tmp_path, changes):
    hub_parquet(tmp_path / "test-0.parquet", [sqa_row(png("red"), **changes)])
    with pytest.raises(UsageError, match=r"test-0\.parquet row 0: answer"):
        load_dataset(f"scienceqa-img:{tmp_path}")


def test_scienceqa_text_without_hint():
    assert question_text("Q?", ["x", "y"], None, "!") == "Q?\nA. x\nB. y!"


def test_coco_chair_ids_are_the_published_list_in_its_order():
    """Hash of the ids, one a line, in the order of OPERA's published LLaVA-1.5 captions."""
    listed = "\n".join(str(number) for number in read_ids(IDS_FILE)).encode()
    published = "7b82e5bfcd69817586d811aef7321997c7c1be2748b8b219d999d864151beb22"
    assert hashlib.sha256(listed).hexdigest() == published


def test_coco_chair_ids_are_five_hundred_different_images():
    ids = read_ids(IDS_FILE)
    assert len(ids) == len(set(ids)) == 500


@pytest.fixture
def coco(tmp_path):
    ids = read_ids(IDS_FILE)[:2]
    folder = tmp_path / "val2014"
    folder.mkdir()
    Image.new("RGB", (9, 7)).save(folder / coco_file_name(ids[0]))
    notes = tmp_path / "annotations"
    notes.mkdir()
    images = [{"id": i, "file_name": coco_file_name(i)} for i in (*ids, 1)]
    instances = {
        "images": images,
        "categories": [{"id": 18, "name": "dog"}],
        "annotations": [{"image_id": ids[0], "category_id": 18, "bbox": [0, 1, 2, 3]},
                        {"image_id": 1, "category_id": 18, "bbox": [0, 1, 2, 3]}],
    }  # fmt: skip
    (notes / "instances_val2014.json").write_text(json.dumps(instances))
    return tmp_path, ids


def test_coco_chair_reads_official_files(coco):
    folder, ids = coco
    data = load_dataset(f"coco-chair:{folder}")
    assert len(data) == 500
    sample = data.sample(str(ids[0]))
    assert sample.questions[0].text == "Please describe this image in detail."
    assert sample.objects == ("dog",)
    assert sample.boxes == ({"category": "dog", "bbox": [0.0, 1.0, 2.0, 3.0]},)
    assert sample.load().size == (9, 7)
    truth = data.ground_truth()
    assert truth == {str(ids[0]): {"dog"}, str(ids[1]): set()}
    with pytest.raises(ValueError, match="missing"):
        data.image(str(ids[1]))
    with pytest.raises(UsageError, match="image_id='1' is not in the data set 'coco-chair'"):
        data.image("1")


def test_coco_chair_without_annotations_captions_but_does_not_score(coco):
    folder, ids = coco
    (folder / "annotations" / "instances_val2014.json").unlink()
    data = load_dataset(f"coco-chair:{folder}")
    assert not data.has_captions_annotation
    assert data.sample(str(ids[0])).objects is None
    with pytest.raises(UsageError, match="no annotations for CHAIR"):
        data.require_ground_truth()


def test_coco_chair_other_ids_and_missing_images(coco, tmp_path):
    folder, ids = coco
    other = tmp_path / "ids.json"
    other.write_text(json.dumps({"ids": ids[:1]}))
    assert load_dataset(f"coco-chair:{folder}:ids={other}").ids() == [str(ids[0])]
    for text in ("{}", '{"ids": []}', '{"ids": [1, 1]}', '{"ids": ["1"]}', "not json"):
        other.write_text(text)
        with pytest.raises(UsageError, match=r"id list ids\.json cannot be used"):
            load_dataset(f"coco-chair:{folder}:ids={other}")
    with pytest.raises(UsageError, match="has none of the 500 images"):
        load_dataset(f"coco-chair:{folder / 'annotations'}")
