"""Every stage of every method, against full attention maps recomputed without the engine.

`recompute` in conftest checks what happens to the tokens a stage keeps; here it is checked
which ones that are, also at later stages, on pruned sequences with their own positions.
"""

import pytest
import torch

from analysis.pruners.pyramiddrop import PyramidDrop
from analysis.pruners.sparsevlm import split

PREFIX, N, WORDS = 3, 40, 9


def rotated(x, angles):
    """Rotate pairs (i, i + d/2) of ``x`` (H, t, d) by ``angles`` (t, d/2), one by one."""
    half = x.shape[-1] // 2
    out = torch.empty_like(x)
    for i in range(half):
        cos, sin = angles[:, i].cos(), angles[:, i].sin()
        out[..., i] = x[..., i] * cos - x[..., i + half] * sin
        out[..., i + half] = x[..., i + half] * cos + x[..., i] * sin
    return out


def maps(layer, x, angles):
    """Keys (G, t, d) and attention probabilities (H, t, t) of ``layer`` on states (t, D)."""
    attention, normed = layer.self_attn, layer.input_layernorm(x)
    size = attention.head_dim

    def heads(projection):
        return projection(normed).view(len(x), -1, size).permute(1, 0, 2)

    query, keys = (rotated(heads(p), angles) for p in (attention.q_proj, attention.k_proj))
    group = len(query) // len(keys)
    rows = []
    for head, q in enumerate(query):
        logits = q @ keys[head // group].T / size**0.5
        rows.append(logits.masked_fill(torch.ones_like(logits).triu(1).bool(), -torch.inf))
    return keys, torch.stack(rows).softmax(-1)


def best(scores, count):
    return sorted(scores.topk(count).indices.tolist())


def expected(pruner, case, count):
    """The tokens a method keeps as they are, from full maps."""
    image, words = case["image"], case["words"]
    if pruner.name == "fastv":
        return best(case["map"].mean(0)[-1, image], count)
    if pruner.name == "pyramiddrop":
        return best(case["next_map"].mean(0)[-1, image], count)
    if pruner.name == "sparsevlm":
        rows = case["map"].mean(0)[words[case["raters"]]].mean(0)
        return best(rows[image], split(len(image), count)[0])
    if pruner.name == "sparsevlm_v2":
        angles = case["angles"]
        apart = angles[words[case["raters"]], None] - angles[None, image]
        bias = 2 * apart.cos().sum(-1) / (2 * angles.shape[1]) ** 0.5
        ratings = case["map"][:, words[case["raters"]]][:, :, image] / bias
        heads = ratings.sum((1, 2)).topk(2).indices  # 14 of 32 heads are 2 of 4
        return best(ratings[heads].mean((0, 1)), count)
    return None


def leaving(x, image, choice):
    """Slots up to the merged tokens and behind them, their stand-ins, and their states."""
    head = torch.cat([torch.arange(PREFIX), image[choice.index]])
    tail = torch.arange(int(image[-1]) + 1, len(x))
    if choice.merged is None:
        return head, tail, head[:0], x[:0]
    return head, tail, image[choice.merged.representative], choice.merged.weights @ x[image]


@pytest.mark.parametrize("stages", [((1, 30), (2, 17), (4, 6)), ((2, 39), (3, 38), (5, 1))])
def test_each_stage_keeps_what_full_maps_say(pruner, tools, stages):
    model, prompt = tools.llama(), tools.prompt(((PREFIX, WORDS),))
    schedule = tools.Schedule(N, tools.N_LAYERS, stages)
    with tools.prune_inside(model, pruner, prompt.image, schedule=schedule) as session:
        logits = prompt.forward(model, use_cache=True).logits
    seen = {stage.layer: stage for stage in session.stages}
    assert tuple(seen) == schedule.layers
    decoder, x = model.model, prompt.embeds[0]
    positions, image = torch.arange(len(x)), torch.arange(PREFIX, PREFIX + N)
    share = (x[image] @ x[PREFIX + N :].T).softmax(1).mean(0)
    case = {"raters": (share > share.mean()).nonzero().flatten()}
    with torch.no_grad():
        for index, layer in enumerate(decoder.layers):
            angles = positions[:, None] * decoder.rotary_emb.inv_freq
            if index in seen:
                choice = seen[index].choices[0]
                words = torch.arange(int(image[-1]) + 1, len(x))
                case |= {"image": image, "words": words, "angles": angles}
                case["next_map"] = maps(layer, x, angles)[1]
                wanted = expected(pruner, case, dict(stages)[index])
                assert wanted is None or choice.index.tolist() == wanted
                head, tail, stand_in, merged = leaving(x, image, choice)
                x = torch.cat([x[head], merged, x[tail]])
                positions = positions[torch.cat([head, stand_in, tail])]
                if pruner.position_policy == "reindex":
                    positions = torch.arange(len(x))
                image = torch.arange(PREFIX, PREFIX + choice.count)
                angles = positions[:, None] * decoder.rotary_emb.inv_freq
            case["map"] = maps(layer, x, angles)[1]
            mask = torch.full((len(x), len(x)), -torch.inf).triu(1)[None, None]
            rotary = decoder.rotary_emb(x[None], positions[None])
            x = layer(x[None], attention_mask=mask, position_embeddings=rotary)[0]
        last = model.lm_head(decoder.norm(x))[-1]
    torch.testing.assert_close(last, logits[0, -1], rtol=1e-4, atol=1e-4)


def test_pyramiddrop_has_three_stages_here(tools):
    layers = [layer for layer, _ in PyramidDrop().stages(tools.N_LAYERS)]
    assert layers == [2, 3, 5]
