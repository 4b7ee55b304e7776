"""The contract of a model adapter, and what travels in and out of it."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from PIL import Image
from torch import Tensor

from analysis.errors import UsageError
from analysis.models.preprocess import ASPECTS, Aspect
from analysis.models.prompts import STYLES, PromptStyle
from analysis.registry import Registry
from analysis.tokens import VisualTokens

MODELS: Registry[type["Adapter"]] = Registry("model family")


@dataclass(frozen=True)
class LoadOptions:
    """How to load a checkpoint.

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
        auto, vicuna_v1 or chat_template.
    quantize
        None, 4bit or 8bit (needs bitsandbytes and a GPU).
    compile
        Compile the language model's forward; off by default.
    """

    model: str
    revision: str | None = None
    dtype: str = "auto"
    device: str = "auto"
    device_map: str | None = None
    attention: str = "sdpa"
    image_aspect: str = "auto"
    prompt: PromptStyle = "auto"
    quantize: str | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        """Check every choice.

        Raises
        ------
        UsageError
            Naming field, value and what is allowed.
        """
        allowed: dict[str, tuple[str | None, ...]] = {
            "dtype": ("auto", "float32", "bfloat16", "float16"),
            "attention": ("sdpa", "eager", "flash_attention_2"),
            "image_aspect": ("auto", *ASPECTS),
            "prompt": STYLES,
            "quantize": (None, "4bit", "8bit"),
        }
        for name, choices in allowed.items():
            if getattr(self, name) not in choices:
                listed = ", ".join(str(choice) for choice in choices)
                raise UsageError(f"{name} is {getattr(self, name)!r}; choose one of: {listed}.")


@dataclass(frozen=True, eq=False)
class Request:
    """One question about one image, with the tokens the model may look at.

    Attributes
    ----------
    question
        The user's words, without the conversation around them.
    tokens
        All visual tokens of the image.
    selection
        Which of them to feed; None feeds all.
    """

    question: str
    tokens: VisualTokens
    selection: Any | None = None


@dataclass(frozen=True)
class Answer:
    """What the model said.

    Attributes
    ----------
    text
        Decoded answer without special tokens, stripped.
    token_ids
        New tokens up to and including the stop token.
    truncated
        True when generation ended at the limit instead of a stop token.
    selection
        What an in-model pruner kept for this row; None otherwise.
    """

    text: str
    token_ids: tuple[int, ...]
    truncated: bool
    selection: Any | None = None


class Adapter(Protocol):
    """One model family behind one interface; see :mod:`analysis.models.llava15`."""

    family: ClassVar[str]
    summary: ClassVar[str]
    default_aspect: ClassVar[Aspect]
    model: Any
    processor: Any

    @property
    def n_tokens(self) -> int | None:
        """Visual tokens of every image, None where it differs from image to image."""
        ...

    @classmethod
    def load(cls, options: LoadOptions) -> "Adapter":
        """Load model and processor from a hub id or a folder."""
        ...

    def encode(
        self, images: list[Image.Image], needs: frozenset[str] = frozenset()
    ) -> list[VisualTokens]:
        """Run the vision tower once over the images."""
        ...

    def generate(
        self, requests: list[Request], max_new_tokens: int, pruner: Any = None, keep: int = 0
    ) -> list[Answer]:
        """Answer all requests, in order, in one batch."""
        ...

    def fed(self, tokens: VisualTokens, selection: Any | None) -> Tensor:
        """Tokens the language model sees, (K, D)."""
        ...

    @classmethod
    def offers(cls) -> frozenset[str]:
        """Fields of VisualTokens that ``encode`` can fill."""
        ...

    def describe(self) -> dict[str, Any]:
        """Facts for the provenance block."""
        ...


def torch_dtype(name: str, device: torch.device) -> torch.dtype | str:
    """Translate a dtype name; ``auto`` is float32 on the CPU, the checkpoint's own on a GPU."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def pick_device(name: str) -> torch.device:
    """Translate a device name; ``auto`` is the first GPU where there is one.

    Raises
    ------
    UsageError
        When a GPU is asked for and torch sees none of that number, or for other devices:
        measures are float64, which not all of them know.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(
            f"device {name!r} is not known to torch; use auto, cpu or cuda."
        ) from error
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"device {name!r} is not supported; use auto, cpu or cuda.")
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= there:
        raise UsageError(f"device {name!r} is not available here; use --device cpu.")
    return device


def device_name(device: torch.device) -> str:
    """Name of the card or, for CPUs, of the processor as far as the system tells."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            found = re.search(r"model name\s*:\s*(.+)", file.read())
    except OSError:
        found = None
    threads = torch.get_num_threads()
    return f"{found.group(1).strip() if found else 'CPU'} ({threads} threads)"
