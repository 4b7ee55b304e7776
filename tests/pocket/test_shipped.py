"""The checkpoint in git: small, loadable, and good enough on scenes it never saw."""

import json

import pytest

from analysis.extract.config import ExtractConfig
from analysis.extract.loop import run_extraction
from analysis.models import LoadOptions, load
from analysis.pocket.card import render_card
from analysis.pocket.measured import estimates
from analysis.scenes.scene import make_scene, split_seeds
from chair_eval.bootstrap import Bootstrap

_LIMIT = 12_000_000
_FIRST, _COUNT = 40_000, 40
"""Development scenes nobody used."""


@pytest.fixture(scope="module")
def adapter(request):
    """The shipped model."""
    return load(LoadOptions(model=str(request.config.rootpath / "data" / "pocket")))


@pytest.fixture(scope="module")
def run(request, tmp_path_factory):
    """A run over forty scenes, with all tokens and with a random quarter."""
    config = ExtractConfig(
        model=str(request.config.rootpath / "data" / "pocket"),
        data=f"scenes:dev:{_FIRST + _COUNT}",
        offset=_FIRST,
        pruners=("random",),
        keeps=(36,),
    )
    return run_extraction(config, tmp_path_factory.mktemp("runs") / "shipped").run


@pytest.fixture(scope="module")
def variants(run):
    """Rates in per cent by variant."""
    return estimates(run, Bootstrap(n_resamples=100))["variants"]


def test_it_is_small(root):
    sizes = [path.stat().st_size for path in (root / "data" / "pocket").iterdir()]
    assert sum(sizes) <= _LIMIT


def test_it_answers_and_captions(variants):
    full = variants["full"]["all"]
    assert full["yes/no accuracy"][0] >= 80
    assert full["recall"][0] >= 70
    assert full["CHAIR_i"][0] <= 28
    assert variants["full"]["truncated"] == 0


def test_it_lives_through_pruning(variants):
    full, pruned = (variants[name]["all"]["yes/no accuracy"][0] for name in ("full", "random@36"))
    assert full - pruned <= 12


def test_plain_transformers_gives_the_same_caption(root, run):
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    folder = root / "data" / "pocket"
    model = LlavaForConditionalGeneration.from_pretrained(folder).float().eval()
    processor = AutoProcessor.from_pretrained(folder)
    scene = make_scene(split_seeds("dev")[_FIRST])
    prompt = "USER: <image>\nplease describe this image in detail. ASSISTANT:"
    inputs = processor(images=scene.image, text=prompt, return_tensors="pt")
    output = model.generate(**inputs, max_new_tokens=96, do_sample=False)
    new = output[0, inputs["input_ids"].shape[1] :]
    assert int(new[-1]) == processor.tokenizer.eos_token_id
    said = processor.decode(new, skip_special_tokens=True)
    answers = run.answers.set_index(["image_id", "variant", "task"])["answer"]
    assert said.strip() == answers[str(scene.seed), "full", "caption"].strip()


def test_chat_template_writes_the_training_prompt(adapter):
    content = [{"type": "image"}, {"type": "text", "text": "is there a dog in the image?"}]
    text = adapter.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True
    )
    assert text == "USER: <image>\nis there a dog in the image? ASSISTANT:"


def test_card_is_rendered_from_its_numbers(root):
    folder = root / "data" / "pocket"
    numbers = json.loads((folder / "card.json").read_text())
    assert (folder / "README.md").read_text() == render_card(numbers)
