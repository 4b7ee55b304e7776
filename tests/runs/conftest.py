"""A small run written by hand: six images in three shards, two variants."""

import pytest

from analysis.runs import Run

OBJECTS = {"0": ["dog"], "1": ["cat", "dog"], "2": None}


def image(name):
    return {"image_id": name, "dataset": "mine", "status": "ok", "objects": OBJECTS.get(name, [])}


def answer(name, variant, task="caption"):
    return {"image_id": name, "variant": variant, "task": task, "answer": f"{variant} of {name}."}


@pytest.fixture
def run(tmp_path):
    made = Run.create(
        tmp_path / "run",
        {"n_shards": 3, "config": {"seed": 0}, "provenance": {"data": {"n": 6}}},
    )
    for index in range(3):
        names = [str(2 * index), str(2 * index + 1)]
        answers = [answer(name, variant) for name in names for variant in ("full", "fps@9")]
        answers += [answer(names[0], "full", "yesno")]
        made.write_shard(index, {"images": [image(name) for name in names], "answers": answers})
    return made
