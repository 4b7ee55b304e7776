"""The checkpoint in git: small, loadable, and good enough on scenes it never saw."""

import json

import pytest

from analysis.models import LoadOptions, load
from analysis.pocket.card import render_card
from analysis.pocket.evaluate import MAX_NEW_TOKENS, observe
from analysis.scenes.scene import make_scene, split_seeds

_LIMIT = 12_000_000
_HELD_OUT = split_seeds("dev")[40_000:40_040]


@pytest.fixture(scope="module")
def adapter(request):
    """The shipped model."""
    return load(LoadOptions(model=str(request.config.rootpath / "data" / "pocket")))


@pytest.fixture(scope="module")
def frame(adapter):
    """Forty development scenes nobody used, with all tokens and with a random quarter."""
    return observe(adapter, _HELD_OUT, ["full", "random@36"])


def rate(rows, top, bottom):
    """Return a ratio of sums in per cent."""
    return 100 * rows[top].sum() / rows[bottom].sum()


def test_it_is_small(root):
    sizes = [path.stat().st_size for path in (root / "data" / "pocket").iterdir()]
    assert sum(sizes) <= _LIMIT


def test_it_answers_and_captions(frame):
    full = frame[frame.variant == "full"]
    assert rate(full, "n_correct", "n_asked") >= 80
    assert rate(full, "n_recalled", "n_gt") >= 70
    assert rate(full, "n_hallucinated", "n_mentions") <= 28
    assert full.truncated.sum() == 0


def test_it_lives_through_pruning(frame):
    accuracy = [
        rate(frame[frame.variant == variant], "n_correct", "n_asked")
        for variant in ("full", "random@36")
    ]
    assert accuracy[0] - accuracy[1] <= 12


def test_plain_transformers_gives_the_same_caption(root, frame):
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    folder = root / "data" / "pocket"
    model = LlavaForConditionalGeneration.from_pretrained(folder).float().eval()
    processor = AutoProcessor.from_pretrained(folder)
    scene = make_scene(_HELD_OUT[0])
    prompt = "USER: <image>\nplease describe this image in detail. ASSISTANT:"
    inputs = processor(images=scene.image, text=prompt, return_tensors="pt")
    output = model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
    new = output[0, inputs["input_ids"].shape[1] :]
    assert int(new[-1]) == processor.tokenizer.eos_token_id
    said = processor.decode(new, skip_special_tokens=True)
    full = frame[(frame.variant == "full") & (frame.seed == scene.seed)]
    assert said.strip() == full.caption.item().strip()


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
