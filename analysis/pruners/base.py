"""What every pruner is (`Pruner`)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from analysis.catalogue import method
from analysis.errors import UsageError
from analysis.pruners.checks import check_count, check_finite
from analysis.pruners.cost import Case
from analysis.selection import PositionPolicy, Selection, everything
from analysis.tokens import VisualTokens


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
    on_grid
        Whether it must know where tokens lie; it then works within each crop of an image
        in crops, whatever the budget's policy.
    licence
        Of the official code.
    deviations
        One sentence for each difference to the official code.
    """

    name: ClassVar[str] = ""
    signal: ClassVar[str] = "-"
    space: ClassVar[str] = "-"
    on_grid: ClassVar[bool] = False
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
        count = self._checked(tokens, keep)
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
        count = max(self._checked(tokens, keep) for tokens in batch)
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

    def _checked(self, tokens: VisualTokens, keep: int | None) -> int:
        """Check that ``keep`` of ``tokens`` can be kept; return it, 0 for None."""
        if keep is None and not self.sets_count:
            raise UsageError(f"keep must be given for {self.name}: an integer in [1, {tokens.n}].")
        count = 0 if keep is None else check_count(keep, tokens.n)
        reads = ("features", *self.needs)
        for name in reads:
            if getattr(tokens, name) is None:
                inside = "; in a model it runs by prune_inside" if self.prunes == "in LLM" else ""
                raise UsageError(
                    f"{self.name} needs {name}, which these visual tokens do not have; "
                    f"it reads: {', '.join(reads)}{inside}."
                )
        for name in reads:
            check_finite(tokens, name)
        return count

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
        groups = tuple(labels[i] for i in order.tolist())
        return Selection(picks[order], groups, n, None, self.position_policy, info or {})

    def merge_into(
        self, indices: Tensor, groups: Sequence[str], weights: Tensor, info: dict[str, Any]
    ) -> Selection:
        """Return the selection whose rows are ``weights`` (K, N+1) over ``[CLS; tokens]``."""
        n = weights.shape[1] - 1
        return Selection(indices, tuple(groups), n, weights, self.position_policy, info)


def _text(value: object) -> str:
    """Write a parameter as specs do: true/false in lower case, numbers at their shortest."""
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
