"""The LLaVA-NeXT adapter against the plain model, on a tiny random checkpoint."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.errors import UsageError
from analysis.models import LoadOptions, load
from analysis.models.crops import CropPolicy, select, select_batch, shares
from analysis.models.exchange import Request
from analysis.pruners import make_pruner

QUESTION = "please describe this image in detail ."
SIDE = 4  # patches along a crop's edge


@pytest.fixture(scope="module")
def folder(tiny_module, tmp_path_factory):
    next_module = tiny_module("tiny_next")
    tokenizer = tiny_module("tiny").tiny_tokenizer()
    return next_module.tiny_next(tmp_path_factory.mktemp("tiny-next"), tokenizer)


@pytest.fixture(scope="module")
def adapter(folder):
    return load(LoadOptions(str(folder), device="cpu"))


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(1)
    sizes = [(100, 100), (150, 40), (45, 120), (110, 64)]  # width, height
    return [Image.fromarray(rng.integers(0, 255, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


@pytest.fixture(scope="module")
def tokens(adapter, photos):
    return [adapter.encode([photo])[0] for photo in photos]


def plain_inputs(adapter, image, n, question=QUESTION):
    before, after = adapter.prompt_ids(question)
    ids = torch.tensor([[*before, *[adapter.model.config.image_token_id] * n, *after]])
    mask = torch.ones_like(ids)
    return {"input_ids": ids, "attention_mask": mask, **adapter.pixel_inputs([image])}


def test_keep_all_logits_equal_the_plain_model_bit_for_bit(adapter, photos, tokens):
    for photo, seen in zip(photos, tokens, strict=True):
        inputs = plain_inputs(adapter, photo, seen.n)
        everything = make_pruner("full").select(seen, seen.n)
        batch = adapter.collate([Request(QUESTION, seen, everything)])
        with torch.no_grad():
            plain = adapter.model(**inputs).logits
            ours = adapter.model(inputs_embeds=batch.embeds, attention_mask=batch.mask).logits
        assert torch.equal(plain, ours)


def test_keep_all_answer_equals_plain_generate(adapter, photos, tokens):
    inputs = plain_inputs(adapter, photos[1], tokens[1].n)
    plain = adapter.model.generate(**inputs, max_new_tokens=10, do_sample=False)
    new = plain[0, inputs["input_ids"].shape[1] :].tolist()
    answer = adapter.generate([Request(QUESTION, tokens[1])], max_new_tokens=10)[0]
    assert list(answer.token_ids) == new


def test_the_processor_counts_as_many_tokens(adapter, photos, tokens):
    for photo, seen in zip(photos, tokens, strict=True):
        processor = adapter.processor
        n = processor(images=photo, text="<image>", return_tensors="pt")["input_ids"]
        assert int((n == adapter.model.config.image_token_id).sum()) == seen.n


def test_crops_and_separators_are_where_packing_put_them(adapter, photos, tokens):
    square = tokens[0]  # 100 x 100: four tiles of 4 x 4, nothing padded
    assert len(square.parts) == 5
    assert square.n == 16 + 8 * 9
    assert square.newline.nonzero().flatten().tolist() == [16 + 9 * row + 8 for row in range(8)]
    first_row = square.crop[16:25].tolist()
    assert first_row == [1] * 4 + [2] * 4 + [-1]
    newline = adapter.model.model.image_newline
    assert torch.equal(square.features[square.newline], newline.expand(8, -1))
    for part, place in zip(square.parts, square.places, strict=True):
        assert part.grid == (SIDE, SIDE)
        assert torch.equal(part.features, square.features[place])
        assert torch.equal(part.cls_attention, square.cls_attention[place])
    wide = tokens[3]  # 110 x 64 on 2 x 2 tiles, half of each is padding and goes
    assert all(part.grid[0] * part.grid[1] == part.n for part in wide.parts)
    assert [part.grid for part in wide.parts] == [(4, 4), *[(2, 4)] * 4]
    assert sum(part.n for part in wide.parts) + int(wide.newline.sum()) == wide.n


def test_evidence_of_each_crop_equals_eager(folder, photos, tokens):
    eager = load(LoadOptions(str(folder), device="cpu", attention="eager"))
    pixels = eager.pixel_inputs([photos[0]])["pixel_values"]
    with torch.no_grad():
        out = eager.tower(pixels[0], output_attentions=True, output_hidden_states=True)
    for i, part in enumerate(tokens[0].parts):
        expected = out.attentions[-2][i, :, 0, 1:].mean(0)
        assert (part.cls_attention - expected).abs().max() < 1e-6
        assert torch.allclose(part.cls_feature, out.hidden_states[-2][i, 0], atol=1e-5)
    whole = tokens[0]
    assert float(whole.cls_attention[whole.newline].abs().max()) == 0.0


def test_all_evidence_can_be_packed_and_pruned(adapter, photos):
    names = ("fastervlm", "vispruner", "divprune", "agilepruner", "random", "fps")
    needs = frozenset({"keys", "last_keys", "last_query", "received_attention"})
    seen = adapter.encode(photos[:2], needs)
    assert seen[0].keys.shape == (seen[0].n + 1, 8)
    assert seen[0].last_keys.shape[0] == seen[0].n + 1
    for name in names:
        pruner = make_pruner(name)
        generators = [torch.Generator().manual_seed(0) for _ in seen]
        chosen = select_batch(pruner, seen, 10, generators)
        for one, image in zip(chosen, seen, strict=True):
            assert one.n_kept == 10
            assert one.n_tokens == image.n
            assert one.indices.tolist() == sorted(set(one.indices.tolist()))
            assert not image.newline[one.indices].any()


def test_batch_equals_alone(adapter, photos, tokens):
    together = adapter.encode(photos)
    for one, other in zip(together, tokens, strict=True):
        assert torch.allclose(one.features, other.features, atol=1e-5)
        assert torch.equal(one.crop, other.crop)
    pruner = make_pruner("fastervlm")
    selections = [None, *(select(pruner, t, 7 + i) for i, t in enumerate(tokens[1:]))]
    requests = [Request(QUESTION, t, s) for t, s in zip(tokens, selections, strict=True)]
    answers = adapter.generate(requests, max_new_tokens=8)
    alone = [adapter.generate([r], max_new_tokens=8)[0] for r in requests]
    assert [a.token_ids for a in answers] == [a.token_ids for a in alone]


def test_keep_positions_count_the_unpruned_prompt(adapter, tokens):
    chosen = select(make_pruner("fastervlm"), tokens[0], 6)
    kept = dataclasses.replace(chosen, position_policy="keep")
    batch = adapter.collate([Request(QUESTION, tokens[0], kept)])
    before, after = adapter.prompt_ids(QUESTION)
    expected = [*range(len(before)), *(len(before) + kept.indices).tolist()]
    tail = len(before) + tokens[0].n
    assert batch.positions[0].tolist() == [*expected, *range(tail, tail + len(after))]


def test_every_crop_gets_its_share_and_its_best(tokens):
    chosen = select(make_pruner("fastervlm"), tokens[0], 12)
    assert chosen.info["counts"] == [3, 3, 2, 2, 2]
    for i, (part, place) in enumerate(zip(tokens[0].parts, tokens[0].places, strict=True)):
        count = chosen.info["counts"][i]
        best = place[part.cls_attention.argsort(descending=True)[:count]]
        assert set(best.tolist()) <= set(chosen.indices.tolist())


def test_global_budget_lets_all_patches_compete(tokens):
    seen = tokens[0]
    chosen = select(make_pruner("fastervlm"), seen, 12, policy=CropPolicy("global"))
    best = seen.cls_attention.argsort(descending=True)[:12].sort().values
    assert torch.equal(chosen.indices, best)


def test_separators_are_dropped_kept_or_pooled(tokens):
    seen = tokens[0]
    marks = seen.newline.nonzero().flatten().tolist()
    for budget in ("crop", "global"):
        kept = select(make_pruner("fastervlm"), seen, 20, policy=CropPolicy(budget, "keep"))
        assert kept.n_kept == 20
        assert set(marks) <= set(kept.indices.tolist())
        assert kept.groups.count("newline") == len(marks)
    pooled = select(make_pruner("divprune"), seen, 20, policy=CropPolicy("global", "pool"))
    plain = make_pruner("divprune").select(dataclasses.replace(seen), 20)
    assert torch.equal(pooled.indices, plain.indices)
    with pytest.raises(UsageError, match="separators do not have"):
        select(make_pruner("fastervlm"), seen, 20, policy=CropPolicy("global", "pool"))
    with pytest.raises(UsageError, match="keep must be in"):
        select(make_pruner("fastervlm"), seen, len(marks), policy=CropPolicy("crop", "keep"))
    with pytest.raises(UsageError, match="needs budget"):
        CropPolicy("crop", "pool")
    with pytest.raises(UsageError, match="choose one of"):
        CropPolicy("tile")


def test_shares_are_even_and_never_more_than_there_is():
    assert shares(10, [16, 16, 16]) == [4, 3, 3]
    assert shares(10, [2, 16, 16]) == [2, 4, 4]
    assert shares(2, [16, 16, 16]) == [1, 1, 0]
    assert shares(34, [2, 16, 16]) == [2, 16, 16]
    with pytest.raises(UsageError, match=r"\[1, 34\]"):
        shares(35, [2, 16, 16])


def test_merging_methods_merge_within_their_crop(adapter, photos):
    """Rows of a joined merge equal each crop's own rows, sent through the projector."""
    pruner = make_pruner("visionzip")
    seen = adapter.encode([photos[0]], frozenset(pruner.needs))[0]
    chosen = select(pruner, seen, 30)
    fed = adapter.fed(seen, chosen)
    assert fed.shape == (30, 32)
    rows = [pruner.select(p, 6) for p in seen.parts]
    hand = [
        row.apply(p.encoder_features, p.cls_feature)
        for row, p in zip(rows, seen.parts, strict=True)
    ]
    with torch.no_grad():
        assert torch.equal(fed, adapter.project(torch.cat(hand)))
    assert chosen.weights.shape == (30, seen.n + 1)
    assert not chosen.weights[:, 1:][:, seen.newline].any()
    with pytest.raises(UsageError, match="merges tokens"):
        select(pruner, seen, 30, policy=CropPolicy("crop", "keep"))
    answer = adapter.generate([Request(QUESTION, seen, chosen)], max_new_tokens=4)
    assert len(answer) == 1


