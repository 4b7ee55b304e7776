"""A tokenizer that segments vicuna_v1 and mistral prompts as LLaMA's vocabulary does.

Only the pieces these prompts need are in it, at the ids they have in LLaMA's published
vocabulary; every other symbol falls back to bytes. So the word boundary after the
image and the 35 tokens before it are the real ones.
"""

from tokenizers import Tokenizer, decoders, models, normalizers, processors
from transformers import PreTrainedTokenizerFast

SPACE = "\u2581"
# Pieces and ids of LLaMA's vocabulary, by word of the conversation.
PIECES = {
    f"{SPACE}A": 319, f"{SPACE}chat": 13563, f"{SPACE}between": 1546, f"{SPACE}a": 263,
    f"{SPACE}curious": 12758, f"{SPACE}user": 1404, f"{SPACE}and": 322, f"{SPACE}an": 385,
    f"{SPACE}artificial": 23116, f"{SPACE}intelligence": 21082, f"{SPACE}assistant": 20255,
    f"{SPACE}The": 450, f"{SPACE}gives": 4076, f"{SPACE}helpful": 8444,
    f"{SPACE}detailed": 13173, f"{SPACE}pol": 1248, "ite": 568, f"{SPACE}answers": 6089,
    f"{SPACE}to": 304, f"{SPACE}the": 278, f"{SPACE}questions": 5155, f"{SPACE}US": 3148,
    "ER": 1001, "SS": 1799, "IST": 9047, "ANT": 13566, SPACE: 29871,
    ".": 29889, ",": 29892, "'": 29915, "s": 29879, ":": 29901,
}  # fmt: skip
SIZE = 32000


def _vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Pieces at their ids, bytes at 3 to 258, letters and halves of pieces in the gaps."""
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2}
    vocabulary |= {f"<0x{byte:02X}>": byte + 3 for byte in range(256)}
    vocabulary |= PIECES
    merges: list[tuple[str, str]] = []
    for piece in PIECES:
        for end in range(2, len(piece) + 1):
            pair = (piece[: end - 1], piece[end - 1 : end])
            if pair not in merges:
                merges.append(pair)
    needed = sorted({part for pair in merges for part in (*pair, "".join(pair))} - set(vocabulary))
    free = iter(range(SIZE - 1, 258, -1))
    taken = set(vocabulary.values())
    for part in needed:
        vocabulary[part] = next(i for i in free if i not in taken)
    fill = (i for i in range(SIZE) if i not in set(vocabulary.values()))
    vocabulary |= {f"<unused{i}>": i for i in fill}
    return vocabulary, merges


def llama_words() -> PreTrainedTokenizerFast:
    """Tokenizer in LLaMA's form: a space first, spaces as marks, bytes as fallback."""
    vocabulary, merges = _vocabulary()
    model = models.BPE(
        vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True
    )
    raw = Tokenizer(model)
    raw.normalizer = normalizers.Sequence(
        [normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)]
    )
    raw.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    raw.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        extra_special_tokens={"image_token": "<image>"},
    )
