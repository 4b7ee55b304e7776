"""What the official routines compute, written down plainly and slowly for comparison.

Each is a straight restatement from the published description, one step per line, in
float32, without the shortcuts of the library. Sorting is stable, as sorting on the CPU
is in the torch versions the official code pins.
"""

import math

import numpy as np
import torch
from torch import Tensor


def fastervlm(attention: Tensor, keep: int) -> list[int]:
    """Sort the tokens by attention and take the first."""
    ranked = sorted(range(len(attention)), key=lambda i: (-float(attention[i]), i))
    return sorted(ranked[:keep])


def vispruner(attention: Tensor, features: Tensor, keep: int, share: float) -> list[int]:
    """Alternate even and odd tokens, dropping 8 near-duplicates a round."""
    important = int(keep * share)
    diverse = keep - important
    order = attention[None].argsort(dim=-1, descending=True, stable=True)
    rest = order[:, important:]
    unit = features[None] / features[None].norm(dim=-1, keepdim=True)
    while diverse > 0:
        left = rest.shape[1]
        drop = min(8, left - diverse)
        if drop <= 0:
            break
        block = unit[torch.arange(1)[:, None].expand(-1, left), rest]
        score = (block[..., ::2, :] @ block[..., 1::2, :].transpose(-1, -2)).max(dim=-1).values
        survivors = score.argsort(dim=-1, descending=True, stable=True)[:, drop:]
        rest = torch.cat([rest[:, ::2].gather(1, survivors), rest[:, 1::2]], dim=-1)
    return sorted(order[0, :important].tolist() + rest[0].tolist())


def divprune(features: Tensor, keep: int) -> list[int]:
    """Re-minimise over all chosen rows in every step; the picks in their order."""
    unit = features / features.norm(dim=1, keepdim=True)
    distance = 1.0 - torch.mm(unit, unit.t())
    picks: list[int] = []
    for step in range(keep):
        if step == 0:
            score = torch.topk(distance, 2, dim=0, largest=False).values[1]
        else:
            score = distance[picks].min(dim=0).values
        picks.append(int(score.argmax()))
    return picks


def cdpruner(features: Tensor, image: Tensor, text: Tensor, keep: int) -> list[int]:
    """Greedy MAP of the conditional kernel with an explicit factor per step."""
    unit = features[None] / features[None].norm(dim=-1, keepdim=True)
    similarity = torch.matmul(unit, unit.transpose(1, 2))
    image = image / image.norm(dim=-1, keepdim=True)
    text = text / text.norm(dim=-1, keepdim=True)
    relevance = (-torch.matmul(image[None], text.t())).mean(dim=-1)
    relevance = (relevance - relevance.min() + 1e-6) / (relevance.max() - relevance.min())
    kernel = relevance.unsqueeze(2) * similarity * relevance.unsqueeze(1)
    factors = torch.zeros(keep, 1, kernel.shape[-1])
    left = torch.diagonal(kernel, dim1=1, dim2=2).clone()
    picks = []
    for step in range(keep):
        j = left.argmax(dim=-1)
        known = torch.einsum("tb,tbn->bn", factors[:step, torch.arange(1), j], factors[:step])
        factors[step] = (kernel[torch.arange(1), j] - known) / left[0, j].sqrt().unsqueeze(-1)
        left = left - factors[step].square()
        left[0, j] = -torch.inf
        picks.append(int(j))
    return sorted(picks)


def hiprune(objects: Tensor, deep: Tensor, keep: int, width: int, alpha: float) -> list[int]:
    """Anchors, their neighbours, then registers by the lowered deep score."""
    n = len(objects)
    anchors = objects.argsort(descending=True, stable=True)[: round(keep * alpha / 5)].tolist()
    buffer = set(anchors)
    for a in anchors:
        buffer |= {min(max(a + step, 0), n - 1) for step in (-1, 1, -width, width)}
    lowered = deep.clone()
    lowered[sorted(buffer)] -= 1
    registers = lowered.argsort(descending=True, stable=True)[: keep - len(buffer)]
    return sorted(buffer | set(registers.tolist()))


def visionzip(
    attention: Tensor, keys: Tensor, hidden: Tensor, dominant: int, contextual: int
) -> Tensor:
    """Return the output rows from (N+1, C) ``hidden`` and keys, [CLS] first."""
    order = attention.argsort(descending=True, stable=True)[: dominant - 1] + 1
    kept = sorted([0, *order.tolist()])
    rest = [i for i in range(len(hidden)) if i not in kept]
    targets = rest[:: max(1, len(rest) // contextual)][:contextual]
    members: dict[int, list[int]] = {t: [] for t in targets}
    unit = keys / keys.norm(dim=-1, keepdim=True)
    for i in rest:
        if i not in members:
            members[targets[int((unit[i] @ unit[targets].T).argmax())]].append(i)
    merged = [
        hidden[t] + (hidden[m].sum(dim=0) / max(1, len(m)) if m else 0) for t, m in members.items()
    ]
    return torch.stack([*hidden[kept], *merged])


def prumerge(hidden: Tensor, keys: Tensor, query: Tensor, plus: bool) -> tuple[list[int], Tensor]:
    """Return the kept tokens in their order and the output rows, by a loop over tokens."""
    logits = torch.stack([keys[i] @ query for i in range(len(keys))]) / math.sqrt(keys.shape[1])
    score = logits.softmax(dim=0)[1:]
    tokens, patch_keys, n = hidden[1:], keys[1:], len(hidden) - 1
    low, high = np.percentile(score.numpy(), 25), np.percentile(score.numpy(), 75)
    count = sum(1 for value in score.numpy() if value > high + 1.5 * (high - low))
    kept = score.argsort(descending=True, stable=True)[:count].tolist()
    if plus:
        stride = int(int(1 / (count / n)) / 3)
        kept += [t for t in range(0, n - 1, stride) if t not in kept]
    unit = patch_keys / patch_keys.norm(dim=-1, keepdim=True)
    rows = []
    for s in kept:
        others = [i for i in range(n) if i != s]
        near = (unit[others] @ unit[s]).argsort(descending=True, stable=True)[:32].tolist()
        rows.append(tokens[s] + sum(score[others[i]] * tokens[others[i]] for i in near))
    dropped = [i for i in range(n) if i not in set(kept)]
    rows.append((score[dropped, None] * tokens[dropped]).sum(dim=0))
    return kept, torch.stack(rows)


def agilepruner(attention: Tensor, features: Tensor, erank: float, keep: int) -> list[int]:
    """Walk down the attention order, deleting what is closer than the rank's threshold."""
    n = len(attention)
    order = attention.argsort(descending=True, stable=True).tolist()
    unit = features / features.norm(dim=1, keepdim=True)
    distance = 1.0 - unit @ unit.t()
    alive, chosen = set(order), []
    for place, token in enumerate(order, start=1):
        if token not in alive or len(chosen) == keep:
            continue
        chosen.append(token)
        tau = min(0.25, place * (erank / 90.0 * 0.01))
        alive -= {i for i in range(n) if float(distance[token, i]) < tau}
    chosen += [t for t in order if t not in chosen][: keep - len(chosen)]
    return sorted(chosen)


def fps(distance: Tensor, start: int, keep: int) -> list[int]:
    """Farthest point sampling on a distance matrix, in pick order."""
    picks = [start]
    while len(picks) < keep:
        score = distance[picks].min(dim=0).values
        score[picks] = -torch.inf
        picks.append(int(score.argmax()))
    return picks
