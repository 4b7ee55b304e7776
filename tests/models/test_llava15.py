"""The LLaVA-1.5 adapter against the plain model, on a tiny random checkpoint."""

import copy

import pytest
import torch

from analysis.errors import UsageError
from analysis.models import LoadOptions, load
from analysis.models.clip import (
    cls_attention,
    encoder_layers,
    received_attention,
)
from analysis.models.exchange import Request

QUESTION = "please describe this image in detail ."


def plain_inputs(adapter, image, question=QUESTION):
    before, after = adapter.prompt_ids(question)
    n = adapter.model.config.image_seq_length
    ids = [*before, *[adapter.model.config.image_token_id] * n, *after]
    return {
        "input_ids": torch.tensor([ids]),
        "attention_mask": torch.ones(1, len(ids), dtype=torch.long),
        **adapter.pixel_inputs([image]),
    }


def test_keep_all_logits_equal_the_plain_model_bit_for_bit(adapter, pictures):
    for image in pictures:
        inputs = plain_inputs(adapter, image)
        tokens = adapter.encode([image])[0]
        batch = adapter.collate([Request(QUESTION, tokens)])
        with torch.no_grad():
            plain = adapter.model(**inputs).logits
            ours = adapter.model(inputs_embeds=batch.embeds, attention_mask=batch.mask).logits
        assert torch.equal(plain, ours)


def test_keep_all_answer_equals_plain_generate(adapter, pictures):
    inputs = plain_inputs(adapter, pictures[1])
    plain = adapter.model.generate(**inputs, max_new_tokens=12, do_sample=False)
    new = plain[0, inputs["input_ids"].shape[1] :].tolist()
    tokens = adapter.encode([pictures[1]])[0]
    answer = adapter.generate([Request(QUESTION, tokens)], max_new_tokens=12)[0]
    assert list(answer.token_ids) == new


def test_cls_attention_equals_eager(adapter, pictures, tiny_folder):
    eager = load(LoadOptions(str(tiny_folder), device="cpu", attention="eager"))
    pixels = eager.pixel_inputs(pictures)["pixel_values"]
    with torch.no_grad():
        maps = eager.tower(pixels, output_attentions=True).attentions[-2]
    expected = maps[:, :, 0, 1:].mean(1)
    ours = torch.stack([t.cls_attention for t in adapter.encode(pictures)])
    assert (ours - expected).abs().max() < 1e-6


def test_all_evidence_equals_eager(adapter, pictures, tiny_folder):
    eager = load(LoadOptions(str(tiny_folder), device="cpu", attention="eager"))
    pixels = eager.pixel_inputs(pictures)["pixel_values"]
    needs = frozenset({"keys", "last_keys", "last_query", "received_attention", "object_attention"})
    with torch.no_grad():
        out = eager.tower(pixels, output_attentions=True, output_hidden_states=True)
    tokens = adapter.encode(pictures, needs)
    layer = round(9 / 24 * len(encoder_layers(adapter.tower))) - 1
    for i, t in enumerate(tokens):
        received = out.attentions[-2][i].mean((0, 1))[1:]
        middle = out.attentions[layer][i].mean((0, 1))[1:]
        assert (t.received_attention - received).abs().max() < 1e-6
        assert (t.object_attention - middle).abs().max() < 1e-6
        assert torch.allclose(t.encoder_features, out.hidden_states[-2][i, 1:], atol=1e-5)
        assert torch.allclose(t.cls_feature, out.hidden_states[-2][i, 0], atol=1e-5)
        assert t.keys.shape == (17, 8)
        last = encoder_layers(eager.tower)[-1]
        state = last.layer_norm1(out.hidden_states[-2][i])
        with torch.no_grad():
            keys, query = last.self_attn.k_proj(state), last.self_attn.q_proj(state)[0]
        assert torch.allclose(t.last_keys, keys, atol=1e-5)
        assert torch.allclose(t.last_query, query, atol=1e-5)


