"""Products of rows with rows and order statistics of rows, as fast as the device has them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear


def row_products(left: Tensor, right: Tensor) -> Tensor:
    """Return (A, B) dot products of the rows of ``left`` (A, C) and ``right`` (B, C).

    In float32 on a CPU oneDNN multiplies: the BLAS behind ``@`` is slower where its maker
    did not make the processor. Sums are float32 either way, in another order.
    """
    plain = left.device.type != "cpu" or left.dtype != torch.float32
    if plain or not torch.backends.mkldnn.is_available():
        return left @ right.mT
    product: Tensor = linear(left.contiguous().to_mkldnn(), right.contiguous()).to_dense()
    return product


def largest(values: Tensor, count: int) -> Tensor:
    """Mark the ``count`` largest of each row of ``values`` (A, B); ties go to the lowest index.

    Returns
    -------
    Tensor
        (A, B) bool with exactly ``count`` marks in each row, 1 <= count <= B.
    """
    limit = _kth_largest(values, count)
    chosen = values >= limit
    if int(chosen.sum()) > count * len(values):
        tied = values == limit
        room = count - (values > limit).sum(dim=1, keepdim=True)
        chosen &= ~tied | (tied.cumsum(dim=1) <= room)
    return chosen


def _kth_largest(values: Tensor, count: int) -> Tensor:
    """Return (A, 1) the ``count``-th largest of each row; NumPy's partition is vectorised."""
    if values.device.type != "cpu":
        return values.topk(count, dim=1).values[:, -1:]
    place = values.shape[1] - count
    return torch.from_numpy(np.partition(values.numpy(), place, axis=1)[:, place, None])
