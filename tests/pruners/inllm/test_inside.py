"""Pruning inside the language model: the promises of the engine, for every method."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from analysis.errors import AgileError
from analysis.pruners.inllm import InsideSession, prune_inside

KEEP = 24
RAGGED = ((3, 6), (9, 4), (1, 11))


def test_keep_all_gives_the_plain_logits_bit_for_bit(llama, pruner, tools):
    prompt = tools.prompt(RAGGED)
    plain = prompt.forward(llama).logits
    with prune_inside(llama, pruner, prompt.image, tools.N_IMAGE, attention_mask=prompt.mask) as s:
        inside = prompt.forward(llama).logits
    assert torch.equal(plain, inside)
    assert len(s.stages) == len(s.schedules[0].stages) > 0


def test_keep_all_generates_the_plain_ids_with_the_plain_logits(llama, pruner, tools):
    prompt = tools.prompt(RAGGED)
    plain = prompt.generate(llama)
    with prune_inside(llama, pruner, prompt.image, tools.N_IMAGE):
        inside = prompt.generate(llama)
    assert torch.equal(plain.sequences, inside.sequences)
    assert all(torch.equal(a, b) for a, b in zip(plain.logits, inside.logits, strict=True))


@pytest.mark.parametrize("policy", ["reindex", "keep"])
def test_cached_decoding_equals_a_cache_free_recomputation(llama, pruner, policy, tools):
    prompt = tools.prompt(((5, 7),))
    with prune_inside(llama, pruner, prompt.image, KEEP, position_policy=policy) as session:
        out = prompt.generate(llama, steps=6)
    reference = tools.recompute(llama, prompt, session, out.sequences[0, :-1])
    decoded = torch.stack(out.logits)[:, 0]
    assert torch.allclose(decoded, reference[-6:], atol=1e-5, rtol=0)
    plain = prompt.generate(llama, steps=6)
    assert not torch.allclose(torch.stack(plain.logits)[:, 0], decoded, atol=1e-3)


def test_one_forward_without_a_cache_equals_the_prefill(llama, pruner, tools):
    prompt = tools.prompt(((5, 7),))
    with prune_inside(llama, pruner, prompt.image, KEEP) as session:
        cached = prompt.forward(llama, use_cache=True).logits
        kept = session.selections()[0].indices
        bare = prompt.forward(llama, use_cache=False).logits
    assert torch.equal(kept, session.selections()[0].indices)
    assert torch.allclose(cached, bare, atol=1e-5, rtol=0)


@pytest.mark.parametrize("policy", ["reindex", "keep"])
def test_a_left_padded_batch_equals_its_rows_alone(llama, pruner, policy, tools):
    prompt = tools.prompt(RAGGED)
    options = {"position_policy": policy}
    with prune_inside(
        llama, pruner, prompt.image, KEEP, attention_mask=prompt.mask, **options
    ) as session:
        together = prompt.generate(llama)
    for index, selection in enumerate(session.selections()):
        alone = prompt.row(index)
        with prune_inside(llama, pruner, alone.image, KEEP, **options) as single:
            out = alone.generate(llama)
        assert torch.equal(selection.indices, single.selections()[0].indices)
        assert torch.equal(together.sequences[index], out.sequences[0])
        gap = torch.stack(together.logits)[:, index] - torch.stack(out.logits)[:, 0]
        assert gap.abs().max() < 1e-5


def test_rows_with_different_image_sizes_share_a_batch(llama, pruner, tools):
    rows = [tools.prompt(((4, 5),), seed=s, n_image=n) for s, n in ((3, 40), (4, 31))]
    length = max(r.embeds.shape[1] for r in rows)
    pad = [length - r.embeds.shape[1] for r in rows]
    both = tools.prompt(((4, 5), (4, 5)))
    stack = [
        torch.cat([torch.nn.functional.pad(v, (0, 0, p, 0) if v.ndim == 3 else (p, 0))
                   for v, p in zip(values, pad, strict=True)])
        for values in (
            [r.embeds for r in rows], [r.mask for r in rows], [r.image for r in rows],
        )
    ]  # fmt: skip
    both.embeds, both.mask, both.image = stack
    with prune_inside(llama, pruner, both.image, 22) as session:
        together = both.generate(llama)
    for index, row in enumerate(rows):
        with prune_inside(llama, pruner, row.image, 22) as single:
            alone = row.generate(llama)
        assert session.schedules[index] == single.schedules[0]
        gap = torch.stack(together.logits)[:, index] - torch.stack(alone.logits)[:, 0]
        assert gap.abs().max() < 1e-5


def test_afterwards_the_model_has_no_hooks_and_identical_logits(llama, pruner, tools):
    prompt = tools.prompt()
    before = prompt.forward(llama).logits
    with prune_inside(llama, pruner, prompt.image, KEEP):
        during = prompt.forward(llama).logits
    assert not torch.equal(before[:, -1], during[:, -1])
    assert torch.equal(before, prompt.forward(llama).logits)
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in llama.modules())


def test_a_body_that_raises_leaves_no_hooks_either(llama, pruner, tools):
    prompt = tools.prompt()
    before = prompt.forward(llama).logits

    def body():
        with prune_inside(llama, pruner, prompt.image, KEEP):
            prompt.forward(llama)
            raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        body()
    assert torch.equal(before, prompt.forward(llama).logits)
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in llama.modules())


def test_a_method_that_fails_inside_a_hook_leaves_no_hooks(tools):
    model, prompt = tools.llama(), tools.prompt()

    class Broken(type(tools.METHODS[0])):
        def choose(self, view, n_keep):
            return super().choose(view, n_keep - 1)

    with (
        pytest.raises(AgileError, match="instead of"),
        prune_inside(model, Broken(), prompt.image, KEEP),
    ):
        prompt.forward(model)
    assert not any(m._forward_pre_hooks for m in model.modules())


def test_exactly_the_scheduled_distinct_tokens_enter_each_layer(llama, pruner, tools):
    prompt = tools.prompt(RAGGED)
    seen = []
    handles = [
        layer.self_attn.register_forward_pre_hook(
            lambda _m, _a, k: seen.append(k["hidden_states"].shape[1]), with_kwargs=True
        )
        for layer in llama.model.layers
    ]
    with prune_inside(llama, pruner, prompt.image, KEEP) as session:
        prompt.forward(llama)
    for handle in handles:
        handle.remove()
    schedule = session.schedules[0]
    full = prompt.embeds.shape[1]
    assert seen == [full - tools.N_IMAGE + n for n in schedule.per_layer]
    for stage, (layer, n_keep) in zip(session.stages, schedule.stages, strict=True):
        assert stage.layer == layer
        assert all(len(set(row)) == len(row) == n_keep for row in stage.kept)
    assert abs(session.mean_tokens[0] - KEEP) <= 0.5


def test_the_session_tells_selections_with_their_schedule(pruner, tools):
    model, prompt = tools.llama(), tools.prompt(RAGGED)
    with prune_inside(model, pruner, prompt.image, KEEP) as session:
        with pytest.raises(AgileError, match="no prompt"):
            session.selections()
        prompt.forward(model)
    for row, selection in enumerate(session.selections()):
        n_last = session.schedules[row].stages[-1][1]
        assert selection.n_tokens == tools.N_IMAGE
        assert len(set(selection.indices.tolist())) == n_last == len(selection.groups)
        assert selection.info["schedule"] == [list(s) for s in session.schedules[row].stages]
        assert selection.info["mean_tokens"] == pytest.approx(session.mean_tokens[row])
        assert selection.info["asked"] == KEEP
        assert selection.position_policy == pruner.position_policy
        assert selection.apply(torch.eye(tools.N_IMAGE)).shape == (n_last, tools.N_IMAGE)
        if selection.weights is None:
            assert selection.indices.tolist() == sorted(selection.indices.tolist())
        else:
            assert torch.allclose(selection.weights.sum(1), torch.ones(n_last))


def test_the_original_schedule_is_used_without_a_keep(pruner, tools):
    model, prompt = tools.llama(), tools.prompt()
    with prune_inside(model, pruner, prompt.image) as session:
        prompt.forward(model)
    assert session.schedules[0] == pruner.original_schedule(tools.N_IMAGE, tools.N_LAYERS)


def test_a_schedule_of_ones_own_is_followed(pruner, tools):
    model, prompt = tools.llama(), tools.prompt()
    own = tools.Schedule(tools.N_IMAGE, tools.N_LAYERS, ((1, 21), (2, 20), (5, 3)))
    with prune_inside(model, pruner, prompt.image, schedule=own) as session:
        out = prompt.generate(model)
    assert [len(stage.kept[0]) for stage in session.stages] == [21, 20, 3]
    reference = tools.recompute(model, prompt, session, out.sequences[0, :-1])
    assert torch.allclose(torch.stack(out.logits)[:, 0], reference[-5:], atol=1e-5, rtol=0)


def test_llava_prunes_from_ids_and_pixels(pruner, tools):
    model = tools.llava()
    ids = torch.tensor([[1, 5, 6, *[63] * 36, 7, 8, 9, 10]])
    pixels = torch.randn(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": ids, "pixel_values": pixels, "attention_mask": torch.ones_like(ids)}
    plain = model.generate(**inputs, max_new_tokens=5, do_sample=False)
    with prune_inside(model, pruner, input_ids=ids, keep=36):
        full = model.generate(**inputs, max_new_tokens=5, do_sample=False)
    with prune_inside(model, pruner, input_ids=ids, keep=20) as session:
        model.generate(**inputs, max_new_tokens=5, do_sample=False)
    assert torch.equal(plain, full)
    assert abs(session.mean_tokens[0] - 20) <= 0.5
    assert torch.equal(plain, model.generate(**inputs, max_new_tokens=5, do_sample=False))


def test_several_images_in_one_row_are_one_pool(pruner, tools):
    model, prompt = tools.llama(), tools.prompt()
    prompt.image[0, 20:23] = False
    n = int(prompt.image.sum())
    plain = prompt.forward(model).logits
    with prune_inside(model, pruner, prompt.image, n):
        assert torch.equal(plain, prompt.forward(model).logits)
    with prune_inside(model, pruner, prompt.image, 20) as session:
        prompt.forward(model)
    assert session.selections()[0].n_tokens == n


def test_bfloat16_runs_and_keeps_the_count(pruner, tools):
    model, prompt = tools.llama().to(torch.bfloat16), tools.prompt()
    prompt.embeds = prompt.embeds.to(torch.bfloat16)
    with prune_inside(model, pruner, prompt.image, KEEP) as session:
        prompt.generate(model)
    assert session.selections()[0].n_kept == session.schedules[0].stages[-1][1]


@pytest.fixture
def qwen():
    torch.manual_seed(2)
    text = {
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "initializer_range": 0.15,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 1e4},
    }
    vision = {"depth": 1, "hidden_size": 32, "intermediate_size": 48, "num_heads": 4}
    config = Qwen2_5_VLConfig(
        text_config=text, vision_config={**vision, "out_hidden_size": 32}, image_token_id=63
    )
    return Qwen2_5_VLForConditionalGeneration(config).eval()


def test_spatial_positions_are_kept_in_qwen(qwen, pruner, tools):
    """M-RoPE: three rows of positions, gathered with the tokens."""
    prompt = tools.prompt(RAGGED)
    rows = torch.stack([torch.arange(prompt.mask.shape[1])] * 3) + torch.tensor([[0], [3], [5]])
    options = {"position_ids": rows[:, None].expand(3, len(RAGGED), -1)}
    plain = prompt.generate(qwen, **options)
    with prune_inside(qwen, pruner, prompt.image, tools.N_IMAGE, position_policy="keep"):
        inside = prompt.generate(qwen, **options)
    assert torch.equal(torch.stack(plain.logits), torch.stack(inside.logits))
    with prune_inside(qwen, pruner, prompt.image, KEEP, position_policy="keep") as session:
        prompt.generate(qwen, **options)
    assert all(len(row) == session.schedules[0].stages[-1][1] for row in session.stages[-1].kept)
    with (
        pytest.raises(ValueError, match="M-RoPE"),
        prune_inside(qwen, pruner, prompt.image, KEEP, position_policy="reindex"),
    ):
        pass


class Reads(TorchDispatchMode):
    """Counts the values that are read off a tensor, each of which waits for a GPU."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("shapes", [((5, 7),), RAGGED])
def test_decoding_reads_no_value_off_the_device(llama, pruner, shapes, tools, monkeypatch):
    prompt, reads, enter = tools.prompt(shapes), [], InsideSession.enter

    def counted(session, index, module, args, kwargs):
        with Reads() as seen:
            result = enter(session, index, module, args, kwargs)
        reads.append((session._prefill, seen.count))
        return result

    monkeypatch.setattr(InsideSession, "enter", counted)
    with prune_inside(llama, pruner, prompt.image, KEEP, attention_mask=prompt.mask):
        prompt.generate(llama, steps=4)
    assert sum(count for prefill, count in reads if prefill) > 0
    # The first new token may ask a layout once whether it is padded; later ones ask nothing.
    decoding = [count for prefill, count in reads if not prefill]
    assert sum(decoding[tools.N_LAYERS :]) == 0
