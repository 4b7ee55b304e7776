"""Devices, number types and memory: choosing them, naming them, telling when they run out."""

import re

import torch

from analysis.errors import UsageError

# What torch and the libraries under it say when an allocation fails without a class of its own.
_SIGNS = ("can't allocate memory", "out of memory", "STATUS_ALLOC_FAILED")


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


def ran_out(error: BaseException) -> bool:
    """Tell whether an exception means that a GPU's or the host's memory was not enough.

    Parameters
    ----------
    error
        Anything raised by torch; a CPU's allocator, cuBLAS and cuSOLVER raise plain
        ``RuntimeError``, a GPU's allocator ``torch.OutOfMemoryError``.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def release() -> None:
    """Hand unused blocks of a GPU's cache back, so that a smaller attempt can have them."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
