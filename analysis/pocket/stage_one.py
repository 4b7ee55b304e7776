"""Stage one: train the vision tower, by labels with an attention-mass loss or by contrast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPVisionModel

from analysis.pocket.descent import Descent, Loss, decayed, shuffled
from analysis.pocket.processor import build_tokenizer
from analysis.pocket.store import SceneStore
from analysis.pocket.tower import TowerShape, TowerStates, build_tower, to_pixels, tower_pass
from analysis.scenes.captions import full_caption
from analysis.scenes.world import CATEGORIES, GRID

HEAD_STEPS = 60
"""Steps that train only the heads when a trained tower is trained further."""

_N = len(CATEGORIES)
_COUNT_CLASSES = 4
_TEXT_LENGTH = 64
_TEXT_WIDTH = 128


@dataclass(frozen=True)
class TowerRecipe:
    """How the tower is trained.

    Attributes
    ----------
    steps, batch, rate
        Optimiser steps, images per step, peak learning rate (AdamW, cosine, 200 steps warm-up).
    objective
        "labels" (categories and counts from [CLS], categories from patches) or "contrast"
        (image-caption contrast as CLIP, no labels and no masks).
    mass_weight
        Weight of -log of the [CLS] attention mass on object patches; 0 turns it off.
    patch_weight
        Weight of the patch classification; applies to both objectives, 0 turns it off.
    sparse_share, sparse_keep
        For the first `sparse_share` of the steps only `sparse_keep` random patches are encoded.
    """

    steps: int = 2600
    batch: int = 64
    rate: float = 1e-3
    objective: str = "labels"
    mass_weight: float = 0.5
    patch_weight: float = 1.0
    sparse_share: float = 0.5
    sparse_keep: int = 72
    seed: int = 0
    compiled: bool = True
    shape: TowerShape = TowerShape()

    def __post_init__(self) -> None:
        if self.objective not in ("labels", "contrast"):
            raise ValueError(f"objective is {self.objective!r}, allowed are labels and contrast")


class _LabelHeads(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.present = nn.Linear(width, _N)
        self.counts = nn.Linear(width, _N * _COUNT_CLASSES)
        self.early_norm = nn.LayerNorm(width)
        self.early = nn.Linear(width, _N)

    def forward(self, states: TowerStates, counts: Tensor) -> Tensor:
        """Return the loss of naming and counting categories from [CLS]."""
        present = (counts > 0).float()
        named = functional.binary_cross_entropy_with_logits(
            self.present(states.last_cls).float(), present
        )
        early = functional.binary_cross_entropy_with_logits(
            self.early(self.early_norm(states.penultimate[:, 0])).float(), present
        )
        logits = self.counts(states.last_cls).float().view(-1, _COUNT_CLASSES)
        target = counts.clamp(max=_COUNT_CLASSES - 1).long().view(-1)
        counted = functional.cross_entropy(logits, target)
        return _N / 4 * (named + 0.5 * early) + _N / 16 * counted


class _TextHeads(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        tokenizer = build_tokenizer()
        self.embed = nn.Embedding(len(tokenizer), _TEXT_WIDTH)
        self.places = nn.Parameter(torch.randn(_TEXT_LENGTH, _TEXT_WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(
            _TEXT_WIDTH, 4, 4 * _TEXT_WIDTH, dropout=0.0, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.from_image = nn.Linear(width, _TEXT_WIDTH, bias=False)
        self.scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, states: TowerStates, tokens: Tensor) -> Tensor:
        """Return CLIP's symmetric cross-entropy between [CLS] and caption vectors."""
        padding = tokens == 0
        text = self.embed(tokens) + self.places[: tokens.shape[1]]
        text = self.encoder(text, src_key_padding_mask=padding)
        text = text.masked_fill(padding[:, :, None], 0).sum(1)
        left = functional.normalize(self.from_image(states.last_cls).float(), dim=-1)
        right = functional.normalize(text.float(), dim=-1)
        logits = self.scale.exp().clamp(max=100) * left @ right.T
        target = torch.arange(len(logits))
        return (
            functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)
        ) / 2


