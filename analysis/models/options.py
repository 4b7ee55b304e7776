"""How to load a checkpoint: every choice with its default, what is allowed and its help."""

from dataclasses import dataclass

from analysis.models.preprocess import ASPECTS
from analysis.models.prompts import STYLES, PromptStyle
from analysis.options import check, option


@dataclass(frozen=True)
class Checkpoint:
    """Which checkpoint is read and how; everything here may change what it answers.

    Parameters
    ----------
    model
        Hub id or folder.
    revision
        Branch, tag or commit on the hub.
    dtype
        auto, float32, bfloat16 or float16; auto is float32 on a CPU and the
        checkpoint's own type on a GPU.
    attention
        Attention implementation of the language model and the tower.
    image_aspect
        auto, pad or crop; auto is pad for LLaVA-1.5 (the papers' protocol).
    prompt
        auto, vicuna_v1, mistral_instruct or chat_template.
    quantize
        None, 4bit or 8bit (needs bitsandbytes and a GPU).
    """

    model: str = option("Hub id or folder of the checkpoint.")
    revision: str | None = option("Branch, tag or commit.", None, kw_only=True)
    dtype: str = option(
        "auto, float32, bfloat16 or float16.",
        "auto",
        choices=("auto", "float32", "bfloat16", "float16"),
        kw_only=True,
    )
    attention: str = option(
        "sdpa, eager or flash_attention_2.",
        "sdpa",
        choices=("sdpa", "eager", "flash_attention_2"),
        kw_only=True,
    )
    image_aspect: str = option(
        "pad (the papers' protocol), crop, or auto.",
        "auto",
        choices=("auto", *ASPECTS),
        kw_only=True,
    )
    prompt: PromptStyle = option(
        "vicuna_v1, chat_template, or auto.", "auto", choices=STYLES, kw_only=True
    )
    quantize: str | None = option(
        "4bit or 8bit (bitsandbytes).", None, choices=(None, "4bit", "8bit"), kw_only=True
    )

    def __post_init__(self) -> None:
        """Check every choice.

        Raises
        ------
        UsageError
            Naming field, value and what is allowed.
        """
        check(self)


@dataclass(frozen=True)
class Placement:
    """Where a checkpoint runs.

    Parameters
    ----------
    device
        auto, cpu, cuda, cuda:1, …
    device_map
        Passed to ``from_pretrained`` for models that span devices.
    compile
        Compile the language model's forward; off by default.
    """

    device: str = option("auto, cpu, cuda, cuda:1, …", "auto", kw_only=True)
    device_map: str | None = option("For models that span devices.", None, kw_only=True)
    compile: bool = option("Compile the language model.", False, kw_only=True)


@dataclass(frozen=True)
class LoadOptions(Placement, Checkpoint):
    """How to load a checkpoint: see `Checkpoint` and `Placement`."""
