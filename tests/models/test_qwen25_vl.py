"""The Qwen2.5-VL adapter against the plain model, on a tiny random checkpoint."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as modeling

from analysis.errors import UsageError
from analysis.models import LoadOptions, load
from analysis.models.clip import received_attention
from analysis.models.exchange import Request
from analysis.pruners import make_pruner

QUESTION = "What is on the table?"


@pytest.fixture(scope="module")
def folder(tiny_module, tmp_path_factory):
    return tiny_module("tiny_qwen").tiny_qwen(tmp_path_factory.mktemp("tiny-qwen"))


@pytest.fixture(scope="module")
def adapter(folder):
    return load(LoadOptions(str(folder), device="cpu"))


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(2)
    sizes = [(112, 112), (170, 90), (60, 140)]  # width, height
    return [Image.fromarray(rng.integers(0, 255, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


@pytest.fixture(scope="module")
def tokens(adapter, photos):
    return [adapter.encode([photo])[0] for photo in photos]


def plain_inputs(adapter, image, n, question=QUESTION):
    before, after = adapter.prompt_ids(question)
    pad = adapter.model.config.image_token_id
    ids = torch.tensor([[*before, *[pad] * n, *after]])
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": (ids == pad).int(),
        **adapter.pixel_inputs([image]),
    }


def run(adapter, batch):
    with torch.no_grad():
        return adapter.model(
            inputs_embeds=batch.embeds, attention_mask=batch.mask, position_ids=batch.positions
        ).logits


def test_keep_all_logits_equal_the_plain_model_bit_for_bit(adapter, photos, tokens):
    for photo, seen in zip(photos, tokens, strict=True):
        with torch.no_grad():
            plain = adapter.model(**plain_inputs(adapter, photo, seen.n)).logits
        everything = make_pruner("full").select(seen, seen.n)
        for selection in (None, everything):
            ours = run(adapter, adapter.collate([Request(QUESTION, seen, selection)]))
            assert torch.equal(plain, ours)


def test_keep_all_answer_equals_plain_generate(adapter, photos, tokens):
    for photo, seen in zip(photos, tokens, strict=True):
        inputs = plain_inputs(adapter, photo, seen.n)
        plain = adapter.model.generate(**inputs, max_new_tokens=10, do_sample=False)
        new = plain[0, inputs["input_ids"].shape[1] :].tolist()
        answer = adapter.generate([Request(QUESTION, seen)], max_new_tokens=10)[0]
        assert list(answer.token_ids) == new


def test_positions_matter(adapter, tokens):
    """A guard of the tests above: without M-RoPE positions the logits differ."""
    batch = adapter.collate([Request(QUESTION, tokens[1])])
    flat = dataclasses.replace(batch, positions=torch.arange(batch.embeds.shape[1])[None])
    assert not torch.equal(run(adapter, batch), run(adapter, flat))


def test_pruned_positions_are_gathered_from_the_unpruned_prompt(adapter, photos, tokens):
    """Dropping a token equals masking it out everywhere in the full prompt."""
    seen = tokens[1]
    selection = make_pruner("fastervlm").select(seen, 4)
    batch = adapter.collate([Request(QUESTION, seen, selection)])
    assert batch.positions.shape == (3, 1, batch.embeds.shape[1])
    inputs = plain_inputs(adapter, photos[1], seen.n)
    before, _ = adapter.prompt_ids(QUESTION)
    full, _ = adapter.model.model.get_rope_index(
        inputs["input_ids"], inputs["mm_token_type_ids"], inputs["image_grid_thw"]
    )
    drop = torch.ones(seen.n, dtype=torch.bool)
    drop[selection.indices] = False
    inputs["attention_mask"][0, len(before) : len(before) + seen.n][drop] = 0
    with torch.no_grad():
        expected = adapter.model(**inputs, position_ids=full).logits[0, -1]
    assert torch.allclose(run(adapter, batch)[0, -1], expected, atol=1e-5)


def test_stand_in_for_cls_attention_equals_eager(folder, photos, monkeypatch):
    """Received attention of the last full layer, from the model's own eager maps."""
    eager = load(LoadOptions(str(folder), device="cpu", attention="eager"))
    original, maps = modeling.eager_attention_forward, []

    def record(module, *args, **kwargs):
        out, weights = original(module, *args, **kwargs)
        maps.append((module, weights))
        return out, weights

    monkeypatch.setattr(modeling, "eager_attention_forward", record)
    needs = frozenset({"object_attention", "received_attention"})
    seen = eager.encode(photos, needs)
    own = [(m, w) for m, w in maps if isinstance(m, modeling.Qwen2_5_VLVisionAttention)]
    for name, layer in (("cls_attention", 3), ("object_attention", 1)):
        block = eager.visual.blocks[layer].attn
        per_image = [w[0].mean((0, 1)) for m, w in own if m is block]
        flat = torch.cat(per_image).view(-1, 4).mean(1)
        grid = eager.pixel_inputs(photos)["image_grid_thw"]
        index, _ = modeling.get_vision_window_index(grid, 2, 56, 14)
        expected = torch.empty_like(flat)
        expected[index] = flat
        ours = torch.cat([getattr(t, name) for t in seen])
        assert (ours - expected).abs().max() < 1e-6
    assert torch.equal(seen[0].received_attention, seen[0].cls_attention)


