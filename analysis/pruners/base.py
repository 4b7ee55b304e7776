"""What every pruner is (`Pruner`) and what it returns (`Selection`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from analysis.catalogue import method
from analysis.errors import UsageError
from analysis.pruners.checks import check_request
from analysis.pruners.cost import Case
from analysis.tokens import VisualTokens

PositionPolicy = Literal["reindex", "keep"]


@dataclass(frozen=True, eq=False)
class Selection:
    """The tokens a pruner hands to the language model, and why.

    Attributes
    ----------
    indices
        (K,) long, in position order. For merging methods the representative token of
        each output row in the method's own order, -1 where a row has none ([CLS], extra).
    groups
        K labels, one per output token: important, diverse, contextual, cls, …
    n_tokens
        N, the number of tokens there were.
    weights
        (K, N+1) float32 rows over ``[CLS; tokens]`` for merging methods, else None: a
        plain selection is the same thing with one-hot rows (see `matrix`).
    position_policy
        ``"reindex"`` gives kept tokens positions 0..K-1, ``"keep"`` their old ones.
    info
        What the method decided (tau, share, pick order, …); JSON-able values only.
    """

    indices: Tensor
    groups: tuple[str, ...]
    n_tokens: int
    weights: Tensor | None = None
    position_policy: PositionPolicy = "reindex"
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def n_kept(self) -> int:
        """Number of output tokens K."""
        return int(self.indices.shape[0])

    @property
    def kept(self) -> Tensor:
        """Indices of the tokens that stand for themselves: ``indices`` without -1."""
        return self.indices[self.indices >= 0]

    def matrix(self) -> Tensor:
        """Return W (K, N+1) with output = ``W @ [CLS; tokens]``, one-hot for selections."""
        if self.weights is not None:
            return self.weights
        one_hot = torch.zeros(self.n_kept, self.n_tokens + 1, device=self.indices.device)
        one_hot[torch.arange(self.n_kept, device=self.indices.device), self.indices + 1] = 1.0
        return one_hot

    def apply(self, features: Tensor, cls: Tensor | None = None) -> Tensor:
        """Return the (K, D) output tokens.

        Parameters
        ----------
        features
            (N, D) tokens in the space the method works in: before the projector for
            VisionZip, PruMerge and BAT, either one for plain selections.
        cls
            (D,) [CLS] state in the same space; needed when a row draws on it.

        Raises
        ------
        ValueError
            If ``features`` has not N rows, or a row needs ``cls`` and it is None.
        """
        if features.ndim != 2 or features.shape[0] != self.n_tokens:
            raise ValueError(
                f"features must be ({self.n_tokens}, D) to fit this selection, "
                f"got {tuple(features.shape)}"
            )
        if self.weights is None:
            return features[self.indices]
        weights = self.weights.to(features.device)
        merged = _weighted_sums(weights[:, 1:], features.to(weights.dtype))
        if bool((weights[:, 0] != 0).any()):
            if cls is None:
                raise ValueError("cls must be given: a row of this selection draws on [CLS]")
            merged = merged + weights[:, :1] * cls.to(weights.dtype)
        return merged.to(features.dtype)


@dataclass(frozen=True)
class Pruner:
    """A rule that picks (or merges) K of the N visual tokens of an image.

    Subclasses are frozen dataclasses whose fields are their parameters, describe
    themselves in class attributes (those below that are properties here may be plain
    attributes there) and implement `_select`, or `_select_many` where a batch of images
    can be pruned without a loop over them. Ties go to the lowest index, scores are
    computed in float32 or better, and ``keep = N`` is always the identity.

    Attributes
    ----------
    name
        Its row in `analysis.catalogue`, which holds family and place.
    signal, space
        What decides, and in which features.
    licence
        Of the official code.
    deviations
        One sentence for each difference to the official code.
    """

    name: ClassVar[str] = ""
    signal: ClassVar[str] = "-"
    space: ClassVar[str] = "-"
    licence: ClassVar[str] = "-"
    deviations: ClassVar[tuple[str, ...]] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Fields of `VisualTokens` the rule reads besides ``features``."""
        return ()

    @property
    def merges(self) -> bool:
        """Whether output tokens are made from several tokens."""
        return False

    @property
    def position_policy(self) -> PositionPolicy:
        """Whether kept tokens are numbered anew or keep their positions."""
        return "reindex"

    @property
    def sets_count(self) -> bool:
        """Whether the method itself decides how many tokens it returns.

        ``keep`` may then be None and does not steer it (except ``keep = N``: no pruning).
        """
        return False

    @property
    def family(self) -> str:
        """The evidence the rule follows."""
        return method(self.name).family

    @property
    def prunes(self) -> str:
        """Where tokens leave the model; ``"in LLM"`` has a schedule."""
        return method(self.name).prunes

    @property
    def label(self) -> str:
        """The spec that makes this pruner: its name and every non-default parameter."""
        changed = [
            f":{f.name}={_text(getattr(self, f.name))}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return self.name + "".join(changed)

    @torch.no_grad()
    def select(
        self,
        tokens: VisualTokens,
        keep: int | None,
        generator: torch.Generator | None = None,
    ) -> Selection:
        """Choose ``keep`` of the tokens of one image; no gradient flows through a choice.

        Parameters
        ----------
        tokens
            The image's tokens with every field named in ``needs``.
        keep
            K, in [1, N]. None only where the method sets the count itself.
        generator
            Source of randomness; only ``random`` reads it.

        Raises
        ------
        ValueError
            If ``keep`` is out of range, a needed field is missing, or a field that is
            read holds NaN or infinite values; the message names it.
        """
        count = check_request(self, tokens, keep)
        if count == tokens.n:
            return everything(tokens.n, self.position_policy, tokens.device)
        return self._draw(tokens, count, generator)

    @torch.no_grad()
    def select_batch(
        self,
        batch: Sequence[VisualTokens],
        keep: int | None,
        generators: Sequence[torch.Generator | None] | None = None,
    ) -> list[Selection]:
        """Choose ``keep`` tokens of each image; equal to `select` on each of them.

        Images of one size go through the method together, others one by one.

        Raises
        ------
        ValueError
            As `select`, or if ``generators`` is not as long as ``batch``.
        """
        if generators is None:
            generators = [None] * len(batch)
        if len(generators) != len(batch):
            raise ValueError(f"generators must have {len(batch)} entries, got {len(generators)}")
        if len({(t.features.shape, t.device) for t in batch}) > 1 or len(batch) < 2:
            return [self.select(t, keep, g) for t, g in zip(batch, generators, strict=True)]
        count = max(check_request(self, tokens, keep) for tokens in batch)
        first = batch[0]
        if count == first.n:
            return [everything(first.n, self.position_policy, first.device) for _ in batch]
        if type(self)._select_many is not Pruner._select_many:
            return self._select_many(batch, count)
        return [self._draw(t, count, g) for t, g in zip(batch, generators, strict=True)]

    def macs(self, case: Case) -> int:
        """Return the multiply-accumulates of one selection, as this pruner is set up.

        Raises
        ------
        UsageError
            If the class does not say.
        """
        del case
        raise UsageError(f"no selection cost for {self.name!r}; give its class a method macs.")

    def _draw(
        self, tokens: VisualTokens, keep: int, generator: torch.Generator | None
    ) -> Selection:
        """Choose with a source of randomness; rules without chance leave it alone."""
        del generator
        return self._select(tokens, keep)

    def _select(self, tokens: VisualTokens, keep: int) -> Selection:
        """Choose among checked tokens, 1 <= keep < N (0: the method sets the count)."""
        return self._select_many([tokens], keep)[0]

    def _select_many(self, batch: Sequence[VisualTokens], keep: int) -> list[Selection]:
        """Choose in images of one size, without a loop over them."""
        raise TypeError(
            f"{type(self).__name__} must implement _select or _select_many to keep {keep} tokens "
            f"of each of {len(batch)} image(s)."
        )

    def pick(
        self, picks: Tensor, labels: Sequence[str], n: int, info: dict[str, Any] | None = None
    ) -> Selection:
        """Return the plain selection of ``picks`` (K,) with one label each, by position."""
        order = picks.argsort(stable=True)
        return Selection(
            indices=picks[order],
            groups=tuple(labels[i] for i in order.tolist()),
            n_tokens=n,
            position_policy=self.position_policy,
            info=info or {},
        )


def _weighted_sums(weights: Tensor, features: Tensor) -> Tensor:
    """Return ``weights @ features``, gathering only what has a weight where rows are sparse."""
    flat = weights.reshape(-1)
    found = flat.nonzero()[:, 0]
    if len(found) * 4 > len(flat):
        return weights @ features
    rows = found // weights.shape[1]
    starts = torch.searchsorted(rows, torch.arange(weights.shape[0], device=rows.device))
    return embedding_bag(
        found - rows * weights.shape[1],
        features,
        starts,
        mode="sum",
        per_sample_weights=flat[found],
    )


def everything(n: int, policy: PositionPolicy, device: torch.device) -> Selection:
    """Return the selection that keeps all ``n`` tokens."""
    return Selection(
        indices=torch.arange(n, device=device),
        groups=("all",) * n,
        n_tokens=n,
        position_policy=policy,
    )


def _text(value: object) -> str:
    """Write a parameter as specs do: true/false in lower case, numbers at their shortest."""
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
