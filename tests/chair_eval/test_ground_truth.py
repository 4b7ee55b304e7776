"""Ground truth: rebuilt from COCO annotations, cached by content, read in every form."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chair_eval import ChairError, GroundTruth, UsageError, Vocabulary, score
from chair_eval.coco import build_sets
from chair_eval.ground_truth import cache_folder, cached_ground_truth
from chair_eval.ground_truth_files import write_ground_truth


def coco(instances, names):
    return {
        "images": [{"id": key} for key in instances],
        "annotations": [
            {"id": number, "image_id": key, "category_id": names.index(name) + 1, "iscrowd": 1}
            for number, (key, name) in enumerate(
                (key, name) for key, found in instances.items() for name in found
            )
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, 1)],
    }


def human(captions):
    return {
        "images": [{"id": key} for key in captions],
        "annotations": [
            {"id": number, "image_id": key, "caption": text}
            for number, (key, text) in enumerate(
                (key, text) for key, texts in captions.items() for text in texts
            )
        ],
    }


def test_instances_and_captions_together():
    instances = coco({1: ["dog"], 2: []}, ["dog", "cat"])
    captions = human({1: ["A cat.", "Two men."], 2: [], 3: ["Grass."]})
    built = GroundTruth.from_coco(instances, captions)
    assert dict(built.objects) == {1: {"dog", "cat", "person"}, 2: set(), 3: set()}
    assert GroundTruth.from_coco(instances)[1] == {"dog"}
    assert GroundTruth.from_coco(instances).flavour == "instances"
    both = GroundTruth.from_coco([instances, coco({9: ["cat"]}, ["cat"])])
    assert both[9] == {"cat"}


def test_pycocotools_objects_and_ids_that_are_names(tmp_path):
    from pycocotools.coco import COCO

    path = tmp_path / "instances.json"
    path.write_text(json.dumps(coco({"scene-1": ["dog"]}, ["dog"])))
    assert GroundTruth.from_coco(COCO(str(path)))["scene-1"] == {"dog"}
    assert GroundTruth.from_coco(path)["scene-1"] == {"dog"}


def test_outlines_are_dropped_while_reading(tmp_path):
    content = coco({5: ["dog"]}, ["dog"])
    content["images"][0]["file_name"] = "a.jpg"
    content["annotations"][0]["segmentation"] = {"counts": [1, 2], "size": [3, 4]}
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(content))
    assert GroundTruth.from_coco(path)[5] == {"dog"}


def annotated(**changes):
    entry = {"id": 1, "image_id": 1, "category_id": 1} | changes
    return json.dumps(
        {"annotations": [entry], "categories": [{"id": 1, "name": "dog"}], "images": []}
    )


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("\ufeff" + annotated(), "utf-8")
    assert GroundTruth.from_coco(path)[1] == {"dog"}


@pytest.mark.parametrize("caption", [None, 3, ["A dog."]])
def test_human_captions_must_be_text(caption):
    captions = {"images": [], "annotations": [{"id": 1, "image_id": 7, "caption": caption}]}
    with pytest.raises(ChairError, match=r"a caption of image 7 is .*, expected a string"):
        GroundTruth.from_coco(json.loads(annotated()), captions)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not complete JSON"),
        ("[]", "no list 'annotations'"),
        ('{"annotations": [{"id": 1, "image_id": 1}]}', "no categories"),
        ("[" * 100_000, "not complete JSON"),
        ('{"annotations": [5]}', "is not COCO annotations"),
        (annotated(category_id=9), "image 1 has a category_id 9 that is not among"),
        (annotated(image_id=1.5), r"x\.json: image id 1.5 is not a whole number"),
        (annotated(image_id=[1]), "is not COCO annotations"),
        (annotated().replace('"dog"', "5"), "a category's name is not a string"),
        ('{"annotations": [{"image_id": 1}]}', "missing"),
    ],
)
def test_bad_annotations(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(ChairError, match=message):
        GroundTruth.from_coco(path)


def test_unknown_category_and_own_vocabulary():
    instances = coco({1: ["tram"]}, ["tram"])
    with pytest.raises(ChairError, match="vocabulary lacks: tram"):
        GroundTruth.from_coco(instances, human({1: ["A tram."]}))
    from chair_eval import Matcher

    mine = Matcher(Vocabulary("mine", {"tram": ("tram", "streetcar")}, surface_first=True))
    built = GroundTruth.from_coco(instances, human({2: ["A streetcar."]}), matcher=mine)
    assert built[2] == {"tram"}
    assert score([(1, "Two trams.")], built, matcher=mine).counts["recalled_types"] == 1


def test_cache_follows_inputs_vocabulary_and_flavour(tmp_path, monkeypatch):
    instances, captions = tmp_path / "i.json", tmp_path / "c.json"
    instances.write_text(json.dumps(coco({1: ["dog"]}, ["dog"])))
    captions.write_text(json.dumps(human({1: ["A cat."]})))

    def built(flavours=("pattern",), **more):
        return cached_ground_truth(
            [instances], [captions], flavours, folder=tmp_path / "cache", **more
        )

    first = built()
    assert GroundTruth.read(first)[1] == {"dog", "cat"}
    assert built(vocabulary=Vocabulary.coco(strict=True)) != first
    assert built(("pattern", "instances")) != first
    monkeypatch.setattr("chair_eval.ground_truth.build_sets", lambda *_: pytest.fail("built again"))
    assert built() == first
    monkeypatch.setattr("chair_eval.ground_truth.build_sets", build_sets)
    first.write_bytes(first.read_bytes()[:50])
    assert GroundTruth.read(built())[1] == {"dog", "cat"}
    captions.write_text(json.dumps(human({1: ["A bus stop sign."]})))
    assert GroundTruth.read(built())[1] == {"dog", "stop sign"}
    assert not list((tmp_path / "cache").glob("*.tmp"))


def test_parquet_keeps_flavours_and_provenance(tmp_path):
    path = tmp_path / "truth.parquet"
    sets = {
        "pattern": {2: frozenset({"dog"}), 1: frozenset()},
        "wordnet": {2: frozenset({"dog", "tie"}), 1: frozenset()},
    }
    write_ground_truth(path, sets, {"vocabulary_hash": "abc"})
    assert pq.read_table(path).column("image_id").to_pylist() == [1, 2]
    plain = GroundTruth.read(path)
    assert (plain.flavour, plain.vocabulary, plain[2], plain["1"]) == (
        "pattern",
        "abc",
        {"dog"},
        frozenset(),
    )
    assert GroundTruth.read(path, "wordnet")[2] == {"dog", "tie"}
    assert plain.categories() == {"dog"}
    assert 2 in plain
    assert 3 not in plain
    assert len(plain) == 2
    with pytest.raises(ChairError, match=r"no instances ground truth; it has: pattern, wordnet"):
        GroundTruth.read(path, "instances")
    with pytest.raises(UsageError, match="allowed: pattern"):
        GroundTruth.read(path, "latin")


def test_json_lines(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write('{"image_id": "a", "objects": ["dog"]}\n\n{"image_id": 3, "objects": []}\n')
    truth = GroundTruth.read(path)
    assert (truth.flavour, truth["a"], truth["3"]) == ("given", {"dog"}, frozenset())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", "", "is empty"),
        ("t.jsonl", '{"image_id": 1, "objects": ["a"]}\n{"image_id": 1, "objects": []}', "line 2"),
        ("t.jsonl", '{"image_id": 1, "objects": "dog"}', "line 1: objects is not a list"),
        ("t.jsonl", '{"image_id": 1, "obj', "line 1"),
        ("t.jsonl", '{"image": 1}', "expected columns image_id"),
        ("t.jsonl", '{"image_id": 1, "objects": []}\n{"image_id": 2}', "line 2: no key 'objects'"),
        ("t.jsonl", '{"image_id": 1, "objects": [1, "dog"]}', "not a list of category names"),
        ("t.jsonl", '{"image_id": 1, "objects": [["dog"]]}', "not a list of category names"),
        ("t.jsonl", '[{"image_id": 1}]', "line 1: expected an object, found list"),
        ("t.jsonl", "[" * 100_000, "line 1: not complete JSON"),
        ("t.jsonl.gz", "plain", "not a complete gzip"),
        ("t.parquet", "PAR1 half", "not a complete Parquet"),
        ("t.pkl", "x", "unknown kind of ground truth"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(ChairError, match=message):
        GroundTruth.read(path)


def test_bad_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    strings = pa.list_(pa.string())
    for table, message in (
        ({"image_id": [1], "objects": ["dog"]}, "must hold lists"),
        ({"image_id": [1, 1], "objects": [["dog"], []]}, "occurs twice"),
        ({"image_id": [1, 2], "objects": pa.array([["dog"], None], strings)}, "empty in some row"),
        ({"image_id": [1]}, "expected columns"),
        ({"image_id": [1], "objects": [["dog", None]]}, "a category is not a name"),
        ({"image_id": [1], "objects": [[3]]}, "lists of category names"),
        ({"image_id": pa.array([], pa.int64()), "objects": pa.array([], strings)}, "is empty"),
    ):
        pq.write_table(pa.table(table), path)
        with pytest.raises(ChairError, match=message):
            GroundTruth.read(path)
    with pytest.raises(ChairError, match="ground-truth build"):
        GroundTruth.read(tmp_path / "none.parquet")


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.string()),
        pa.large_list(pa.string()),
        pa.list_(pa.large_string()),
        pa.list_(pa.dictionary(pa.int32(), pa.string())),
    ],
)
@pytest.mark.parametrize("options", [{}, {"row_group_size": 7}, {"use_dictionary": False}])
def test_every_layout_of_the_lists(tmp_path, kind, options):
    sets = [["dog", "cat", "bus"][: i % 4] for i in range(40)] + [["cup"]]
    path = tmp_path / "t.parquet"
    table = pa.table({"image_id": range(41), "objects": pa.array(sets, kind)})
    pq.write_table(table.slice(3), path, **options)
    truth = GroundTruth.read(path)
    assert {key: truth[key] for key in truth} == {i: set(sets[i]) for i in range(3, 41)}
    assert truth.categories() >= {"dog", "cat", "bus", "cup"}


def test_foreign_metadata_is_no_obstacle(tmp_path):
    path = tmp_path / "t.parquet"
    table = pa.table({"image_id": [1], "objects": [["dog"]]})
    for content in ("{half", "[]", '{"vocabulary_hash": 3}'):
        pq.write_table(table.replace_schema_metadata({"chair_eval": content}), path)
        assert GroundTruth.read(path).vocabulary is None


def test_mapping_is_checked():
    with pytest.raises(ChairError, match="two ids mean the image 1"):
        GroundTruth.from_mapping({1: {"dog"}, "1": {"cat"}})
    with pytest.raises(ChairError, match="got a string"):
        GroundTruth.from_mapping({1: "dog"})


def _cached(folder, name):
    instances = folder / f"{name}.json"
    instances.write_text(json.dumps(coco({1: [name]}, [name])))
    return cached_ground_truth([instances], [], ["instances"], folder=folder / "cache")


def test_another_file_in_the_cache_is_built_again(tmp_path):
    dog, cat = _cached(tmp_path, "dog"), _cached(tmp_path, "cat")
    dog.write_bytes(cat.read_bytes())
    assert GroundTruth.read(_cached(tmp_path, "dog"))[1] == {"dog"}


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(ChairError, match="CHAIR_EVAL_CACHE"):
        _cached(tmp_path, "dog")


def test_an_empty_cache_variable_is_none(monkeypatch):
    monkeypatch.delenv("CHAIR_EVAL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder() == Path.home() / ".cache" / "chair_eval"
