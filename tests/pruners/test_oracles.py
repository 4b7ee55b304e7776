"""Equality with plain restatements of the official routines on smooth random fields."""

import pytest
import torch

from analysis.pruners import make_pruner
from tests.pruners import oracles
from tests.pruners.inputs import field_tokens

FIELDS = [
    (seed, knots, noise) for seed, knots in ((1, 6), (2, 8), (3, 12)) for noise in (0.0, 0.05)
]
KEEPS = (16, 49, 64, 128, 192)


@pytest.fixture(scope="module", params=FIELDS, ids=lambda f: "seed{}-knots{}-noise{}".format(*f))
def tokens(request):
    return field_tokens(*request.param)


@pytest.mark.parametrize("keep", KEEPS)
def test_fastervlm(tokens, keep):
    expected = oracles.fastervlm(tokens.cls_attention, keep)
    assert make_pruner("fastervlm").select(tokens, keep).indices.tolist() == expected


@pytest.mark.parametrize(
    ("keep", "share"), [(16, 0.5), (64, 0.5), (64, 0.75), (128, 0.5), (128, 0.25), (192, 0.5)]
)
def test_vispruner_on_settings_official_code_can_run(tokens, keep, share):
    expected = oracles.vispruner(tokens.cls_attention, tokens.encoder_features, keep, share)
    found = make_pruner(f"vispruner:attention_share={share}").select(tokens, keep)
    assert found.indices.tolist() == expected


@pytest.mark.parametrize("keep", KEEPS)
def test_divprune_in_pick_order(tokens, keep):
    found = make_pruner("divprune").select(tokens, keep)
    assert found.info["pick_order"] == oracles.divprune(tokens.features, keep)
    assert found.indices.tolist() == sorted(found.info["pick_order"])


@pytest.mark.parametrize("keep", [16, 32])
def test_cdpruner_below_the_rank_of_its_kernel(tokens, keep):
    expected = oracles.cdpruner(tokens.features, tokens.image_embeds, tokens.text_embeds, keep)
    assert len(set(expected)) == keep
    assert make_pruner("cdpruner").select(tokens, keep).indices.tolist() == expected


@pytest.mark.parametrize("keep", KEEPS)
def test_hiprune(tokens, keep):
    expected = oracles.hiprune(tokens.object_attention, tokens.received_attention, keep, 24, 0.1)
    assert make_pruner("hiprune").select(tokens, keep).indices.tolist() == expected


@pytest.mark.parametrize(("keep", "dominant"), [(64, 54), (128, 108), (192, 162)])
def test_visionzip_rows(tokens, keep, dominant):
    hidden = torch.cat([tokens.cls_feature[None], tokens.encoder_features])
    expected = oracles.visionzip(
        tokens.cls_attention, tokens.keys, hidden, dominant, keep - dominant
    )
    found = make_pruner("visionzip").select(tokens, keep)
    out = found.apply(tokens.encoder_features, tokens.cls_feature)
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["prumerge", "prumerge_plus"])
def test_prumerge_rows(tokens, name):
    found = make_pruner(name).select(tokens, None)
    assert 0 < found.info["outliers"] < 97, "official code has no result for other numbers"
    hidden = torch.cat([tokens.cls_feature[None], tokens.encoder_features])
    plus = name == "prumerge_plus"
    kept, expected = oracles.prumerge(hidden, tokens.last_keys, tokens.last_query, plus)
    assert found.indices.tolist() == [*kept, -1]
    torch.testing.assert_close(found.apply(tokens.encoder_features), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("keep", KEEPS)
def test_agilepruner(tokens, keep):
    expected = oracles.agilepruner(tokens.cls_attention, tokens.features, tokens.gram.erank(), keep)
    assert make_pruner("agilepruner").select(tokens, keep).indices.tolist() == expected


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_fps_from_the_first_token(tokens, metric):
    x = tokens.features
    unit = x / x.norm(dim=1, keepdim=True)
    plain = 1 - unit @ unit.T if metric == "cosine" else (x[:, None] - x[None]).norm(dim=-1)
    found = make_pruner(f"fps:metric={metric}:start=first").select(tokens, 49)
    assert found.info["pick_order"] == oracles.fps(plain, 0, 49)
