"""Loading a checkpoint: one sentence and a remedy for everything that can go wrong."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from analysis.errors import AgileError, UsageError
from analysis.models.devices import pick_device, ran_out, torch_dtype
from analysis.models.options import LoadOptions
from analysis.models.trust import pretrained, refuse_code, require_safetensors


def load_config(options: LoadOptions) -> Any:
    """Read the checkpoint's configuration.

    Raises
    ------
    UsageError
        When neither a folder nor a reachable hub repository has it, or a revision of a
        folder is asked for.
    """
    from transformers import AutoConfig

    if options.revision is not None and Path(options.model).is_dir():
        raise UsageError(
            f"revision {options.revision!r} has no meaning for the folder {options.model!r}, "
            "which has one state only; drop --revision."
        )

    with _found(options):
        refuse_code(options)
        return pretrained(AutoConfig, options)


@contextmanager
def _found(options: LoadOptions) -> Iterator[None]:
    """Say in one sentence why a model name leads nowhere.

    Files of wrong types make transformers raise whatever comes first, hence ``Exception``.
    """
    try:
        yield
    except (UsageError, ImportError, MemoryError):
        raise
    except Exception as error:
        weights = isinstance(error, RuntimeError) or type(error).__name__ == "SafetensorError"
        if weights and not isinstance(error, RecursionError):
            raise  # for `load_model` to say
        name, first = options.model, _first_line(error)
        if Path(name).is_dir():
            said = (
                f"folder {name!r} holds no readable checkpoint ({first}); "
                "pass one saved by save_pretrained."
            )
        elif name.startswith((".", "/")) or name.count("/") != 1:
            said = (
                f"model {name!r} is neither a folder nor a hub id; check the path, or use "
                "data/pocket."
            )
        else:
            said = (
                f"model {name!r} could not be fetched ({first}); check the name and the network, "
                "or pass a local folder."
            )
        raise UsageError(said) from error


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


def load_model(architecture: str, options: LoadOptions) -> Any:
    """Load weights and place them.

    Parameters
    ----------
    architecture
        Name of a transformers class with ``from_pretrained``.
    options
        What to load and where to.

    Returns
    -------
    The model in evaluation mode.

    Raises
    ------
    UsageError
        When the weights cannot be found, or the attention implementation is not installed.
    AgileError
        When they do not fit into memory, are damaged, or leave a parameter without a value.
    """
    import transformers

    device = pick_device(options.device)
    kwargs: dict[str, Any] = {
        "dtype": torch_dtype(options.dtype, device),
        "attn_implementation": options.attention,
    }
    if (quantized := quantization(options)) is not None:
        kwargs["quantization_config"] = quantized
    if options.device_map is not None or quantized is not None:
        kwargs["device_map"] = options.device_map or "auto"
    try:
        with _found(options):
            require_safetensors(options, load_config(options))
            model, found = pretrained(
                getattr(transformers, architecture),
                options,
                use_safetensors=True,
                output_loading_info=True,
                **kwargs,
            )
        if "device_map" not in kwargs:
            model = model.to(device)
    except ImportError as error:
        raise UsageError(
            f"{options.model} cannot be loaded as asked, a package is missing "
            f"({_first_line(error)}); use --attention sdpa and no --device-map."
        ) from error
    except UsageError:
        raise
    except Exception as error:
        raise _broken(options, device, error) from error
    _check_complete(options, model, found["missing_keys"])
    model.eval()
    if options.compile:
        model.forward = torch.compile(model.forward, dynamic=True)
    return model


def _broken(options: LoadOptions, device: torch.device, error: Exception) -> Exception:
    """Return what to raise for weights that are there but cannot be loaded."""
    if ran_out(error):
        return AgileError(
            f"{options.model} does not fit on {device}; use --dtype bfloat16, --quantize 4bit, "
            "or --device-map auto."
        )
    # safetensors has an exception class of its own, without a common base.
    damaged = type(error).__name__ == "SafetensorError"
    if damaged or (isinstance(error, RuntimeError) and "ignore_mismatched_sizes" in str(error)):
        why = _first_line(error) if damaged else "sizes differ from those in config.json"
        return AgileError(f"the weights of {options.model} are damaged ({why}); get them again.")
    return AgileError(
        f"{options.model} cannot be loaded ({type(error).__name__}: {_first_line(error)}); get the "
        "checkpoint again, or use data/pocket."
    )


def _check_complete(options: LoadOptions, model: Any, missing: set[str]) -> None:
    """Refuse weights that leave parameters at random values, which transformers only warns of."""
    unset = sorted(missing & {name for name, _ in model.named_parameters()})
    if unset:
        raise AgileError(
            f"the weights of {options.model} lack {len(unset)} parameters, {unset[0]} for one, "
            "which would stay random; get the whole checkpoint."
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")


def load_processor(options: LoadOptions) -> Any:
    """Load the processor with the PIL image backend (no torchvision needed).

    Raises
    ------
    UsageError
        When the checkpoint brings no processor.
    """
    from transformers import AutoProcessor

    with _found(options):
        processor = pretrained(AutoProcessor, options, backend="pil")
        if not (hasattr(processor, "tokenizer") and hasattr(processor, "image_processor")):
            raise ValueError("its processor does not take images and text")
        return processor


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

    with _found(options):
        images = pretrained(AutoImageProcessor, options, backend="pil")
        tokenizer = pretrained(AutoTokenizer, options)
        settings, _ = ProcessorMixin.get_processor_dict(options.model, revision=options.revision)
    template = settings.get("chat_template") or tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    return images, tokenizer, template
