"""The engine: what happens to one prompt batch on its way through the decoder layers."""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from analysis.errors import AgileError, UsageError
from analysis.pruners.checks import check_finite_values
from analysis.pruners.inllm.contract import InsidePruner, Kept
from analysis.pruners.inllm.decoder import Decoder
from analysis.pruners.inllm.layout import Layout, advance, like_mask, pack, read_padding, take
from analysis.pruners.inllm.rows import (
    check_chosen,
    check_prompt,
    new_order,
    trace,
    with_merged,
)
from analysis.pruners.inllm.schedule import Schedule
from analysis.pruners.inllm.view import RowView
from analysis.selection import PositionPolicy, Selection

_Call = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Stage:
    """What one stage did to a batch.

    Attributes
    ----------
    layer
        Layers that had run in full; its input is what was pruned.
    kept
        Per row the original image tokens (0…N-1) that went on, in the order in which
        they stand; merged tokens are named by their representative.
    choices
        Per row the method's own answer, relative to the tokens entering the stage.
    """

    layer: int
    kept: tuple[tuple[int, ...], ...]
    choices: tuple[Kept, ...]


@dataclass(eq=False)
class InsideSession:
    """One prompt batch on its way through a model that prunes inside.

    Made by `prune_inside`. After the prompt went through, `stages`, `schedules` and
    `selections` say what happened; a second prompt replaces the first one's record.

    Attributes
    ----------
    decoder, pruner
        Whose layers are pruned, and the method.
    image_mask, attention_mask
        (B, T) as given; the latter may be None.
    schedules
        One per row.
    position_policy
        Whether kept tokens are numbered anew.
    stages
        What each stage did.
    """

    decoder: Decoder
    pruner: InsidePruner
    image_mask: Tensor
    schedules: list[Schedule]
    position_policy: PositionPolicy
    attention_mask: Tensor | None
    stages: list[Stage] = field(default_factory=list)
    _layouts: list[tuple[int, Layout]] = field(default_factory=list)
    _lineage: list[Tensor | None] = field(default_factory=list)
    _before: Tensor | None = None
    _prefill: bool = False
    _fitted: tuple[tuple[Any, ...], int, dict[str, Any]] | None = None

    @property
    def _stage_layers(self) -> tuple[int, ...]:
        return self.schedules[0].layers

    @property
    def mean_tokens(self) -> list[float]:
        """Per row the mean over layers of image tokens entering each: the achieved keep."""
        return [schedule.mean for schedule in self.schedules]

    def selections(self) -> list[Selection]:
        """Return per row what the last stage left, with the schedule in ``info``.

        ``indices`` are in position order for plain selection; for merging methods in
        the order of the tokens, with ``weights`` (K, N+1) over the original tokens.

        Raises
        ------
        AgileError
            If no prompt has gone through the model yet.
        """
        if len(self.stages) < len(self._stage_layers) or not self._layouts:
            raise AgileError("no prompt was pruned yet; run the model inside the with block.")
        return [self._selection(row) for row in range(len(self.schedules))]

    def _selection(self, row: int) -> Selection:
        schedule, lineage = self.schedules[row], self._lineage[row]
        n = schedule.n_tokens
        kept = self.stages[-1].kept[row] if self.stages else tuple(range(n))
        indices = torch.tensor(kept, dtype=torch.long, device=self.image_mask.device)
        groups, weights = ("kept",) * len(kept), None
        if lineage is not None:
            weights = torch.nn.functional.pad(lineage, (1, 0))
            groups = tuple("kept" if int((w > 0).sum()) == 1 else "merged" for w in lineage)
        info = {**schedule.info(), "stages": [list(stage.kept[row]) for stage in self.stages]}
        return Selection(indices, groups, n, weights, self.position_policy, info)

    def enter(self, index: int, module: nn.Module, args: tuple[Any, ...], kwargs: Any) -> _Call:
        """Pre-hook of decoder layer ``index``: prune its input, or fit what comes with it."""
        del module
        named = "hidden_states" in kwargs
        hidden: Tensor = kwargs["hidden_states"] if named else args[0]
        if index == 0:
            self._begin(hidden, kwargs)
        if self._prefill and index in self._stage_layers:
            hidden = self._prune(index, hidden, kwargs.get("past_key_values"))
        if self._prefill:
            self._before = hidden if index + 1 in self._stage_layers else None
        start, layout = next(entry for entry in reversed(self._layouts) if entry[0] <= index)
        if start > 0:
            fit = self._fit_prompt if self._prefill else self._fit_decoding
            kwargs = {**kwargs, **fit(index, layout, hidden, kwargs)}
        if named:
            return args, {**kwargs, "hidden_states": hidden}
        return (hidden, *args[1:]), kwargs

    def _begin(self, hidden: Tensor, kwargs: dict[str, Any]) -> None:
        """Find out at the first layer whether this is the prompt, and whether it fits."""
        cache = kwargs.get("past_key_values")
        if cache is not None and getattr(cache, "is_compileable", False):
            raise UsageError("past_key_values must be a DynamicCache; static ones keep their size.")
        self._prefill = cache is None or cache.get_seq_length() == 0
        batch, length = hidden.shape[:2]
        if not self._prefill:
            if not self._layouts or batch != self.image_mask.shape[0]:
                raise UsageError("past_key_values must stem from a prompt of this with block.")
            return
        check_finite_values("inputs_embeds", hidden)
        if (batch, length) != tuple(self.image_mask.shape):
            raise UsageError(
                f"image_mask {tuple(self.image_mask.shape)} must fit the prompt, which is "
                f"{(batch, length)}; generate with use_cache=True, num_beams=1, no chunked prefill."
            )
        real = read_padding(kwargs.get("attention_mask"), batch, length, hidden.device)
        given = self.attention_mask
        if given is not None and not torch.equal(given.to(real.device), real):
            raise UsageError("attention_mask must be the one the model is called with.")
        self._start(real, hidden, kwargs)

    def _start(self, real: Tensor, hidden: Tensor, kwargs: dict[str, Any]) -> None:
        """Write down the layout of the prompt and let the method mark its tokens."""
        batch, length = real.shape
        image = self.image_mask.to(hidden.device)
        check_prompt(image, real)
        cos, sin = (part.expand(batch, -1, -1) for part in kwargs["position_embeddings"])
        positions = kwargs.get("position_ids")
        if positions is None:
            positions = torch.arange(length, device=hidden.device)[None]
        ordinal = torch.where(image, image.long().cumsum(1) - 1, -1)
        layout = Layout(
            real, ordinal, cos, sin, positions.expand(batch, -1), torch.zeros_like(ordinal[:, 0])
        )
        marked = torch.zeros_like(real)
        for row in range(batch):
            mark = self.pruner.mark(self._view(layout, row, 0, hidden))
            if mark is not None:
                marked[row, layout.slots(row)] = mark
        layout = replace(layout, marked=marked)
        self.stages, self._layouts = [], [(0, layout)]
        self._lineage = [None] * batch

    def _view(
        self, layout: Layout, row: int, index: int, hidden: Tensor, keys: Tensor | None = None
    ) -> RowView:
        """Show one row, padding removed, to the method."""
        slots = layout.slots(row)
        layers = self.decoder.layers
        before = self._before
        return RowView(
            hidden=hidden[row, slots],
            image=(layout.ordinal[row, slots] >= 0).nonzero().flatten(),
            cos=layout.cos[row, slots],
            sin=layout.sin[row, slots],
            final_norm=self.decoder.module.norm,
            following=layers[index],
            previous=layers[index - 1] if index else None,
            before=before[row, slots] if index and before is not None else None,
            cached_keys=None if keys is None else keys[row][:, slots],
            marked=None if layout.marked is None else layout.marked[row, slots],
        )

    def _prune(self, index: int, hidden: Tensor, cache: Any) -> Tensor:
        """Let the method choose in each row, then lay the batch out anew."""
        layout = self._layouts[-1][1]
        keys = None if cache is None else cache.layers[index - 1].keys
        choices, orders, stand_ins = [], [], []
        for row, schedule in enumerate(self.schedules):
            n_keep = schedule.per_layer[index]
            view = self._view(layout, row, index, hidden, keys)
            with torch.no_grad():
                choice = self.pruner.choose(view, n_keep)
            check_chosen(self.pruner.name, choice, view.n, n_keep)
            order, stand_in = new_order(view, choice, layout.slots(row), layout.length)
            choices.append(choice)
            orders.append(order)
            stand_ins.append(stand_in)
            entering = layout.ordinal[row, layout.slots(row)[view.image]]
            self._lineage[row] = trace(self._lineage[row], choice, entering, schedule.n_tokens)
        source, real = pack(orders, layout)
        pruned = take(with_merged(hidden, choices), source)
        source, _ = pack(stand_ins, layout)
        reindex = self.position_policy == "reindex"
        layout = advance(layout, source, real, reindex=reindex)
        self._layouts.append((index, layout))
        kept = tuple(tuple(line[line >= 0].tolist()) for line in layout.ordinal)
        self.stages.append(Stage(index, kept, tuple(choices)))
        return pruned

    def _fit_prompt(
        self, index: int, layout: Layout, hidden: Tensor, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """Fit the arguments of a later layer to the shortened prompt."""
        del index
        mask = like_mask(
            kwargs.get("attention_mask"),
            layout.real,
            hidden.shape[1],
            self.decoder.implementation,
            padded=layout.padded,
        )
        fitted = {"attention_mask": mask, "position_embeddings": (layout.cos, layout.sin)}
        if kwargs.get("position_ids") is not None:
            fitted["position_ids"] = layout.positions
        return fitted

    def _fit_decoding(
        self, index: int, layout: Layout, hidden: Tensor, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """Fit them to new tokens: layers after one stage share columns and positions."""
        n_query = hidden.shape[1]
        columns = kwargs["past_key_values"].get_seq_length(index) + n_query
        given, positions = kwargs.get("attention_mask"), kwargs.get("position_ids")
        seen = (layout, given, positions)
        if self._fitted is not None and self._fitted[1] == columns:
            before, _, fitted = self._fitted
            if before[0] is layout and before[1] is given and before[2] is positions:
                return fitted
        real = torch.nn.functional.pad(layout.real, (0, columns - layout.length), value=True)
        mask = like_mask(given, real, n_query, self.decoder.implementation, padded=layout.padded)
        fitted = {"attention_mask": mask}
        if self.position_policy == "reindex" and layout.shortened:
            fitted["position_ids"] = kwargs["position_ids"] - layout.dropped[:, None]
            fitted["position_embeddings"] = self.decoder.module.rotary_emb(
                hidden, fitted["position_ids"]
            )
        self._fitted = (seen, columns, fitted)
        return fitted
