"""Estimates of a made-up run over real scenes: what was put in comes out."""

import json

import pytest

from analysis.pocket.measured import KEEP, RATES, estimates
from analysis.runs import Run
from analysis.scenes.captions import full_caption
from analysis.scenes.questions import questions_for
from analysis.scenes.scene import make_scene, split_seeds
from analysis.scenes.world import CATEGORIES, with_article
from chair_eval.bootstrap import Bootstrap

_LIES = ("full", f"random@{KEEP}", f"fastervlm@{KEEP}", f"divprune@{KEEP}")
"""Under the last variant each caption names one object that is not there."""


def image_row(scene):
    """What an extraction writes of a scene; entropy rises with the number, erank does not."""
    return {
        "image_id": str(scene.seed),
        "dataset": "scenes",
        "status": "ok",
        "entropy": 2 + 0.1 * scene.n_objects,
        "erank": 10.0 + scene.seed % 7,
        "cls_attention": [1 / 288] * 144,
        "n_objects": scene.n_objects,
        "objects": sorted(scene.counts),
        "complexity": scene.complexity,
        "meta": json.dumps(
            {
                "theme": scene.theme,
                "texture": scene.texture,
                "object_size": scene.object_size,
            }
        ),
    }


def answer_rows(scene, variant):
    """A caption that is true but under divprune, and answers that are right but under random."""
    pruner, _, keep = variant.partition("@")
    common = {
        "image_id": str(scene.seed),
        "variant": variant,
        "pruner": pruner,
        "keep": int(keep or 144),
        "truncated": variant == "full" and scene.seed % 10 == 0,
    }
    said = full_caption(scene.counts)
    if pruner == "divprune":
        absent = next(name for name in CATEGORIES if name not in scene.counts)
        said += f" there is also {with_article(absent)}."
    yield {**common, "task": "caption", "question_id": "caption", "answer": said}
    for number, asked in enumerate(questions_for(scene)):
        yield {
            **common,
            "task": "yesno",
            "question_id": f"q{number}",
            "split": asked.split,
            "label": asked.label,
            "answer": "yes" if pruner == "random" else asked.label,
        }


@pytest.fixture(scope="module")
def scenes():
    """Sixty development scenes."""
    return [make_scene(seed) for seed in split_seeds("dev")[5300:5360]]


@pytest.fixture(scope="module")
def found(scenes, tmp_path_factory):
    """Estimates of the made-up run."""
    manifest = {
        "config": {"data": "scenes:dev:5360", "offset": 5300},
        "provenance": {},
        "n_shards": 1,
        "variants": [{"variant": name} for name in _LIES],
    }
    run = Run.create(tmp_path_factory.mktemp("runs") / "made-up", manifest)
    answers = [row for name in _LIES for scene in scenes for row in answer_rows(scene, name)]
    run.write_shard(0, {"images": [image_row(scene) for scene in scenes], "answers": answers})
    return estimates(run, Bootstrap(n_resamples=200))


def test_rates_are_ratios_of_sums_over_scenes(scenes, found):
    full, lying = (found["variants"][name]["all"] for name in (_LIES[0], _LIES[-1]))
    assert set(RATES) <= set(full)
    assert full["CHAIR_i"][0] == full["CHAIR_s"][0] == 0
    assert full["recall"][0] == lying["recall"][0] == lying["CHAIR_s"][0] == 100
    named = sum(len(scene.counts) for scene in scenes)
    assert lying["CHAIR_i"][0] == pytest.approx(100 * 60 / (named + 60), abs=1e-3)
    assert lying["CHAIR_i"][1] < lying["CHAIR_i"][0] < lying["CHAIR_i"][2]
    assert found["variants"]["full"]["truncated"] == sum(s.seed % 10 == 0 for s in scenes)


def test_groups_are_the_data_sets_own(scenes, found):
    groups = found["variants"]["full"]
    assert groups["all"]["n"] == 60
    for name in ("simple", "medium", "complex"):
        assert groups[name]["n"] == sum(scene.complexity == name for scene in scenes)


def test_answers_are_counted_over_all_and_by_split(found):
    truthful, yes = (found["variants"][name]["all"] for name in _LIES[:2])
    assert truthful["yes/no accuracy"][0] == 100
    for rate in ("yes/no accuracy", *(rate for rate in RATES if rate.startswith("accuracy "))):
        assert yes[rate][0] == 50
    assert (truthful["yes share"][0], yes["yes share"][0]) == (50, 100)


def test_differences_are_paired_and_signed(found):
    pairs = found["differences"]
    assert list(pairs) == [
        *(f"{name} minus full" for name in _LIES[1:]),
        f"divprune@{KEEP} minus fastervlm@{KEEP}",
    ]
    gap = pairs[f"divprune@{KEEP} minus fastervlm@{KEEP}"]
    assert gap["CHAIR_s"][0] == 100
    assert gap["recall"][0] == 0
    assert gap["n"] == 60


def test_causes_find_what_was_put_in(scenes, found):
    causes = found["causes"]
    assert causes["entropy"]["n_objects"][0] == pytest.approx(1.0)
    assert abs(causes["erank"]["n_objects"][0]) < 0.4
    share = sum((scene.patch_labels > 0).mean() for scene in scenes) / len(scenes)
    # Attention that is the same everywhere looks at objects as often as there are some.
    assert causes["object_share"][0] == pytest.approx(share, abs=1e-3)
    assert causes["object_mass"][0] == pytest.approx(share, abs=1e-3)
    simple = [2 + 0.1 * scene.n_objects for scene in scenes if scene.complexity == "simple"]
    mean = sum(simple) / len(simple)
    assert causes["entropy"]["complexity simple"][0] == pytest.approx(mean, abs=1e-3)
