"""Telling that memory ran out from everything else that can go wrong, on any device."""

import torch

# What torch and the libraries under it say when an allocation fails without a class of its own.
_SIGNS = ("can't allocate memory", "out of memory", "STATUS_ALLOC_FAILED")


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
