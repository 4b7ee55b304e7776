"""A run's captions are scored by chair_eval, with ids of any kind."""

from types import SimpleNamespace

import pandas as pd
import pytest

from analysis.errors import AgileError
from analysis.scores.chair import chair_scores


def run(objects, captions, task="caption"):
    ids = [f"folder/{i:03d}.png" for i in range(len(objects))]
    images = pd.DataFrame({"image_id": ids, "objects": objects})
    rows = [
        {"image_id": i, "variant": v, "pruner": v, "keep": 4, "task": task, "answer": text}
        for v, texts in captions.items()
        for i, text in zip(ids, texts, strict=True)
    ]
    return SimpleNamespace(images=images, answers=pd.DataFrame(rows))


def test_counts_words_and_spans_per_image_and_variant():
    made = run(
        [["dog"], ["cat", "car"]],
        {"full": ["a dog and a dog", "two cats"], "random@4": ["a boat", ""]},
    )
    scored = chair_scores(made).set_index(["variant", "image_id"])
    first = scored.loc[("full", "folder/000.png")]
    assert (first["n_mentions"], first["n_hallucinated"]) == (2, 0)
    assert first["length"] == 5
    second = scored.loc[("full", "folder/001.png")]
    assert (second["n_recalled"], second["n_gt"]) == (1, 2)
    assert list(second["missed"]) == ["car"]
    invented = scored.loc[("random@4", "folder/000.png")]
    assert list(invented["hallucinated"]) == [True]
    (start, end) = invented["spans"][0]
    assert "a boat"[start:end] == "boat"
    assert scored.loc[("random@4", "folder/001.png")]["n_mentions"] == 0


def test_images_without_annotations_have_no_row():
    made = run([["dog"], None], {"full": ["a dog", "a cat"]})
    assert list(chair_scores(made)["image_id"]) == ["folder/000.png"]


def test_an_annotated_image_without_objects_counts():
    made = run([[]], {"full": ["a dog"]})
    assert chair_scores(made)["n_hallucinated"].tolist() == [1]


def test_nothing_to_score_is_an_error_not_a_zero():
    with pytest.raises(AgileError, match="no image of this run has annotated objects"):
        chair_scores(run([None], {"full": ["a dog"]}))
    with pytest.raises(AgileError, match="holds no captions"):
        chair_scores(run([["dog"]], {"full": ["yes"]}, task="yesno"))


def test_other_categories_than_cocos_are_named_with_the_remedy():
    made = run([["rust", "dog"], ["crack"]], {"full": ["a dog", "a crack"]})
    with pytest.raises(AgileError, match=r"lacks \(crack, rust\); .*chair-eval RUN --vocabulary"):
        chair_scores(made)


def test_table_pools_over_images_and_keeps_empty_denominators_open():
    from analysis.scores.chair import chair_table

    made = run([["dog"], ["cat", "car"]], {"full": ["a dog", "a boat and a cat"], "r@4": ["", ""]})
    table = chair_table(chair_scores(made)).set_index("variant")
    assert table.loc["full", "chair_s"] == 0.5
    assert table.loc["full", "chair_i"] == pytest.approx(1 / 3)
    assert table.loc["full", "recall"] == pytest.approx(2 / 3)
    assert pd.isna(table.loc["r@4", "chair_i"])
    assert table.loc["r@4", "chair_s"] == 0
