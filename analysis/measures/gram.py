"""One Gram matrix per image serves every erank and every cosine distance."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from analysis.measures.erank import spectrum_erank

_EPS = torch.finfo(torch.float64).eps
# Lengths whose squares, and those of their parts, float32 holds with room to spare.
_SAFE = (1e-15, 1e18)


class Gram:
    r"""Inner products of an image's tokens, computed once and read many times.

    :math:`G = X X^\top` in float64: a float32 Gram matrix squares the condition number
    and is wrong by percents when singular values fall like :math:`i^{-2}`. Its
    eigenvalues are the squared singular values (Eq. 7 of the paper), a kept set's are
    those of its sub-block, and centring is :math:`H G H`, so one K x K eigenproblem
    replaces the SVD of (K, D).

    The cosine distances are kept apart, in float32 by the formula of the official
    selectors (unit rows, one product, 1 - similarity): they decide near-ties, and
    parity means to round as they round.

    Parameters
    ----------
    features
        (N, D) tokens, any float dtype.
    """

    def __init__(self, features: Tensor) -> None:
        self._features = features.float() if features.dtype != torch.float64 else features
        self._eranks: dict[bool, float] = {}

    @classmethod
    def of(cls, features: Tensor) -> "Gram":
        """Return the Gram matrix of (N, D) ``features``.

        Raises
        ------
        ValueError
            If ``features`` is not a matrix with at least one row and column.
        """
        if features.ndim != 2 or 0 in features.shape:
            raise ValueError(f"features must be (N, D) and not empty, got {features.shape}")
        return cls(features)

    @property
    def device(self) -> torch.device:
        """Device the tokens live on."""
        return self._features.device

    @property
    def dimension(self) -> int:
        """Length D of the tokens."""
        return self._features.shape[1]

    @cached_property
    def matrix(self) -> Tensor:
        """(N, N) float64 inner products of the tokens."""
        wide = self._features.double()
        return wide @ wide.mT

    @property
    def has_distance(self) -> bool:
        """Whether `cosine_distance` is computed already."""
        return "_distance" in vars(self)

    def cosine_distance(self) -> Tensor:
        """Return (N, N) float32 distances 1 - cosine, in [0, 2] up to rounding.

        A token of zero norm is at distance 1 from every other token and at 0 from
        itself and other zero tokens. The matrix is shared: do not write to it.
        """
        return self._distance

    @cached_property
    def _distance(self) -> Tensor:
        return cosine_distances(self._features)

    def erank(self, indices: Tensor | None = None, centred: bool = True) -> float:
        """Return the effective rank of all tokens, or of those at ``indices`` (K,).

        See `analysis.measures.erank.effective_rank` for the definition, the range and
        the degenerate cases.
        """
        if indices is not None:
            rows = indices.to(self.matrix.device)
            return float(gram_erank(self.matrix[rows][:, rows], self.dimension, centred))
        if not self.has_erank(centred):
            self.remember_erank(float(gram_erank(self.matrix, self.dimension, centred)), centred)
        return self._eranks[centred]

    def remember_erank(self, value: float, centred: bool) -> None:
        """Take the effective rank of all tokens that was computed for a batch."""
        self._eranks[centred] = value

    def has_erank(self, centred: bool) -> bool:
        """Whether the effective rank of all tokens is computed already."""
        return centred in self._eranks


class HasGram(Protocol):
    """One image, as far as its Gram matrix is concerned."""

    @property
    def gram(self) -> Gram:
        """Inner products of its tokens."""


def gram_erank(gram: Tensor, dimension: int, centred: bool = True) -> Tensor:
    """Return the effective rank of (..., N, N) float64 Gram matrices of D-vectors.

    Eigenvalues beyond the largest possible rank min(N, D), one less when centred, are
    rounding and are left out, as are those under the noise of the matrix itself.
    """
    n = gram.shape[-1]
    scale = gram.diagonal(dim1=-2, dim2=-1).amax(dim=-1, keepdim=True)
    if centred:
        columns = gram.mean(dim=-2, keepdim=True)
        gram = gram - columns - columns.mT + columns.mean(dim=-1, keepdim=True)
    values = torch.linalg.eigvalsh(gram)[..., -max(1, min(n - centred, dimension)) :]
    noise = torch.maximum(4 * n**0.5 * scale, 10 * values[..., -1:]) * _EPS
    return spectrum_erank(torch.where(values > noise, values, 0.0).sqrt())


def eranks(batch: Sequence[HasGram], centred: bool = True) -> Tensor:
    """Return (B,) float64 effective ranks of images of one size, in one batched solve."""
    grams = [image.gram for image in batch]
    missing = [gram for gram in grams if not gram.has_erank(centred)]
    if len(missing) > 1:
        matrices = torch.stack([gram.matrix for gram in missing])
        fresh = gram_erank(matrices, missing[0].dimension, centred)
        for gram, value in zip(missing, fresh.tolist(), strict=True):
            gram.remember_erank(value, centred)
    values = [gram.erank(centred=centred) for gram in grams]
    return torch.tensor(values, dtype=torch.float64, device=grams[0].device)


def cosine_distances(features: Tensor) -> Tensor:
    """Return (..., N, N) float32 distances 1 - cosine of (..., N, D) tokens."""
    unit = unit_rows(features.float())
    distance = 1.0 - unit @ unit.mT
    # A vector of length 1 is at distance 0 from itself up to rounding, a zero one at 1.
    zero = distance.diagonal(dim1=-2, dim2=-1)[..., None] > 0.5
    if bool(zero.any()):
        distance.masked_fill_(zero & zero.mT, 0.0)
    return distance


def unit_rows(vectors: Tensor) -> Tensor:
    """Return (..., D) float32 vectors at length 1, zero vectors as they are.

    Plain x / |x|, to round as the official selectors do. Where squares would leave the
    range of float32, rows are first scaled by a power of two, which loses no bit.
    """
    norms = vectors.norm(dim=-1, keepdim=True)
    shortest, longest = torch.aminmax(norms)
    if float(shortest) < _SAFE[0] or float(longest) > _SAFE[1]:
        vectors = in_range(vectors, -1)
        norms = vectors.norm(dim=-1, keepdim=True)
    return vectors / torch.where(norms > 0, norms, 1.0)


def in_range(vectors: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Scale by a power of two for each slice along ``dim``, so that its peak is below 1."""
    exponent = torch.frexp(vectors.abs().amax(dim=dim, keepdim=True)).exponent
    return torch.ldexp(vectors.double(), -exponent).float()
