"""What each method chooses, against full attention maps of an eager model."""

import pytest
import torch

from analysis.pruners.dart import DART
from analysis.pruners.fastv import FastV
from analysis.pruners.inllm import prune_inside
from analysis.pruners.pyramiddrop import PyramidDrop
from analysis.pruners.sparsevlm import SparseVLM, SparseVLMv2, split

KEEP = 24


@pytest.fixture
def case(tools):
    """An eager model, a prompt, its maps and the states entering each layer."""
    model, prompt = tools.llama("eager"), tools.prompt(((3, 9),))
    out = prompt.forward(model, output_attentions=True, output_hidden_states=True)
    return model, prompt, [m[0] for m in out.attentions], [h[0] for h in out.hidden_states]


def first_stage(model, prompt, pruner):
    with prune_inside(model, pruner, prompt.image, KEEP) as session:
        prompt.forward(model, use_cache=True)
    return session.stages[0], session.schedules[0].stages[0]


def top(scores, n):
    return sorted(scores.topk(n).indices.tolist())


def test_pyramiddrop_ranks_by_the_next_layers_attention(case):
    model, prompt, maps, _ = case
    stage, (layer, n) = first_stage(model, prompt, PyramidDrop())
    # Nothing was pruned yet, so the next layer's own map is what it would have seen.
    row = maps[layer].mean(0)[-1, prompt.image[0]]
    assert list(stage.kept[0]) == top(row, n)
    assert top(maps[layer - 1].mean(0)[-1, prompt.image[0]], n) != top(row, n)


def raters(prompt):
    image, text = prompt.embeds[0, 3:43], prompt.embeds[0, 43:]
    share = (image @ text.T).softmax(1).mean(0)
    return 43 + (share > share.mean()).nonzero().flatten()


def test_sparsevlm_ranks_by_the_raters_and_merges_the_best_of_the_rest(case):
    model, prompt, maps, states = case
    stage, (layer, n) = first_stage(model, prompt, SparseVLM())
    rows = raters(prompt)
    assert 0 < len(rows) < 9
    scores = maps[layer - 1].mean(0)[rows].mean(0)[prompt.image[0]]
    n_top, n_members = split(40, n)
    kept = top(scores, n_top)
    choice = stage.choices[0]
    assert choice.index.tolist() == kept
    scores[kept] = -1
    members = set(scores.topk(n_members).indices.tolist())
    weights = choice.merged.weights
    assert set((weights.sum(0) > 0).nonzero().flatten().tolist()) == members
    assert torch.allclose(weights.sum(1), torch.ones(n - n_top))
    means = weights @ states[layer][prompt.image[0]]
    assert torch.allclose(choice.merged.states, means, atol=1e-5)


def test_sparsevlm_v2_corrects_for_rope_and_picks_heads(case):
    model, prompt, maps, _ = case
    stage, (layer, n) = first_stage(model, prompt, SparseVLMv2())
    rows, image = raters(prompt), prompt.image[0].nonzero().flatten()
    inverse = model.model.rotary_emb.inv_freq
    # All-ones q and k, rotated: each frequency adds 2 cos(distance * frequency).
    distance = (rows[:, None] - image[None]).float()
    bias = 2 * torch.cos(distance[..., None] * inverse).sum(-1) / (2 * len(inverse)) ** 0.5
    ratings = maps[layer - 1][:, rows][:, :, image] / bias
    heads = ratings.sum((1, 2)).topk(2).indices  # 14 of 32 heads are 2 of 4
    assert list(stage.kept[0]) == top(ratings[heads].mean((0, 1)), n)


def test_raters_are_all_words_where_none_stands_out(tools):
    prompt, model = tools.prompt(((3, 1),)), tools.llama()
    with prune_inside(model, SparseVLM(), prompt.image, KEEP) as session:
        prompt.forward(model)
    assert session.selections()[0].n_kept == session.schedules[0].stages[-1][1]


@pytest.mark.parametrize("order", ["sorted", "cpython"])
def test_dart_reads_keys_after_rope_and_states_after_the_output_norm(case, order):
    model, prompt, _, states = case
    out = prompt.forward(model, use_cache=True)
    stage, (layer, n) = first_stage(model, prompt, DART(order=order))
    norms = out.past_key_values.layers[layer - 1].keys[0].abs().sum((0, 2))
    normed = model.model.norm(states[layer]).detach()
    pivots = [3 + i for i in top(norms[3:43], 4)] + [43 + i for i in top(norms[43:], 4)]
    pool, kept = set(range(3, 43)) - set(pivots), set(pivots[:4])
    visited = sorted(pivots) if order == "sorted" else list(set(pivots))
    share, extra = divmod(n - 4, 8)
    for turn, pivot in enumerate(visited):
        like = torch.nn.functional.cosine_similarity(normed, normed[pivot], dim=-1)
        taken = sorted(pool, key=lambda j: float(like[j]))[: share + (turn < extra)]
        pool -= set(taken)
        kept |= set(taken)
    assert list(stage.kept[0]) == sorted(i - 3 for i in kept)


def test_stages_on_neighbouring_layers_rank_by_the_layer_between_them(tools):
    """The second stage reads the attention of a layer that ran on pruned tokens only."""
    model, prompt = tools.llama("eager"), tools.prompt(((3, 9),))
    own = tools.Schedule(40, tools.N_LAYERS, ((1, 30), (2, 17), (3, 8)))
    with prune_inside(model, FastV(), prompt.image, schedule=own) as session:
        out = prompt.forward(model, output_attentions=True)
    entering = list(range(40))
    for stage, (layer, n) in zip(session.stages, own.stages, strict=True):
        row = out.attentions[layer - 1][0].mean(0)[-1, 3 : 3 + len(entering)]
        entering = [entering[i] for i in top(row, n)]
        assert list(stage.kept[0]) == entering
