"""Loading a checkpoint: one sentence and a remedy for everything that can go wrong."""

import importlib.util
import logging
from pathlib import Path
from typing import Any

import torch

from analysis.errors import AgileError, UsageError
from analysis.models.base import LoadOptions, pick_device, torch_dtype

log = logging.getLogger(__name__)


def load_config(options: LoadOptions) -> Any:
    """Read the checkpoint's configuration.

    Raises
    ------
    UsageError
        When neither a folder nor a reachable hub repository has it.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(options.model, revision=options.revision)
    except (OSError, ValueError) as error:
        raise UsageError(_not_found(options, error)) from error


def _not_found(options: LoadOptions, error: Exception) -> str:
    """One sentence about why a model name leads nowhere."""
    name = options.model
    first = str(error).strip().split("\n")[0]
    if Path(name).is_dir():
        return (
            f"folder {name!r} holds no readable checkpoint ({first}); "
            "pass one saved by save_pretrained."
        )
    if name.startswith((".", "/")) or name.count("/") != 1:
        return (
            f"model {name!r} is neither a folder nor a hub id; check the path, or use data/pocket."
        )
    return (
        f"model {name!r} could not be fetched ({first}); check the name and the network, "
        "or pass a local folder."
    )


def quantization(options: LoadOptions) -> Any:
    """Build a bitsandbytes configuration, or None.

    Raises
    ------
    UsageError
        When bitsandbytes is missing or there is no GPU for it.
    """
    if options.quantize is None:
        return None
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UsageError(
            f"quantize={options.quantize} needs bitsandbytes; "
            "install the extra: pip install 'agilepruner-analysis[quantize]'."
        )
    if not torch.cuda.is_available():
        raise UsageError(f"quantize={options.quantize} needs a GPU; drop --quantize here.")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(**{f"load_in_{options.quantize}": True})


def load_model(model_class: Any, options: LoadOptions) -> Any:
    """Load weights and place them.

    Parameters
    ----------
    model_class
        A transformers class with ``from_pretrained``.
    options
        What to load and where to.

    Returns
    -------
    The model in evaluation mode.

    Raises
    ------
    UsageError
        When the weights cannot be found.
    AgileError
        When they do not fit into memory.
    """
    device = pick_device(options.device)
    kwargs: dict[str, Any] = {
        "revision": options.revision,
        "dtype": torch_dtype(options.dtype, device),
        "attn_implementation": options.attention,
    }
    if (quantized := quantization(options)) is not None:
        kwargs["quantization_config"] = quantized
    if options.device_map is not None or quantized is not None:
        kwargs["device_map"] = options.device_map or "auto"
    try:
        model = model_class.from_pretrained(options.model, **kwargs)
        if "device_map" not in kwargs:
            model = model.to(device)
    except (OSError, ValueError) as error:
        raise UsageError(_not_found(options, error)) from error
    except torch.OutOfMemoryError as error:
        raise AgileError(
            f"{options.model} does not fit on {device}; use --dtype bfloat16, --quantize 4bit, "
            "or --device-map auto."
        ) from error
    model.eval()
    if options.compile:
        model.forward = torch.compile(model.forward, dynamic=True)
    return model


def load_processor(options: LoadOptions) -> Any:
    """Load the processor with the PIL image backend (no torchvision needed).

    Raises
    ------
    UsageError
        When the checkpoint brings no processor.
    """
    from transformers import AutoProcessor

    try:
        return AutoProcessor.from_pretrained(
            options.model, revision=options.revision, backend="pil"
        )
    except (OSError, ValueError) as error:
        raise UsageError(_not_found(options, error)) from error


def load_parts(options: LoadOptions) -> tuple[Any, Any, str | None]:
    """Load what images and text need of a processor that also wants videos.

    Parameters
    ----------
    options
        What to load.

    Returns
    -------
    tuple
        Image processor (PIL backend), tokenizer, chat template or None.

    Raises
    ------
    UsageError
        When the checkpoint brings one of them not at all.
    """
    from transformers import AutoImageProcessor, AutoTokenizer, ProcessorMixin

    where = {"revision": options.revision}
    try:
        images = AutoImageProcessor.from_pretrained(options.model, backend="pil", **where)
        tokenizer = AutoTokenizer.from_pretrained(options.model, **where)
        settings, _ = ProcessorMixin.get_processor_dict(options.model, **where)
    except (OSError, ValueError) as error:
        raise UsageError(_not_found(options, error)) from error
    template = settings.get("chat_template") or tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    return images, tokenizer, template
