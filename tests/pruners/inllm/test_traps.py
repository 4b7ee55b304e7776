"""Each fault that others' in-model pruning is known for, named and pinned."""

import os

import pytest
import torch

from analysis.pruners.dart import DART
from analysis.pruners.fastv import FastV
from analysis.pruners.inllm import prune_inside
from analysis.pruners.pyramiddrop import PyramidDrop
from analysis.pruners.sparsevlm import SparseVLM, SparseVLMv2

KEEP = 24


def layer_inputs(model, run):
    """Record what each decoder layer is called with while ``run`` runs."""
    calls = []

    def hook(index):
        def record(_module, args, kwargs):
            # Copied: what the layer sees now, not what it may become.
            calls.append((index, args[0] if args else kwargs["hidden_states"], dict(kwargs)))

        return record

    handles = [
        layer.register_forward_pre_hook(hook(i), with_kwargs=True)
        for i, layer in enumerate(model.model.layers)
    ]
    run()
    for handle in handles:
        handle.remove()
    return calls


def prefill(model, prompt, pruner, keep=KEEP, **kwargs):
    """Run the prompt once; returns the session, the calls of the layers and the output."""
    out = {}
    with prune_inside(model, pruner, prompt.image, keep, **kwargs) as session:
        calls = layer_inputs(model, lambda: out.update(o=prompt.forward(model, use_cache=True)))
    return session, calls, out["o"]


def eager_attentions(tools, prompt):
    """Full attention maps of the unpruned model, the slow way."""
    return prompt.forward(tools.llama("eager"), output_attentions=True).attentions


# FastV ---------------------------------------------------------------------------------


def test_fastv_trap_layer_before_the_cut_runs_twice(llama, pruner, tools):
    """FastV's KV-cache code runs layer K-1 a second time to see its attention."""
    _, calls, _ = prefill(llama, tools.prompt(), pruner)
    assert [index for index, _, _ in calls] == list(range(tools.N_LAYERS))


def test_lightcompress_and_fastv_trap_keys_of_layer_before_the_cut_are_cached_twice(
    llama, pruner, tools
):
    """Running layer K-1 again with the cache in its arguments doubles its keys (FastV#46)."""
    prompt = tools.prompt()
    session, _, out = prefill(llama, prompt, pruner)
    text = prompt.embeds.shape[1] - tools.N_IMAGE
    lengths = [out.past_key_values.get_seq_length(i) for i in range(tools.N_LAYERS)]
    assert lengths == [text + n for n in session.schedules[0].per_layer]


def test_fastv_trap_k_is_off_by_one(llama, tools):
    """K = full layers before the cut: layers 0 and 1 see all, layer 2 the kept ones."""
    prompt = tools.prompt()
    session, calls, _ = prefill(llama, prompt, FastV(full_layers=2))
    full = prompt.embeds.shape[1]
    n_keep = session.schedules[0].stages[0][1]
    shapes = [hidden.shape[1] for _, hidden, _ in calls]
    assert shapes == [full] * 2 + [full - tools.N_IMAGE + n_keep] * 4


def test_fastv_trap_attention_comes_from_the_wrong_layer(tools):
    """The ranking is the attention inside layer K-1, not K or K-2."""
    prompt = tools.prompt()
    maps = eager_attentions(tools, prompt)
    session, _, _ = prefill(tools.llama(), prompt, FastV())
    n_keep = session.schedules[0].stages[0][1]
    image = prompt.image[0]
    expected = [sorted(m[0].mean(0)[-1, image].topk(n_keep).indices.tolist()) for m in maps[:3]]
    assert list(session.stages[0].kept[0]) == expected[1]
    assert expected[1] not in (expected[0], expected[2])


def test_fastv_trap_only_batch_item_0_is_looked_at(llama, pruner, tools):
    """Every row keeps what it would keep alone, and rows differ."""
    prompt = tools.prompt(((3, 6), (3, 6), (3, 6)))
    session, _, _ = prefill(llama, prompt, pruner)
    kept = session.stages[-1].kept
    alone = [prefill(llama, prompt.row(r), pruner)[0].stages[-1].kept[0] for r in range(3)]
    assert list(kept) == alone
    assert len(set(kept)) == 3


def test_fastv_trap_the_padding_mask_is_discarded(llama, pruner, tools):
    """What stands on the padding changes nothing, in the prompt or while decoding."""
    prompt = tools.prompt(((3, 6), (12, 6)))
    with prune_inside(llama, pruner, prompt.image, KEEP) as session:
        first = prompt.generate(llama)
        kept = session.stages[-1].kept
        prompt.embeds[~prompt.mask.bool()] = 9.0
        second = prompt.generate(llama)
    assert kept == session.stages[-1].kept
    gap = torch.stack(first.logits) - torch.stack(second.logits)
    assert gap.abs().max() < 1e-5