def test_half_precision_is_left_as_soon_as_attention_is_computed():
    """What bfloat16 gives up is in the states alone, not in the products over them."""
    generator = torch.Generator().manual_seed(0)
    query = (4 * torch.randn(2, 64, generator=generator)).bfloat16()
    keys = (4 * torch.randn(2, 50, 64, generator=generator)).bfloat16()
    for dtype, width in ((torch.bfloat16, 1.0), (torch.float16, 100.0)):
        q, k = (query * width).to(dtype), (keys * width).to(dtype)
        wide = [x.double().reshape(2, -1, 4, 16).transpose(1, 2) for x in (q, k)]
        expected = (wide[0] @ wide[1].mT / 4).softmax(-1)[:, :, 0, 1:].mean(1)
        assert torch.allclose(cls_attention(q, k, 4).double(), expected, atol=1e-6)
        rows = k[0].view(50, 4, 16)
        wide = rows.double().transpose(0, 1)
        expected = (wide @ wide.mT / 4).softmax(-1).mean((0, 1))
        assert torch.allclose(received_attention(rows, rows).double(), expected, atol=1e-6)


def test_no_hooks_remain_also_when_the_tower_fails(adapter, pictures):
    def hooks():
        return [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in adapter.model.modules()]

    adapter.encode(pictures[:1])  # transformers installs its own recorders on the first call
    before = hooks()
    broken = copy.copy(adapter)
    broken.pixel_inputs = lambda _: {"pixel_values": torch.zeros(1, 3, 7, 7)}
    with pytest.raises(ValueError):
        broken.encode(pictures[:1])
    adapter.encode(pictures[:1])
    assert hooks() == before


def test_batch_of_ragged_rows_equals_rows_alone(adapter, pictures):
    tokens = adapter.encode(pictures)
    questions = [QUESTION, "is there a cat in the image ?", "is there a dog ?"]
    requests = [Request(q, t) for q, t in zip(questions, tokens, strict=True)]
    together = adapter.generate(requests, max_new_tokens=10)
    alone = [adapter.generate([r], max_new_tokens=10)[0] for r in requests]
    assert [a.token_ids for a in together] == [a.token_ids for a in alone]


def test_pruned_answer_equals_the_same_tokens_spliced_by_hand(adapter, pictures):
    from analysis.pruners import make_pruner

    tokens = adapter.encode([pictures[0]])[0]
    selection = make_pruner("fastervlm").select(tokens, 5)
    answer = adapter.generate([Request(QUESTION, tokens, selection)], max_new_tokens=10)[0]
    before, after = adapter.prompt_ids(QUESTION)
    table = adapter.model.get_input_embeddings().weight
    best = tokens.cls_attention.argsort(descending=True, stable=True)[:5].sort().values
    embeds = torch.cat([table[before], tokens.features[best], table[after]])[None]
    hand = adapter.model.generate(
        inputs_embeds=embeds,
        attention_mask=torch.ones(embeds.shape[:2], dtype=torch.long),
        max_new_tokens=10,
        do_sample=False,
    )
    assert list(answer.token_ids) == hand[0].tolist()


def test_keep_positions_equal_a_masked_full_prompt(adapter, pictures):
    """Under the keep policy, dropping a token equals masking it out everywhere."""
    import dataclasses

    from analysis.pruners import make_pruner

    tokens = adapter.encode([pictures[2]])[0]
    selection = make_pruner("fastervlm").select(tokens, 6)
    kept = dataclasses.replace(selection, position_policy="keep")
    batch = adapter.collate([Request(QUESTION, tokens, kept)])
    before, _ = adapter.prompt_ids(QUESTION)
    inputs = plain_inputs(adapter, pictures[2])
    drop = torch.ones(16, dtype=torch.bool)
    drop[selection.indices] = False
    inputs["attention_mask"][0, len(before) : len(before) + 16][drop] = 0
    length = inputs["input_ids"].shape[1]
    with torch.no_grad():
        full = adapter.model(**inputs, position_ids=torch.arange(length)[None]).logits[0, -1]
        ours = adapter.model(
            inputs_embeds=batch.embeds,
            attention_mask=batch.mask,
            position_ids=batch.positions,
        ).logits[0, -1]
    assert torch.allclose(full, ours, atol=1e-5)


def test_a_missing_model_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="neither a folder nor a hub id"):
        load(LoadOptions(str(tmp_path / "nothing")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no readable checkpoint"):
        load(LoadOptions(str(tmp_path / "empty")))


def test_options_name_the_allowed_values():
    with pytest.raises(UsageError, match="dtype is 'float8'; choose one of"):
        LoadOptions("x", dtype="float8")
    with pytest.raises(UsageError, match="quantize"):
        LoadOptions("x", quantize="2bit")


def test_quantization_without_bitsandbytes_says_what_to_install(tiny_folder):
    with pytest.raises(UsageError, match=r"bitsandbytes|GPU"):
        load(LoadOptions(str(tiny_folder), quantize="4bit"))