def test_received_attention_sums_to_a_quarter(tokens):
    for seen in tokens:
        assert float(seen.cls_attention.sum()) == pytest.approx(0.25, abs=1e-5)
        assert seen.grid[0] * seen.grid[1] == seen.n


def test_encoder_features_are_what_the_merger_reads(adapter, tokens):
    for seen in tokens:
        with torch.no_grad():
            assert torch.allclose(adapter.project(seen.encoder_features), seen.features, atol=1e-5)


def test_attention_rows_in_blocks_equal_one_softmax():
    torch.manual_seed(0)
    query, key = torch.randn(1500, 2, 8), torch.randn(1500, 2, 8)
    maps = torch.einsum("qhd,khd->hqk", query, key).mul(8**-0.5).softmax(-1)
    assert torch.allclose(received_attention(query, key), maps.mean((0, 1)), atol=1e-7)


def test_batch_of_ragged_rows_equals_rows_alone(adapter, photos, tokens):
    together = adapter.encode(photos)
    for one, other in zip(together, tokens, strict=True):
        assert torch.allclose(one.features, other.features, atol=1e-5)
        assert torch.allclose(one.cls_attention, other.cls_attention, atol=1e-6)
    pruner = make_pruner("divprune")
    selections = [None, pruner.select(tokens[1], 5), pruner.select(tokens[2], 3)]
    questions = [QUESTION, "A dog?", "Describe the image, please."]
    requests = [Request(*row) for row in zip(questions, tokens, selections, strict=True)]
    answers = adapter.generate(requests, max_new_tokens=8)
    alone = [adapter.generate([r], max_new_tokens=8)[0] for r in requests]
    assert [a.token_ids for a in answers] == [a.token_ids for a in alone]


def test_no_hooks_remain(adapter, photos):
    def hooks():
        return [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in adapter.model.modules()]

    adapter.encode(photos[:1])
    before = hooks()
    adapter.encode(photos[:1])
    assert hooks() == before


def test_merged_tokens_without_a_place_are_refused(adapter, tokens):
    selection = make_pruner("fastervlm").select(tokens[0], 3)
    lost = dataclasses.replace(selection, indices=torch.tensor([-1, 2, 5]))
    with pytest.raises(UsageError, match="nowhere"):
        adapter.row(Request(QUESTION, tokens[0], dataclasses.replace(lost)))


def test_only_its_own_prompt_and_geometry(folder):
    with pytest.raises(UsageError, match="use chat_template"):
        load(LoadOptions(str(folder), prompt="vicuna_v1"))
    with pytest.raises(UsageError, match="always uses native"):
        load(LoadOptions(str(folder), image_aspect="crop"))


def test_the_older_layout_of_the_hub_loads_too(folder, adapter, tokens, photos, tmp_path):
    """Text settings at the root of config.json and a chat_template.json."""
    older = tmp_path / "older"
    shutil.copytree(folder, older)
    config = json.loads((older / "config.json").read_text())
    config |= {k: v for k, v in config.pop("text_config").items() if k not in config}
    (older / "config.json").write_text(json.dumps(config))
    (older / "chat_template.jinja").rename(older / "saved.jinja")
    template = (older / "saved.jinja").read_text()
    (older / "saved.jinja").unlink()
    (older / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    again = load(LoadOptions(str(older), device="cpu"))
    assert again.prompt_ids(QUESTION) == adapter.prompt_ids(QUESTION)
    assert torch.equal(again.encode([photos[0]])[0].features, tokens[0].features)


def test_describe_says_what_is_different_here(adapter):
    facts = adapter.describe()
    assert facts["cls_attention"] == "received attention of vision layer 3"
    assert "M-RoPE" in facts["positions"]
    assert facts["image_aspect"] == "native"


@pytest.mark.parametrize("name", ["fastv:full_layers=1", "pyramiddrop", "sparsevlm"])
def test_pruning_inside_keeps_positions_too(adapter, tokens, name):
    """Keep-all equals the plain model, and ragged rows together equal rows alone."""
    pruner = make_pruner(name)
    requests = [Request(QUESTION, tokens[0]), Request("A dog, or a cat?", tokens[0])]
    plain = adapter.generate(requests, 6)
    everything = adapter.generate(requests, 6, pruner=pruner, keep=tokens[0].n)
    assert [a.token_ids for a in everything] == [a.token_ids for a in plain]
    pruned = adapter.generate(requests, 6, pruner=pruner, keep=10)
    alone = [adapter.generate([r], 6, pruner=pruner, keep=10)[0] for r in requests]
    assert [a.token_ids for a in pruned] == [a.token_ids for a in alone]
    assert pruned[0].selection.position_policy == "keep"
    assert pruned[0].selection.n_kept < tokens[0].n
