"""How to load a checkpoint: every choice with its default, what is allowed and its help."""

from dataclasses import dataclass, field, fields
from typing import Any

from analysis.errors import UsageError
from analysis.models.preprocess import ASPECTS
from analysis.models.prompts import STYLES, PromptStyle


def _says(about: str, *choices: str | None) -> dict[str, Any]:
    """Metadata of a field: its help and, where there are few, its values."""
    return {"help": about, "choices": choices}


@dataclass(frozen=True)
class LoadOptions:
    """How to load a checkpoint; the help of each option is its field's metadata.

    Parameters
    ----------
    model
        Hub id or folder.
    revision
        Branch, tag or commit on the hub.
    dtype
        auto, float32, bfloat16 or float16; auto is float32 on a CPU and the
        checkpoint's own type on a GPU.
    device
        auto, cpu, cuda, cuda:1, …
    device_map
        Passed to ``from_pretrained`` for models that span devices.
    attention
        Attention implementation of the language model and the tower.
    image_aspect
        auto, pad or crop; auto is pad for LLaVA-1.5 (the papers' protocol).
    prompt
        auto, vicuna_v1, mistral_instruct or chat_template.
    quantize
        None, 4bit or 8bit (needs bitsandbytes and a GPU).
    compile
        Compile the language model's forward; off by default.
    """

    model: str = field(metadata=_says("Hub id or folder of the checkpoint."))
    revision: str | None = field(default=None, metadata=_says("Branch, tag or commit."))
    dtype: str = field(
        default="auto",
        metadata=_says(
            "auto, float32, bfloat16 or float16.", "auto", "float32", "bfloat16", "float16"
        ),
    )
    device: str = field(default="auto", metadata=_says("auto, cpu, cuda, cuda:1, …"))
    device_map: str | None = field(default=None, metadata=_says("For models that span devices."))
    attention: str = field(
        default="sdpa",
        metadata=_says("sdpa, eager or flash_attention_2.", "sdpa", "eager", "flash_attention_2"),
    )
    image_aspect: str = field(
        default="auto",
        metadata=_says("pad (the papers' protocol), crop, or auto.", "auto", *ASPECTS),
    )
    prompt: PromptStyle = field(
        default="auto", metadata=_says("vicuna_v1, chat_template, or auto.", *STYLES)
    )
    quantize: str | None = field(
        default=None, metadata=_says("4bit or 8bit (bitsandbytes).", None, "4bit", "8bit")
    )
    compile: bool = field(default=False, metadata=_says("Compile the language model."))

    def __post_init__(self) -> None:
        """Check every choice.

        Raises
        ------
        UsageError
            Naming field, value and what is allowed.
        """
        for entry in fields(self):
            choices = entry.metadata["choices"]
            value = getattr(self, entry.name)
            if choices and value not in choices:
                listed = ", ".join(str(choice) for choice in choices)
                raise UsageError(f"{entry.name} is {value!r}; choose one of: {listed}.")