def test_fastv_trap_each_decoding_step_prunes_anew(llama, pruner, tools):
    """One prompt, one choice: steps add one column per layer and drop none."""
    prompt = tools.prompt()
    with prune_inside(llama, pruner, prompt.image, KEEP) as session:
        out = prompt.generate(llama, steps=5)
    assert len(session.stages) == len(session.schedules[0].stages)
    text = prompt.embeds.shape[1] - tools.N_IMAGE
    lengths = [out.past_key_values.get_seq_length(i) for i in range(tools.N_LAYERS)]
    assert lengths == [text + n + 4 for n in session.schedules[0].per_layer]


# LightCompress -------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [1, 5, 35, 60])
def test_lightcompress_trap_the_image_is_assumed_to_start_at_35(pruner, prefix, tools):
    """What is dropped is image and nothing but image, wherever it stands."""
    prompt = tools.prompt(((prefix, 6),))
    model = tools.llama()
    n_text = prefix + 6
    session, calls, _ = prefill(model, prompt, pruner)
    first = session.schedules[0].layers[0]
    whole = layer_inputs(model, lambda: prompt.forward(model))[first][1]
    pruned = calls[first][1]
    assert torch.equal(pruned[:, :prefix], whole[:, :prefix])
    assert torch.equal(pruned[:, -6:], whole[:, -6:])
    assert pruned.shape[1] == n_text + session.schedules[0].per_layer[first]


def test_lightcompress_trap_cache_position_is_read(llama, pruner, tools):
    """The argument is gone since transformers 5.6; nothing here reads or passes it."""
    _, calls, _ = prefill(llama, tools.prompt(), pruner)
    assert not any("cache_position" in kwargs for _, _, kwargs in calls)


def test_lightcompress_trap_arguments_shared_by_layers_are_resized_in_place(llama, pruner, tools):
    """The tensors the model made for all layers, and the caller's, stay as they were."""
    prompt = tools.prompt(((3, 6), (8, 6)))
    copies = prompt.embeds.clone(), prompt.mask.clone(), prompt.image.clone()
    _, calls, _ = prefill(llama, prompt, pruner)
    first = calls[0][2]
    length = prompt.embeds.shape[1]
    assert first["position_ids"].shape[-1] == length
    assert first["position_embeddings"][0].shape[-2] == length
    assert first["attention_mask"].shape[-1] == length
    for now, copy in zip((prompt.embeds, prompt.mask, prompt.image), copies, strict=True):
        assert torch.equal(now, copy)


@pytest.mark.parametrize("pruner", [PyramidDrop(), SparseVLM()], ids=lambda p: p.name)
def test_lightcompress_trap_original_positions_for_methods_that_reindex(llama, pruner, tools):
    """PyramidDrop and SparseVLM v1 close the gaps at every stage, and decode from there."""
    prompt = tools.prompt(((3, 6), (8, 6)))
    session, calls, _ = prefill(llama, prompt, pruner)
    layout = calls[session.schedules[0].layers[-1]][2]
    for row, line in enumerate(layout["position_ids"]):
        n_real = int(prompt.mask[row].sum()) - tools.N_IMAGE + len(session.stages[-1].kept[row])
        start = int(line[-n_real])
        assert line[-n_real:].tolist() == list(range(start, start + n_real))
    with prune_inside(llama, pruner, prompt.image, KEEP) as session:
        calls = layer_inputs(llama, lambda: prompt.generate(llama, steps=2))
    n_layers = tools.N_LAYERS
    for index, _, kwargs in calls[n_layers:]:
        lost = tools.N_IMAGE - session.schedules[0].per_layer[index]
        length = prompt.mask.sum(1)
        assert kwargs["position_ids"][:, 0].tolist() == (length - lost).tolist()


@pytest.mark.parametrize("pruner", [FastV(), DART(), SparseVLMv2()], ids=lambda p: p.name)
def test_trap_new_positions_for_methods_that_keep_them(llama, pruner, tools):
    """FastV, DART and SparseVLM+ leave every token where it was."""
    prompt = tools.prompt(((3, 6),))
    session, calls, _ = prefill(llama, prompt, pruner)
    line = calls[-1][2]["position_ids"][0].tolist()
    kept = [3 + i for i in session.stages[-1].kept[0]]
    assert line == [0, 1, 2, *kept, *range(43, 49)]
    with prune_inside(llama, pruner, prompt.image, KEEP):
        calls = layer_inputs(llama, lambda: prompt.generate(llama, steps=2))
    assert calls[-1][2]["position_ids"].tolist() == [[49]]