def test_tokens_move_between_devices_as_a_whole(tokens):
    moved = tokens[0].to("cpu")
    assert len(moved.parts) == 5
    assert torch.equal(moved.places[1], tokens[0].places[1])


def test_geometry_is_the_models_own(folder):
    with pytest.raises(UsageError, match="always uses anyres"):
        load(LoadOptions(str(folder), image_aspect="pad"))


def test_mistral_speaks_its_own_conversation(tiny_module, tmp_path):
    tokenizer = tiny_module("tiny").tiny_tokenizer()
    tokenizer.add_tokens(["[INST]", "[/INST]"])
    folder = tiny_module("tiny_next").tiny_next(tmp_path, tokenizer, kind="mistral")
    adapter = load(LoadOptions(str(folder), device="cpu"))
    assert adapter.prompt(QUESTION) == f"[INST] <image>\n{QUESTION} [/INST]"
    photo = Image.new("RGB", (90, 60), (10, 200, 30))
    seen = adapter.encode([photo])[0]
    inputs = plain_inputs(adapter, photo, seen.n)
    batch = adapter.collate([Request(QUESTION, seen)])
    with torch.no_grad():
        plain = adapter.model(**inputs).logits
        ours = adapter.model(inputs_embeds=batch.embeds, attention_mask=batch.mask).logits
    assert torch.equal(plain, ours)
