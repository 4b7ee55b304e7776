"""One stage on arrays is what the engine does at that stage in a model."""

import pytest
import torch

from analysis.pruners import make_pruner
from analysis.pruners.inllm import prune_inside
from analysis.tokens import VisualTokens

KEEP, FIRST, N, WORDS = 24, 3, 40, 9
IMAGE, TEXT = slice(FIRST, FIRST + N), slice(FIRST + N, FIRST + N + WORDS)
SPECS = ["fastv", "pyramiddrop", "sparsevlm", "sparsevlm_v2", "dart", "dart:order=sorted"]


@pytest.fixture
def case(tools):
    """An eager model and a prompt of 3 + 40 + 9 tokens."""
    return tools.llama("eager"), tools.prompt(((FIRST, WORDS),))


def evidence(model, prompt, layer: int, *, following: bool) -> VisualTokens:
    """Read off the whole model what the fields hold at the input of ``layer``."""
    out = prompt.forward(model, output_attentions=True, output_hidden_states=True, use_cache=True)
    embeds, states = prompt.embeds[0], out.hidden_states[layer][0].detach()
    normed = model.model.norm(states).detach()
    keys = out.past_key_values.layers[layer - 1].keys[0].transpose(0, 1).flatten(1)
    frequency = model.model.rotary_emb.inv_freq
    slots = torch.arange(len(embeds), dtype=torch.float32)
    distance = slots[TEXT, None] - slots[None, IMAGE]
    bias = 2 * torch.cos(distance[..., None] * frequency).sum(-1) / (2 * len(frequency)) ** 0.5
    return VisualTokens(
        features=embeds[IMAGE],
        llm_attention=out.attentions[layer - (not following)][0][:, TEXT, IMAGE].detach(),
        llm_words=embeds[TEXT],
        llm_rotary_bias=bias,
        llm_keys=keys[IMAGE],
        llm_word_keys=keys[TEXT],
        llm_states=states[IMAGE],
        llm_normed=normed[IMAGE],
        llm_word_normed=normed[TEXT],
        llm_prefix=FIRST,
    )


@pytest.mark.parametrize("spec", SPECS)
def test_a_stage_on_arrays_is_the_stage_in_the_model(case, spec):
    model, prompt = case
    pruner = make_pruner(spec)
    with prune_inside(model, pruner, prompt.image, KEEP) as session:
        prompt.forward(model, use_cache=True)
    layer, leave = session.schedules[0].stages[0]
    tokens = evidence(model, prompt, layer, following=spec == "pyramiddrop")
    found = pruner.select(tokens, leave)
    assert found.indices.tolist() == list(session.stages[0].kept[0])
    assert found.position_policy == pruner.position_policy
    merged = session.stages[0].choices[0].merged
    assert (found.weights is None) == (merged is None)
    if found.weights is not None and merged is not None:
        assert found.groups.count("merged") == len(merged.states)
        tail = found.apply(tokens.llm_states)[-len(merged.states) :]
        assert torch.allclose(tail, merged.states, atol=1e-5)
        assert torch.equal(
            found.weights[: -len(merged.states)].sum(1), torch.ones(leave - len(tail))
        )


@pytest.mark.parametrize("order", ["sorted", "cpython"])
@pytest.mark.parametrize(
    ("case_name", "keep"),
    [
        ("dart_red0.778_abs_positions_cpython_set_order", 124),
        ("dart_red0.889_abs_positions_cpython_set_order", 68),
    ],
)
def test_golden_dart_on_arrays(golden, case_name, keep, order):
    q = torch.arange(635, dtype=torch.float64)[:, None]
    d = torch.arange(40, dtype=torch.float64)[None]
    h = torch.arange(4, dtype=torch.float64)[None, :, None]
    states = torch.sin(0.017 * (q + 1) * (d + 1)) + 0.3 * torch.cos(0.5 * q + 0.2 * d**2)
    slow = torch.cos(0.013 * (q[..., None] + 3) * (d[:, None, :10] + 1) * (h + 1))
    keys = (slow * (1 + 0.5 * torch.sin(0.11 * q[..., None] + h))).flatten(1)
    image, text = slice(35, 611), slice(611, 635)
    tokens = VisualTokens(
        features=states[image].float(),
        llm_keys=keys[image].float(),
        llm_word_keys=keys[text].float(),
        llm_normed=states[image].float(),
        llm_word_normed=states[text].float(),
        llm_prefix=35,
    )
    kept = make_pruner(f"dart:order={order}").select(tokens, keep).indices + 35
    assert kept.tolist() == golden["methods"][case_name]["indices"]
