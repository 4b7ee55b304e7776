"""Tokenizer and processor of the embedded model, saved in transformers' own layout."""

from __future__ import annotations

import re

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import LlavaProcessor, PreTrainedTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from analysis.scenes.captions import CAPTION_PROMPTS
from analysis.scenes.world import CATEGORIES, PATCH, SIZE, plural

PROMPT_TEMPLATE = "USER: <image>\n{prompt} ASSISTANT:"
"""LLaVA-1.5's prompt; lower-cased by the tokenizer, the line break is white space to it."""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}USER: "
    "{% if message['content'] is string %}{{ message['content'] }} {% else %}"
    "{% for item in message['content'] if item['type'] == 'image' %}<image>\n{% endfor %}"
    "{% for item in message['content'] if item['type'] == 'text' %}{{ item['text'] }} {% endfor %}"
    "{% endif %}"
    "{% else %}ASSISTANT: "
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for item in message['content'] if item['type'] == 'text' %}{{ item['text'] }}{% endfor %}"
    "{% endif %}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""The same prompt as a chat template, stored with the processor."""

QUESTION_FORMS: tuple[str, ...] = (
    "is there {a} in the image?",
    "is there {a} in the image? please answer yes or no.",
    "is there {a} in the image? answer the question using a single word or phrase.",
    "are there any {p} in the image?",
    "does the image contain {a}?",
)
"""Yes/no questions the model is trained on; {a} is "a dog", {p} is "dogs"."""

_SPECIAL = ("<pad>", "<unk>", "<s>", "</s>", "<image>")
_GLUE = (
    "user assistant yes no the image features a an there is are also and in background , . ? : ; '"
    " ! - two three four five several picture of drawing with this drawn scene background"
)


def _words() -> list[str]:
    names = " ".join(f"{name} {plural(name)}" for name in CATEGORIES)
    forms = " ".join(QUESTION_FORMS).replace("{a}", "").replace("{p}", "")
    text = " ".join((_GLUE, names, forms, *CAPTION_PROMPTS))
    return sorted(set(re.findall(r"\w+|[^\w\s]+", text)))


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Return a lower-casing word-level tokenizer that knows the world's words and no others."""
    vocabulary = {word: i for i, word in enumerate([*_SPECIAL, *_words()])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens={"image_token": "<image>"},
        padding_side="left",
        model_max_length=1024,
        clean_up_tokenization_spaces=True,
    )


def build_processor() -> LlavaProcessor:
    """Return the LLaVA processor: PIL image backend, chat template, no torchvision needed."""
    pictures = CLIPImageProcessorPil(
        size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}
    )
    return LlavaProcessor(
        image_processor=pictures,
        tokenizer=build_tokenizer(),
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
    )
