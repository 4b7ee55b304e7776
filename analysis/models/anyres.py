"""Visual tokens of an image seen as a whole and in tiles, packed and crop by crop."""

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from analysis.selection import Selection
from analysis.tokens import VisualTokens

# Fields that belong to the whole image, and fields whose first row is [CLS].
_WHOLE = frozenset({"cls_feature", "last_query", "text_embeds"})
_WITH_CLS = frozenset({"keys", "last_keys"})


@dataclass(frozen=True, eq=False)
class AnyresTokens(VisualTokens):
    """Visual tokens of an image seen as a whole and in tiles.

    The fields of `VisualTokens` describe the packed list that the unpruned model
    reads: crop 0, then the tiles' unpadded rows, each closed by a separator. At
    separators, evidence is 0 and ``crop`` is -1; ``cls_feature``, ``last_query`` and
    the [CLS] row of keys are crop 0's.

    Attributes
    ----------
    parts
        One `VisualTokens` per crop: its unpadded patches with its own [CLS] evidence.
    places
        For each part, the (n,) places of its tokens in the packed list.
    """

    parts: tuple[VisualTokens, ...] = ()
    places: tuple[Tensor, ...] = ()

    def to(self, device: torch.device | str) -> "AnyresTokens":
        """Return the same tokens on another device."""
        values: dict[str, Any] = {
            f.name: _moved(getattr(self, f.name), device) for f in fields(VisualTokens)
        }
        parts = tuple(part.to(device) for part in self.parts)
        return AnyresTokens(**values, parts=parts, places=_moved(self.places, device))


@dataclass(frozen=True, eq=False)
class CropSelection(Selection):
    """A selection joined from one per crop.

    Attributes
    ----------
    crops
        Which crop each part belongs to.
    parts
        The crops' own selections; they form the tokens of merging methods, because
        each crop has a [CLS] of its own (column 0 of ``weights`` stands for them all).
    """

    crops: tuple[int, ...] = ()
    parts: tuple[Selection, ...] = ()

    def merged(self, tokens: AnyresTokens) -> Tensor:
        """Return the (K, C) tokens of a merging method, crop after crop.

        Raises
        ------
        ValueError
            If the tokens carry no encoder features.
        """
        rows = []
        for crop, part in zip(self.crops, self.parts, strict=True):
            view = tokens.parts[crop]
            if view.encoder_features is None:
                raise ValueError("encoder_features must be collected to merge tokens")
            rows.append(part.apply(view.encoder_features, view.cls_feature))
        return torch.cat(rows)


def subset(tokens: VisualTokens, rows: Tensor) -> VisualTokens:
    """Return the tokens ``rows`` (n,) of an image as an image of their own, without a grid."""
    values: dict[str, Any] = {}
    for entry in fields(VisualTokens):
        value = getattr(tokens, entry.name)
        if value is None or entry.name == "grid" or entry.name.startswith("llm_"):
            continue
        values[entry.name] = _taken(entry.name, value, rows)
    return VisualTokens(**values)


def _taken(name: str, value: Tensor, rows: Tensor) -> Tensor:
    """Rows ``rows`` of a field, with its [CLS] row where it has one; what is whole stays."""
    if name in _WITH_CLS:
        return value[torch.cat([rows.new_zeros(1), rows + 1])]
    return value if name in _WHOLE else value[rows]


def anyres_tokens(features: Tensor, evidence: dict[str, Tensor], layout: Tensor) -> AnyresTokens:
    """Assemble the tokens of one image from its crops' evidence.

    Parameters
    ----------
    features
        (N, D) packed list.
    evidence
        Field name → evidence with leading dimension crops.
    layout
        (N,) crop * patches + patch of each packed token, -1 for separators.

    Returns
    -------
    AnyresTokens
        Crops whose rows are all padding have no part.
    """
    layout = layout.to(features.device)
    newline = layout < 0
    patches = evidence["cls_attention"].shape[1]
    crop = torch.where(newline, -1, layout // patches)
    parts, places = [], []
    for i in range(evidence["cls_attention"].shape[0]):
        place = (crop == i).nonzero().flatten()
        if len(place):
            own = {name: value[i] for name, value in evidence.items()}
            parts.append(_part(features[place], own, layout[place] % patches))
            places.append(place)
    packed: dict[str, Any] = {name: _packed(name, v, layout) for name, v in evidence.items()}
    return AnyresTokens(
        features=features,
        crop=crop,
        newline=newline,
        parts=tuple(parts),
        places=tuple(places),
        **packed,
    )


def _part(features: Tensor, evidence: dict[str, Tensor], patch: Tensor) -> VisualTokens:
    """Tokens of one crop from the evidence of all its patches and the unpadded ones' numbers."""
    side = round(evidence["cls_attention"].shape[0] ** 0.5)
    values: dict[str, Any] = {n: _taken(n, value, patch) for n, value in evidence.items()}
    rows = len(torch.unique(patch // side))
    return VisualTokens(features=features, grid=(rows, len(patch) // rows), **values)


def _packed(name: str, value: Tensor, layout: Tensor) -> Tensor:
    """Evidence of the packed list from evidence by crop; 0 at separators."""
    if name in _WHOLE:
        return value[0]
    cls_row = value[0, :1]
    flat = (value[:, 1:] if name in _WITH_CLS else value).flatten(0, 1)
    rows = flat[layout.clamp_min(0)]
    rows[layout < 0] = 0
    return torch.cat([cls_row, rows]) if name in _WITH_CLS else rows


def _moved(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, tuple) and value and isinstance(value[0], Tensor):
        return tuple(item.to(device) for item in value)
    return value.to(device) if isinstance(value, Tensor) else value
