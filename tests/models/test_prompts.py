"""Rendered prompts and their token ids, frozen."""

import types

import pytest

from analysis.errors import UsageError
from analysis.models.prompts import placeholder, render, resolve_style, token_ids

QUESTION = "The user questions the assistant, detailed."
# BOS and 34 tokens; the last is the space before the image. FastV's and DivPrune's 35.
BEFORE = [
    1, 319, 13563, 1546, 263, 12758, 1404, 322, 385, 23116, 21082, 20255, 29889, 450, 20255,
    4076, 8444, 29892, 13173, 29892, 322, 1248, 568, 6089, 304, 278, 1404, 29915, 29879, 5155,
    29889, 3148, 1001, 29901, 29871,
]  # fmt: skip
# A word boundary and a line feed (byte 0x0A is id 13), then the question.
CLOSING = [319, 1799, 9047, 13566, 29901]
LLAMA_TEMPLATE = (
    "{% for m in messages %}{{ m['role'].upper() }}: {% for p in m['content'] %}"
    "{% if p['type'] == 'image' %}<image>\n{% else %}{{ p['text'] }}{% endif %}{% endfor %} "
    "{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)


@pytest.fixture(scope="module")
def words(tiny_module):
    return tiny_module("tiny_llama_words").llama_words()


def processor(tokenizer, template=None, image="<image>"):
    def apply(conversation, **options):
        return tokenizer.apply_chat_template(conversation, chat_template=template, **options)

    return types.SimpleNamespace(
        tokenizer=tokenizer, chat_template=template, image_token=image, apply_chat_template=apply
    )


def test_vicuna_v1_is_the_published_text(words):
    text = render("vicuna_v1", processor(words), "Please describe this image in detail.")
    assert text == (
        "A chat between a curious user and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the user's questions. USER: <image>\n"
        "Please describe this image in detail. ASSISTANT:"
    )


def test_vicuna_v1_puts_35_tokens_before_the_image(words):
    served = processor(words)
    before, after = token_ids(served, render("vicuna_v1", served, QUESTION), "vicuna_v1")
    assert before == BEFORE
    assert len(before) == 35
    assert words.convert_ids_to_tokens(after[:2]) == ["\u2581", "<0x0A>"]
    assert after[:2] == [29871, 13]
    assert after[-5:] == CLOSING
    expected = words.encode("x" + QUESTION, add_special_tokens=False)[2:]
    assert after[3 : 3 + len(expected) - 1] == expected[1:]


def test_every_id_of_the_question_is_in_place(words):
    served = processor(words)
    _, after = token_ids(served, render("vicuna_v1", served, QUESTION), "vicuna_v1")
    spelled = words.convert_ids_to_tokens(after)
    text = "".join(spelled).replace("\u2581", " ").replace("<0x0A>", "\n")
    assert text == f" \n{QUESTION} ASSISTANT:"


def test_mistral_instruct_is_the_published_text(words):
    text = render("mistral_instruct", processor(words), "How many dogs?")
    assert text == "[INST] <image>\nHow many dogs? [/INST]"
    before, after = token_ids(processor(words), text, "mistral_instruct")
    assert words.decode(before, skip_special_tokens=True).strip() == "[INST]"
    assert after[:2] == [29871, 13]


def test_llama_chat_template_is_tokenised_as_a_whole(words):
    served = processor(words, LLAMA_TEMPLATE)
    text = render("chat_template", served, QUESTION)
    assert text == f"USER: <image>\n{QUESTION} ASSISTANT:"
    before, after = token_ids(served, text, "chat_template")
    assert before == [1, 3148, 1001, 29901, 29871]
    assert [*before, 32000, *after] == words.encode(text)


def test_qwen_template_and_its_ids(tiny_module):
    qwen = tiny_module("tiny_qwen")
    tokenizer = qwen.tiny_bytes()
    served = processor(tokenizer, qwen.TEMPLATE, "<|image_pad|>")
    text = render("chat_template", served, "Hi?")
    assert text == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Hi?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    before, after = token_ids(served, text, "chat_template")
    assert len(before) == 1 + 7 + 28 + 1 + 1 + 1 + 5 + 1  # markers and bytes, in order
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in qwen.SPECIAL}
    assert before[0] == ids["<|im_start|>"]
    assert before[-1] == ids["<|vision_start|>"]
    assert after[0] == ids["<|vision_end|>"]
    assert tokenizer.decode(after) == "<|vision_end|>Hi?<|im_end|>\n<|im_start|>assistant\n"


def test_auto_takes_the_conversation_the_tokenizer_can_spell(words, tiny_module):
    assert resolve_style("auto", processor(words, LLAMA_TEMPLATE)) == "vicuna_v1"
    mistral = resolve_style("auto", processor(words), "mistral_instruct")
    assert mistral == "mistral_instruct"
    word_level = tiny_module("tiny").tiny_tokenizer()
    assert resolve_style("auto", processor(word_level, LLAMA_TEMPLATE)) == "chat_template"
    assert resolve_style("auto", processor(word_level)) == "vicuna_v1"


def test_wrong_styles_and_questions_are_refused(words):
    served = processor(words)
    with pytest.raises(UsageError, match="choose one of: auto, vicuna_v1"):
        resolve_style("vicuna", served)
    with pytest.raises(UsageError, match="no chat template"):
        resolve_style("chat_template", served)
    with pytest.raises(UsageError, match="must not contain <image>"):
        render("vicuna_v1", served, "what is <image> ?")
    with pytest.raises(UsageError, match=r"must not contain <\|image_pad\|>"):
        render("vicuna_v1", processor(words, image="<|image_pad|>"), "a <|image_pad|>")
    blind = processor(words, "{{ messages[0]['content'][1]['text'] }}")
    with pytest.raises(UsageError, match="exactly once"):
        render("chat_template", blind, "hello")


def test_placeholder_is_the_processors(words):
    assert placeholder(processor(words, image="<|image_pad|>")) == "<|image_pad|>"
    assert placeholder(types.SimpleNamespace()) == "<image>"
