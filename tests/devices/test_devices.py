"""No tensor on the wrong device: every family, pruner and measure on a pretended GPU."""

import dataclasses
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.catalogue import METHODS
from analysis.datasets import load_dataset
from analysis.extract.config import ExtractConfig, Runtime
from analysis.extract.shard import make_worker
from analysis.measures.entropy import attention_entropy
from analysis.measures.erank import effective_rank
from analysis.measures.gram import eranks
from analysis.measures.kept import kept_measures
from analysis.models import LoadOptions, load
from analysis.models.anyres import AnyresTokens
from analysis.models.crops import select, select_batch
from analysis.models.exchange import Request
from analysis.pruners import make_pruner

TESTS = Path(__file__).parents[1]


def module(path):
    spec = importlib.util.spec_from_file_location(Path(path).stem, TESTS / path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


faraway = module("devices/faraway.py")
FAMILIES = ("llava", "next", "qwen")
SPECS = (
    *(name for name in METHODS.names() if name != "full"),
    "agilepruner:steer=entropy",
    "agilepruner:adaptive_count=true",
    "agilepruner:tau=0.1",
    "bat:merge=false",
    "dart:order=sorted",
    "fps:metric=euclidean",
    "fps:start=far_from_mean",
    "fps:start=max_nn",
    "fps:start=first",
    "mixture:attention_share=0",
    "mixture:seeded=false",
    "steered:method=bat",
    "steered:method=vispruner:steer=entropy",
)
INSIDE = [spec for spec in SPECS if make_pruner(spec).prunes == "in LLM"]
BEFORE = [spec for spec in SPECS if spec not in INSIDE]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    tiny = module("models/tiny.py")
    make = tmp_path_factory.mktemp
    return {
        "llava": tiny.tiny_llava(make("llava")),
        "next": module("models/tiny_next.py").tiny_next(make("next"), tiny.tiny_tokenizer()),
        "qwen": module("models/tiny_qwen.py").tiny_qwen(make("qwen")),
    }


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    sizes = ((112, 112), (80, 140))
    return [Image.fromarray(rng.integers(0, 255, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


@pytest.fixture(scope="module")
def near_side(folders, images):
    """Adapter, tokens with all evidence (noise for CLIP's joint space), and answers."""
    made = {}
    for family, folder in folders.items():
        adapter = load(LoadOptions(str(folder), device="cpu"))
        tokens = adapter.encode(images, adapter.offers)
        made[family] = adapter, [with_noise(one) for one in tokens]
    return made


@pytest.fixture(scope="module")
def far_side(folders, images):
    made = {}
    for family, folder in folders.items():
        adapter = load(LoadOptions(str(folder), device="cpu"))
        with faraway.Pretend():
            faraway.send(adapter.model)
            made[family] = adapter, adapter.encode(images, adapter.offers)
    return made


def with_noise(tokens):
    source = torch.Generator().manual_seed(0)

    def noise(one):
        joint = torch.randn(one.n + 3, 8, generator=source)
        return dataclasses.replace(one, image_embeds=joint[3:], text_embeds=joint[:3])

    if isinstance(tokens, AnyresTokens):
        parts = tuple(noise(part) for part in tokens.parts)
        return dataclasses.replace(noise(tokens), parts=parts)
    return noise(tokens)


def moved(tokens):
    """Return the same tokens on the pretended GPU."""
    values = {f.name: faraway.far(getattr(tokens, f.name)) for f in dataclasses.fields(tokens)}
    if isinstance(tokens, AnyresTokens):
        values["parts"] = tuple(moved(part) for part in tokens.parts)
        values["places"] = tuple(faraway.far(place) for place in tokens.places)
    return type(tokens)(**values)


def lacks(adapter, pruner):
    return set(pruner.needs) - adapter.offers - {"image_embeds", "text_embeds"}


def test_the_pretended_gpu_refuses_what_a_real_one_refuses():
    with faraway.Pretend():
        there, here = torch.arange(3, device=faraway.FAR), torch.ones(3)
        assert (there + 1).tolist() == [1, 2, 3]
        assert there[torch.tensor([2])].tolist() == [2]
        for wrong in (
            lambda: there + here,
            lambda: here[there],
            lambda: torch.stack([there, here]),
        ):
            with pytest.raises(RuntimeError, match="CPU"):
                wrong()
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()


@pytest.mark.parametrize("family", FAMILIES)
def test_encoding_stays_on_the_device(near_side, far_side, family):
    adapter, here = near_side[family]
    for one, other in zip(here, far_side[family][1], strict=True):
        for name in adapter.offers | {"crop", "newline"}:
            value = getattr(other, name)
            if value is not None:
                assert value.device == faraway.FAR, name
                assert torch.allclose(getattr(one, name), faraway.near(value), atol=1e-5), name


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("spec", BEFORE)
def test_selections_and_their_measures_are_the_same_there(near_side, family, spec):
    pruner, (adapter, here) = make_pruner(spec), near_side[family]
    if lacks(adapter, pruner):
        pytest.skip(f"{family} does not offer what {spec} reads")
    keep = min(tokens.n for tokens in here) // 2
    expected = select_batch(pruner, here, keep)
    with faraway.Pretend():
        there = [moved(tokens) for tokens in here]
        found = select_batch(pruner, there, keep)
        alone = [select(pruner, tokens, keep) for tokens in there]
        for tokens, other, a, b, c in zip(here, there, expected, found, alone, strict=True):
            assert b.indices.device == faraway.FAR
            assert a.indices.tolist() == b.indices.tolist() == c.indices.tolist()
            assert kept_measures(other, b) == pytest.approx(kept_measures(tokens, a), nan_ok=True)
            if b.weights is not None:
                out = b.apply(other.encoder_features, other.cls_feature)
                assert out.device == faraway.FAR


@pytest.mark.parametrize("family", FAMILIES)
def test_measures_of_an_image_are_the_same_there(near_side, family):
    for tokens in near_side[family][1]:
        with faraway.Pretend():
            other = moved(tokens)
            entropy = float(attention_entropy(other.cls_attention))
            ranks = [
                other.gram.erank(),
                float(eranks([other])),
                float(effective_rank(other.features)),
            ]
        assert entropy == pytest.approx(float(attention_entropy(tokens.cls_attention)))
        assert ranks == pytest.approx([tokens.gram.erank()] * 3)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("spec", ["full", "fastervlm", "visionzip", "prumerge_plus_fixed", *INSIDE])
def test_answers_are_the_same_there(near_side, far_side, family, spec):
    pruner = make_pruner(spec)
    if pruner.prunes != "in LLM" and lacks(near_side[family][0], pruner):
        pytest.skip(f"{family} does not offer what {spec} reads")

    def answers(adapter, tokens):
        n = min(one.n for one in tokens)
        if pruner.prunes == "in LLM":
            asked = [Request("what is it ?", one) for one in tokens]
            return adapter.generate(asked, 4, pruner=pruner, keep=n - n // 8)
        keep = None if spec == "full" else n // 2
        chosen = [None if keep is None else select(pruner, one, keep) for one in tokens]
        pairs = zip(tokens, chosen, strict=True)
        return adapter.generate([Request("what is it ?", t, s) for t, s in pairs], 4)

    expected = answers(*near_side[family])
    with faraway.Pretend():
        found = answers(*far_side[family])
    assert [one.token_ids for one in found] == [one.token_ids for one in expected]


def test_a_shard_makes_the_same_records_there(folders):
    config = ExtractConfig(
        model=str(folders["llava"]),
        data="scenes:dev:2",
        pruners=("random", "divprune", "visionzip", "agilepruner", "fastv"),
        keeps=(12,),
        max_new_tokens=3,
    )
    dataset = load_dataset(config.data)
    worker = make_worker(config, Runtime(device="cpu"), dataset.name)
    expected = worker.rows(list(dataset.samples()))
    with faraway.Pretend():
        faraway.send(worker.adapter.model)
        found = worker.rows(list(dataset.samples()))
    assert found["answers"] == expected["answers"]
    for one, other in zip(found["kept"], expected["kept"], strict=True):
        assert one["indices"] == other["indices"]
        assert one["erank"] == pytest.approx(other["erank"], rel=1e-5)
    for one, other in zip(found["images"], expected["images"], strict=True):
        assert one["entropy"] == pytest.approx(other["entropy"], rel=1e-5)
