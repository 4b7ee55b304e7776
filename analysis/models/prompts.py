"""Prompts: the original conversations, or the processor's chat template."""

from typing import Any, Literal

from analysis.errors import UsageError

PromptStyle = Literal["auto", "vicuna_v1", "mistral_instruct", "chat_template"]
STYLES: tuple[PromptStyle, ...] = ("auto", "vicuna_v1", "mistral_instruct", "chat_template")
IMAGE = "<image>"

# The conversation LLaVA-1.5 was tuned and is evaluated with (conv-mode vicuna_v1).
VICUNA_V1 = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions. "
    "USER: <image>\n{question} ASSISTANT:"
)
# The conversation of LLaVA-NeXT on Mistral (conv-mode mistral_instruct).
MISTRAL_INSTRUCT = "[INST] <image>\n{question} [/INST]"
CONVERSATIONS: dict[str, str] = {"vicuna_v1": VICUNA_V1, "mistral_instruct": MISTRAL_INSTRUCT}


def placeholder(processor: Any) -> str:
    """Text that stands for the image in this processor's prompts."""
    return str(getattr(processor, "image_token", None) or IMAGE)


def resolve_style(
    style: PromptStyle, processor: Any, default: PromptStyle = "vicuna_v1"
) -> PromptStyle:
    """Decide which prompt ``auto`` means for this checkpoint.

    ``auto`` is the family's ``default`` conversation unless the tokenizer cannot spell
    it (it yields unknown tokens) and the processor brings a chat template of its own.

    Raises
    ------
    UsageError
        For an unknown style, and for ``chat_template`` where the processor has none.
    """
    if style not in STYLES:
        raise UsageError(f"unknown prompt style {style!r}; choose one of: {', '.join(STYLES)}.")
    has_template = bool(getattr(processor, "chat_template", None))
    wanted = default if style == "auto" else style
    if wanted == "chat_template" and not has_template:
        raise UsageError("this processor has no chat template; use --prompt vicuna_v1.")
    if style != "auto" or wanted == "chat_template":
        return wanted
    tokenizer = processor.tokenizer
    text = CONVERSATIONS[wanted].format(question="").replace(IMAGE, "")
    unknown = tokenizer.unk_token_id
    spells = unknown is None or unknown not in tokenizer.encode(text, add_special_tokens=False)
    return "chat_template" if has_template and not spells else wanted


def render(style: PromptStyle, processor: Any, question: str) -> str:
    """Return the full prompt text with one placeholder of the image in it.

    Parameters
    ----------
    style
        A resolved style (not ``auto``).
    processor
        Processor whose chat template may be used.
    question
        The user's words.

    Raises
    ------
    UsageError
        When the question itself contains the placeholder or the template drops it.
    """
    image = placeholder(processor)
    for reserved in {image, IMAGE}:
        if reserved in question:
            raise UsageError(
                f"the question must not contain {reserved}; remove it from {question!r}."
            )
    if style in CONVERSATIONS:
        return CONVERSATIONS[style].format(question=question)
    content = [{"type": "image"}, {"type": "text", "text": question}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    if text.count(image) != 1:
        raise UsageError(f"the chat template must place {image} exactly once; use vicuna_v1.")
    return str(text)


def token_ids(processor: Any, prompt: str, style: PromptStyle) -> tuple[list[int], list[int]]:
    """Tokenise the text before and after the image.

    For the original conversations each chunk is tokenised on its own, as the original code does, so
    the word boundary after the image is a token of its own. For ``chat_template`` the
    whole text is tokenised with the placeholder in place, as the processor does.

    Parameters
    ----------
    processor
        Processor with a ``tokenizer``.
    prompt
        Text holding the image's placeholder exactly once.
    style
        A resolved style.

    Returns
    -------
    tuple of two lists
        Ids before the image (BOS included where the tokenizer adds one) and after it.
    """
    tokenizer = processor.tokenizer
    bos = tokenizer.bos_token
    special = not (bos and prompt.startswith(bos))
    if style in CONVERSATIONS:
        before, after = prompt.split(IMAGE)
        head = tokenizer.encode(before, add_special_tokens=special)
        return _without_eos(head, tokenizer), tokenizer.encode(after, add_special_tokens=False)
    ids = _without_eos(tokenizer.encode(prompt, add_special_tokens=special), tokenizer)
    at = ids.index(tokenizer.convert_tokens_to_ids(placeholder(processor)))
    return ids[:at], ids[at + 1 :]


def _without_eos(ids: list[int], tokenizer: Any) -> list[int]:
    """Drop a closing EOS some tokenizers append; a prompt must stay open."""
    return ids[:-1] if ids and ids[-1] == tokenizer.eos_token_id else ids
