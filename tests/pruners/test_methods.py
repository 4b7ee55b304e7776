"""What is particular to each method and not covered by its oracle or the matrix."""

from dataclasses import replace

import pytest
import torch

from analysis.measures.entropy import attention_entropy
from analysis.pruners import make_pruner
from analysis.pruners.cdpruner import greedy_map, question_relevance
from analysis.pruners.prumerge import outlier_count
from analysis.tokens import VisualTokens
from tests.pruners.inputs import field_tokens, random_tokens


@pytest.fixture(scope="module")
def tokens() -> VisualTokens:
    return field_tokens(5)


def select(spec: str, tokens: VisualTokens, keep: int | None):
    return make_pruner(spec).select(tokens, keep)


def test_ties_go_to_the_lowest_index():
    flat = replace(random_tokens(12), cls_attention=torch.full((12,), 0.05))
    assert select("fastervlm", flat, 5).indices.tolist() == [0, 1, 2, 3, 4]
    assert select("visionzip", flat, 5).indices[1:5].tolist() == [0, 1, 2, 3]


def test_random_draws_what_its_generator_says(tokens):
    def draw(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return make_pruner("random").select(tokens, 64, generator).indices.tolist()

    assert draw(1) == draw(1) != draw(2)
    assert select("random:seed=1", tokens, 64).indices.tolist() == draw(1)


def test_full_refuses_a_budget(tokens):
    assert select("full", tokens, None).n_kept == 576
    with pytest.raises(ValueError, match="keep must be 576 for full"):
        select("full", tokens, 64)


@pytest.mark.parametrize(
    ("keep", "dominant", "contextual"),
    [(64, 54, 10), (128, 108, 20), (192, 162, 30), (1, 1, 0), (6, 6, 0), (7, 6, 1), (575, 486, 89)],
)
def test_visionzip_split(tokens, keep, dominant, contextual):
    found = select("visionzip", tokens, keep)
    assert found.groups.count("cls") + found.groups.count("important") == dominant
    assert found.groups.count("contextual") == contextual
    assert found.n_kept == keep


def test_visionzip_split_by_parameters(tokens):
    assert select("visionzip:contextual=0", tokens, 20).groups.count("contextual") == 0
    assert select("visionzip:dominant=1", tokens, 20).groups.count("contextual") == 19
    with pytest.raises(ValueError, match="must add up to keep = 20"):
        select("visionzip:dominant=5:contextual=5", tokens, 20)


def test_visionzip_needs_cls_to_be_applied(tokens):
    found = select("visionzip", tokens, 20)
    with pytest.raises(ValueError, match="cls must be given"):
        found.apply(tokens.encoder_features)
    with pytest.raises(ValueError, match="features must be"):
        found.apply(tokens.encoder_features[:5], tokens.cls_feature)


@pytest.mark.parametrize(
    ("outliers", "extra"), [(10, 31), (20, 64), (30, 96), (40, 144), (57, 192), (80, 288)]
)
def test_prumerge_plus_is_a_step_function_of_the_outliers(outliers, extra):
    score = torch.rand(576, generator=torch.Generator().manual_seed(outliers))
    top = 100 + torch.arange(outliers).float()
    # Outliers sit between sampled positions, so that none is counted twice.
    stride = int(int(576 / outliers) / 3)
    places = [i for i in range(576) if i % max(stride, 2)] if stride > 1 else range(576)
    score[torch.tensor(list(places)[:outliers])] = top
    picks, labels, info = make_pruner("prumerge_plus")._choose(score, 0)
    assert info["outliers"] == outliers == labels.count("important")
    assert labels.count("spatial") == extra
    assert 575 not in picks[outliers:].tolist()


def test_prumerge_saturates_and_never_fails():
    spread = random_tokens(30)
    for scale in (0.0, 50.0):
        image = replace(spread, last_query=spread.last_query * scale)
        for name in ("prumerge", "prumerge_plus"):
            assert 2 <= select(name, image, None).n_kept <= 30
    assert outlier_count(torch.ones(9)) == 0


def test_prumerge_fixed_keeps_to_its_rule(tokens):
    found = select("prumerge_plus_fixed", tokens, 64)
    assert [found.groups.count(g) for g in ("important", "spatial", "extra")] == [16, 47, 1]
    assert select("prumerge_plus_fixed", tokens, 1).groups == ("important",)


def test_cdpruner_fills_up_when_the_rank_is_used_up():
    low = random_tokens(60).features[:, :3]
    image = replace(random_tokens(60), features=low)
    found = select("cdpruner", image, 30)
    assert found.info["topped_up"] == found.groups.count("topup") > 0
    assert len(set(found.indices.tolist())) == 30
    assert greedy_map(torch.zeros(4, 4), 3).tolist() == [0]


def test_cdpruner_keeps_the_first_token_without_variance_as_official_code_does():
    kernel = torch.diag(torch.tensor([2.0, 1.0, -0.5, -0.25]))
    assert greedy_map(kernel, 4).tolist() == [0, 1, 3]


def test_cdpruner_prefers_what_clip_calls_unlike_the_question():
    image = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    relevance = question_relevance(image, torch.tensor([[2.0, 0.0]]))
    assert relevance.tolist() == pytest.approx([0.0, 0.5, 1.0], abs=1e-5)
    assert relevance[0] > 0.0
    assert torch.equal(question_relevance(image[:1], image[:1]), torch.ones(1))


def test_hiprune_takes_grid_neighbours_of_its_anchor():
    objects = torch.zeros(576)
    objects[100] = 1.0
    image = replace(field_tokens(1), object_attention=objects)
    found = select("hiprune", image, 64)
    labels = dict(zip(found.indices.tolist(), found.groups, strict=True))
    assert labels[100] == "anchor"
    assert {i for i, g in labels.items() if g == "buffer"} == {99, 101, 76, 124}
    wide = replace(image, grid=(12, 48))
    around = select("hiprune", wide, 64)
    assert {52, 148} <= set(around.indices.tolist())


def test_bat_clusters_cover_every_token_once(tokens):
    found = select("bat", tokens, 64)
    assert found.indices.tolist() == sorted(found.indices.tolist())
    feeds = (found.weights[:, 1:] > 0).sum(dim=0)
    assert bool((feeds <= 1).all())
    assert bool((feeds == 1)[tokens.cls_attention > 0].all())
    assert found.weights.sum(dim=1).tolist() == pytest.approx([1.0] * 64, abs=1e-5)
    centres = select("bat:merge=false", tokens, 64)
    assert centres.indices.tolist() == found.indices.tolist()


def test_bat_finds_separate_clusters():
    """Two tight groups, one centre each: every token joins its own group."""
    image = random_tokens(20)
    place = torch.where(torch.arange(20) < 10, 0.0, 100.0)[:, None]
    image = replace(image, encoder_features=image.encoder_features * 0.01 + place)
    found = select("bat:attention_share=0.0", image, 2)
    feeds = found.weights[:, 1:] > 0
    assert feeds[0].tolist() == [i < 10 for i in range(20)]
    assert feeds[1].tolist() == [i >= 10 for i in range(20)]


def test_mixture_ends_are_its_parts(tokens):
    for seeded in ("true", "false"):
        divprune = select(f"mixture:attention_share=0.0:seeded={seeded}", tokens, 49)
        assert divprune.indices.tolist() == select("divprune", tokens, 49).indices.tolist()
        fastervlm = select(f"mixture:attention_share=1.0:seeded={seeded}", tokens, 49)
        assert fastervlm.indices.tolist() == select("fastervlm", tokens, 49).indices.tolist()


@pytest.mark.parametrize(
    ("share", "keep", "important"), [(0.25, 64, 16), (0.5, 63, 32), (0.75, 2, 2), (0.5, 1, 1)]
)
def test_mixture_rounds_halves_up(tokens, share, keep, important):
    found = select(f"mixture:attention_share={share}", tokens, keep)
    assert found.groups.count("important") == important


def test_mixture_seeding(tokens):
    """Seeded: each new token is the farthest from all before; independent: of its own part."""
    distance = tokens.gram.cosine_distance()
    attended = set(select("fastervlm", tokens, 16).indices.tolist())
    picked = sorted(attended)
    found = set(select("mixture:attention_share=0.5", tokens, 32).indices.tolist())
    assert attended <= found
    for _ in range(16):
        score = distance[picked].min(dim=0).values
        score[picked] = -1
        picked.append(int(score.argmax()))
    assert set(picked) == found
    alone = select("mixture:attention_share=0.5:seeded=false", tokens, 32)
    rest = [i for i in range(576) if i not in attended]
    image = VisualTokens(features=tokens.features[rest])
    own = select("divprune", image, 16).indices.tolist()
    assert set(alone.indices.tolist()) - attended == {rest[i] for i in own}


@pytest.mark.parametrize("method", ["mixture", "bat", "vispruner", "prumerge_plus_fixed"])
def test_steering_moves_the_share_by_the_stated_line(tokens, method):
    erank = tokens.gram.erank()
    base = make_pruner(method).attention_share
    average = erank / 1.2

    def share(rule: str, erank_avg: float = average) -> float:
        spec = f"steered:method={method}:rule={rule}:erank_avg={erank_avg}"
        return select(spec, tokens, 64).info["attention_share"]

    assert share("fixed") == base
    assert share("adaptive") == pytest.approx(base * 0.8, rel=1e-6)
    assert share("inverse") == pytest.approx(base * 1.2, rel=1e-6)
    assert share("adaptive", erank / 9) == 0.1
    assert share("inverse", erank / 9) == 0.9


def test_steered_selection_is_that_of_the_method_at_its_share(tokens):
    found = select("steered:method=vispruner:rule=inverse", tokens, 64)
    share = found.info["attention_share"]
    plain = select(f"vispruner:attention_share={share}", tokens, 64)
    assert found.indices.tolist() == plain.indices.tolist()
    assert select("steered:rule=fixed:share=0.25", tokens, 64).info["important"] == 16


def test_steered_declares_what_its_method_does():
    bat = make_pruner("steered:method=bat")
    assert (bat.merges, bat.prunes, bat.needs) == (
        True,
        "before projector",
        ("cls_attention", "encoder_features"),
    )


def test_agilepruner_between_its_two_ends(tokens):
    """No threshold is attention's top K; a huge one deletes everything and fills up."""
    top = select("fastervlm", tokens, 64).indices.tolist()
    assert select("agilepruner:tau=0.0", tokens, 64).indices.tolist() == top
    wide = select("agilepruner:tau=2.0", tokens, 64)
    assert wide.indices.tolist() == top
    assert wide.info["topped_up"] == 63


def test_agilepruner_threshold_follows_the_image(tokens):
    found = select("agilepruner", tokens, 64)
    assert found.info["erank"] == pytest.approx(tokens.gram.erank())
    assert found.info["tau_first"] == pytest.approx(found.info["erank"] / 90 * 0.01)
    assert found.info["tau_last"] <= 0.25
    by_entropy = select("agilepruner:steer=entropy:entropy_avg=5", tokens, 64).info
    entropy = float(attention_entropy(tokens.cls_attention))
    assert by_entropy["entropy"] == pytest.approx(entropy)
    assert by_entropy["tau_first"] == pytest.approx(entropy / 5 * 0.01)


def test_agilepruner_diversity_grows_with_tau(tokens):
    ranks = [
        tokens.gram.erank(select(f"agilepruner:tau={tau}", tokens, 64).indices)
        for tau in (0.0, 0.1, 0.3)
    ]
    assert ranks == sorted(ranks)
    assert ranks[0] < ranks[-1]


@pytest.mark.parametrize(
    ("bounds", "factor", "expected"),
    [("", 1.5, 96), ("", 0.5, 32), (":count_max=70", 1.5, 70), (":count_min=50", 0.5, 50)],
)
def test_agilepruner_adaptive_count(tokens, bounds, factor, expected):
    average = tokens.gram.erank() / factor
    spec = f"agilepruner:adaptive_count=true:erank_avg={average}{bounds}"
    assert select(spec, tokens, 64).n_kept == expected


def test_divprune_does_not_repeat_duplicates():
    image = random_tokens(6)
    image = replace(image, features=image.features[torch.tensor([0, 0, 0, 1, 1, 1])])
    assert select("divprune", image, 5).n_kept == len(
        set(select("divprune", image, 5).indices.tolist())
    )


def test_prumerge_plus_that_picks_all_returns_the_zero_row_too():
    """As the official code: 577 rows for 576 tokens, the last of zeros."""
    keys = torch.zeros(577, 8)
    keys[1:130, 0] = 9.0
    keys[576, 0] = 9.0  # the last token is never sampled: it must be an outlier itself
    query = torch.zeros(8)
    query[0] = 1.0
    tokens = VisualTokens(features=torch.rand(576, 8), last_keys=keys, last_query=query)
    found = make_pruner("prumerge_plus").select(tokens, 128)
    assert found.n_kept == 577
    assert not found.weights[-1].any()
    assert found.apply(torch.rand(576, 8), torch.rand(8)).shape == (577, 8)