def test_lightcompress_trap_state_shared_between_models(pruner, tools):
    """Two models pruned at the same moment do not know of each other."""
    one, two = tools.llama(seed=0), tools.llama(seed=5)
    prompt = tools.prompt()
    apart = [prefill(model, prompt, pruner)[0].stages[-1].kept for model in (one, two)]
    with (
        prune_inside(one, pruner, prompt.image, KEEP) as first,
        prune_inside(two, pruner, prompt.image, KEEP) as second,
    ):
        prompt.forward(one)
        prompt.forward(two)
    assert [first.stages[-1].kept, second.stages[-1].kept] == apart


# UniPruneBench -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pruner", [FastV(), PyramidDrop(), DART(), SparseVLMv2()], ids=lambda p: p.name
)
def test_uniprunebench_trap_tokens_in_score_order_permute_causality(pruner, tools):
    """Kept tokens stand in the order they had; rows of the states prove it."""
    prompt, model = tools.prompt(), tools.llama()
    session, calls, _ = prefill(model, prompt, pruner)
    first = session.stages[0]
    whole = layer_inputs(model, lambda: prompt.forward(model))[first.layer][1]
    image = prompt.image[0].nonzero().flatten()
    kept = torch.tensor(first.kept[0])
    assert kept.tolist() == sorted(kept.tolist())
    n = len(kept)
    assert torch.equal(calls[first.layer][1][0, 3 : 3 + n], whole[0, image[kept]])


def test_uniprunebench_trap_the_lowest_scores_are_kept(tools):
    """An ascending sort keeps what nobody looks at: the kept outweigh the dropped."""
    prompt = tools.prompt()
    row = eager_attentions(tools, prompt)[1][0].mean(0)[-1, prompt.image[0]]
    session, _, _ = prefill(tools.llama(), prompt, FastV())
    kept = torch.zeros_like(row, dtype=torch.bool)
    kept[list(session.stages[0].kept[0])] = True
    assert row[kept].min() >= row[~kept].max()


@pytest.mark.parametrize("name", ["KEEP_RADIO", "KEEP_RATIO", "SUBSET_RATIO", "USE_VERSION"])
def test_uniprunebench_trap_a_misspelt_environment_variable_sets_the_budget(
    pruner, name, tools, monkeypatch
):
    """No environment variable is a parameter."""
    prompt, model = tools.prompt(), tools.llama()
    before = prefill(model, prompt, pruner)[0]
    monkeypatch.setenv(name, "0.1")
    after = prefill(model, prompt, pruner)[0]
    assert os.environ[name] == "0.1"
    assert before.schedules == after.schedules
    assert before.stages[-1].kept == after.stages[-1].kept


def test_uniprunebench_trap_attention_travels_through_files(pruner, tools, monkeypatch):
    """Nothing is written: opening any file while the prompt runs would fail."""
    prompt, model = tools.prompt(), tools.llama()

    def refuse(*args, **kwargs):
        raise AssertionError(f"a file was touched: {args}")

    monkeypatch.setattr(torch, "save", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    session, _, _ = prefill(model, prompt, pruner)
    monkeypatch.undo()
    assert session.selections()


# SparseVLM -----------------------------------------------------------------------------


def test_sparsevlm_trap_clustering_noise_makes_runs_differ(tools):
    """Officially density gets random noise; here equal density ranks by index."""
    prompt, model = tools.prompt(), tools.llama()
    prompt.embeds[:, 5:20] = prompt.embeds[:, 5:6]
    runs = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        session, _, out = prefill(model, prompt, SparseVLM())
        runs.append((session.stages[-1].kept, out.logits))
    assert runs[0][0] == runs[1][0]
    assert torch.equal(runs[0][1], runs[1][1])


def test_sparsevlm_trap_budget_counts_layer_outputs(tools):
    """The released 192-token table is 206.5 tokens per layer, counted where it costs."""
    assert SparseVLM().original_schedule(576, 32).mean == 206.5


def test_trap_eager_attention_is_needed(tools):
    """sdpa gives no attention maps; the ranking equals the eager model's all the same."""
    prompt = tools.prompt()
    for pruner in tools.METHODS:
        first = prefill(tools.llama("sdpa"), prompt, pruner)[0]
        second = prefill(tools.llama("eager"), prompt, pruner)[0]
        assert first.stages[-1].kept == second.stages[-1].kept