class _Trainee(nn.Module):
    def __init__(self, recipe: TowerRecipe, start: CLIPVisionModel | None) -> None:
        super().__init__()
        self.recipe = recipe
        width = recipe.shape.width
        self.tower = build_tower(recipe.shape) if start is None else start.train()
        heads = _LabelHeads if recipe.objective == "labels" else _TextHeads
        self.heads = heads(width)
        self.patch_norm = nn.LayerNorm(width)
        self.patch = nn.Linear(width, _N + 1)

    def forward(
        self, pixels: Tensor, target: Tensor, labels: Tensor, kept: Tensor | None
    ) -> Tensor:
        """Return (4,): total, [CLS] and patch losses, and the attention mass on objects."""
        states = tower_pass(self.tower, pixels, kept)
        cls_loss = self.heads(states, target)
        total = cls_loss
        logits = self.patch(self.patch_norm(states.penultimate[:, 1:])).float()
        patch_loss = functional.cross_entropy(logits.transpose(1, 2), labels)
        if self.recipe.patch_weight:
            total = total + self.recipe.patch_weight * patch_loss
        objects = labels > 0
        mass = (states.attention * objects).sum(-1).clamp_min(1e-4)
        shown = objects.any(-1).float()
        log_mass = -(mass.log() * shown).sum() / shown.sum().clamp_min(1)
        if self.recipe.mass_weight:
            total = total + self.recipe.mass_weight * log_mass
        return torch.stack([total, cls_loss, patch_loss, torch.exp(-log_mass)])


def caption_tokens(store: SceneStore) -> np.ndarray:
    """Return (n, 64) int64 ids of every scene's exhaustive caption, padded with 0."""
    tokenizer = build_tokenizer()
    table = np.zeros((len(store), _TEXT_LENGTH), np.int64)
    texts = [full_caption(fact["counts"]) for fact in store.facts]
    for row, ids in enumerate(tokenizer(texts)["input_ids"]):
        table[row, : len(ids)] = ids[:_TEXT_LENGTH]
    return table


def _augment(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    grid = labels.reshape(-1, GRID, GRID)
    if rng.random() < 0.5:
        images, grid = images[:, :, ::-1], grid[:, :, ::-1]
    pixels = to_pixels(images)
    pixels = pixels * (1 + 0.1 * torch.randn(len(pixels), 1, 1, 1))
    pixels = pixels + 0.1 * torch.randn(len(pixels), 3, 1, 1)
    flat = np.ascontiguousarray(grid).reshape(len(images), -1)
    return pixels, torch.from_numpy(flat).long()


def train_tower(
    store: SceneStore, recipe: TowerRecipe, start: CLIPVisionModel | None = None
) -> tuple[CLIPVisionModel, float]:
    """Train a tower on a store.

    Parameters
    ----------
    store
        The scenes.
    recipe
        How.
    start
        A tower to go on from (it is changed); its fresh heads are trained alone for the first
        `HEAD_STEPS` steps. None starts from random weights.

    Returns
    -------
    tuple
        The tower (in evaluation mode) and the wall time of the loop in seconds.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    net = _Trainee(recipe, start)
    forward = torch.compile(net, dynamic=False) if recipe.compiled else net
    target = store.count_matrix() if recipe.objective == "labels" else caption_tokens(store)
    groups = decayed(net.tower, 0 if start is None else HEAD_STEPS)
    groups += [group for part in (net.heads, net.patch_norm, net.patch) for group in decayed(part)]

    def loss_of(step: int, rows: np.ndarray) -> Loss:
        pixels, labels = _augment(store.images[rows], store.labels[rows], rng)
        kept = None
        if step < recipe.sparse_share * recipe.steps:
            kept = torch.rand(labels.shape).argsort(-1)[:, : recipe.sparse_keep].sort(-1).values
            labels = labels.gather(1, kept)
        with torch.autocast("cpu", torch.bfloat16):
            losses = forward(pixels, torch.from_numpy(target[rows]), labels, kept)
        return losses[0], lambda: " ".join(f"{value:.3f}" for value in losses.tolist())

    descent = Descent(
        "tower", recipe.steps, recipe.batch, recipe.rate, (0.9, 0.98), 200, 0.02, log_every=100
    )
    seconds = descent.run(net, groups, shuffled(len(store), recipe.batch, rng), loss_of)
    return net.tower.eval(), seconds
