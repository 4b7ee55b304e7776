from types import SimpleNamespace

import numpy as np
import pytest

from analysis.datasets import DATASETS, image_for, load_dataset
from analysis.datasets.base import Dataset
from analysis.errors import UsageError
from analysis.scenes.scene import make_scene, split_seeds


def test_every_data_set_says_what_it_is():
    names = ["scenes", "folder", "coco-chair", "pope", "mme", "scienceqa-img", "hf"]
    assert DATASETS.names() == names
    assert all(DATASETS.get(name).summary.endswith(".") for name in DATASETS)


def test_default_is_the_first_500_seeds_of_the_sealed_test_range():
    data = load_dataset("scenes")
    assert data.ids() == [str(seed) for seed in split_seeds("test")[:500]]
    assert len(data) == 500
    assert isinstance(data, Dataset)


def test_splits_share_no_id():
    ids = [set(load_dataset(f"scenes:{split}:200").ids()) for split in ("train", "dev", "test")]
    assert len(set.union(*ids)) == 600


def test_sample_tells_what_the_scene_is():
    data = load_dataset("scenes:dev:5")
    for sample in data.samples():
        scene = make_scene(int(sample.image_id))
        assert np.array_equal(np.asarray(sample.load()), np.asarray(scene.image))
        assert set(sample.objects) == {item.category for item in scene.objects}
        assert list(sample.objects) == sorted(sample.objects)
        assert sample.n_objects == len(sample.boxes) == scene.n_objects
        assert sample.complexity == scene.complexity
        assert sample.meta == {
            "theme": scene.theme,
            "texture": scene.texture,
            "object_size": scene.object_size,
        }


def test_questions_are_one_caption_and_the_scenes_yes_no_questions():
    sample = next(load_dataset("scenes:dev").samples())
    assert [q.task for q in sample.questions].count("caption") == 1
    yesno = [q for q in sample.questions if q.task == "yesno"]
    assert {q.split for q in yesno} == {"random", "popular", "adversarial"}
    assert {q.label for q in yesno} == {"yes", "no"}
    assert len({q.question_id for q in sample.questions}) == len(sample.questions)


def test_offset_and_limit_cut_the_same_order():
    data = load_dataset("scenes:dev:10")
    assert [s.image_id for s in data.samples(3, 4)] == data.ids()[3:7]
    assert [s.image_id for s in data.samples(8, 100)] == data.ids()[8:]
    assert list(data.samples(0, 0)) == []
    with pytest.raises(UsageError, match="offset=-1"):
        next(data.samples(-1))
    with pytest.raises(UsageError, match="limit=-2"):
        next(data.samples(0, -2))


def test_ground_truth_and_id_hash():
    data = load_dataset("scenes:dev:4")
    truth = data.ground_truth()
    assert list(truth) == data.ids()
    assert truth[data.ids()[0]] == set(next(data.samples()).objects)
    assert data.ids_sha256() == load_dataset("scenes:dev:4").ids_sha256()
    assert data.ids_sha256() != load_dataset("scenes:dev:5").ids_sha256()


def test_image_for_finds_the_picture_of_a_run_again():
    run = SimpleNamespace(config={"data": "scenes:dev:3"})
    seed = load_dataset("scenes:dev:3").ids()[2]
    assert np.array_equal(image_for(run, seed), make_scene(int(seed)).image)
    with pytest.raises(UsageError, match="image_id='7' is not in the data set 'scenes'"):
        image_for(run, "7")
    with pytest.raises(UsageError, match="no data set"):
        image_for(SimpleNamespace(config={}), seed)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("secnes", "did you mean scenes"),
        ("scenes:val", "choose one of: train, dev, test"),
        ("scenes:test:0", "give 1 to"),
        ("scenes:test:many", "N a number"),
        ("scenes:test:5:prompt=x", "option 'prompt' is unknown"),
    ],
)
def test_wrong_specs_are_usage_errors_with_a_remedy(spec, message):
    with pytest.raises(UsageError, match=message):
        load_dataset(spec)
