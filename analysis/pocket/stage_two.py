"""Stage two: train projector and language model on cached features, with token dropping."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPVisionModel, LlavaForConditionalGeneration

from analysis.pocket.descent import Descent, Loss, decayed, shuffled
from analysis.pocket.dialogue import IGNORED, PATCHES, DialogueMaker, Packed, attention_mask
from analysis.pocket.dropping import DropRecipe, Kept, drop_tokens
from analysis.pocket.llava import LanguageShape, build_llava, trained_parts
from analysis.pocket.processor import build_tokenizer
from analysis.pocket.store import SceneStore
from analysis.pocket.tower import to_pixels, tower_pass
from analysis.scenes.world import CATEGORIES

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LanguageRecipe:
    """How projector and language model are trained.

    Attributes
    ----------
    steps, batch, rate
        Optimiser steps, scenes per step, peak learning rate (AdamW, cosine, 150 steps warm-up).
    align_steps
        Steps that first teach the projector to say each patch's category word.
    yes_no_weight
        Loss weight of yes and no against 1 for other tokens.
    stop_weight
        Loss weight of full stops and ends; above 1 the model stops rather than guesses.
    drop_from
        Token dropping starts at this share of the steps.
    drop
        Token dropping.
    """

    steps: int = 1700
    batch: int = 48
    rate: float = 1e-3
    align_steps: int = 600
    yes_no_weight: float = 2.0
    stop_weight: float = 1.0
    drop_from: float = 0.2
    drop: DropRecipe = DropRecipe()
    seed: int = 0
    shape: LanguageShape = LanguageShape()


def cache_features(tower: CLIPVisionModel, store: SceneStore, path: Path) -> np.ndarray:
    """Return (n, 144, C) float16 penultimate features of a store, computed once into `path`."""
    if not path.exists():
        partial = path.with_suffix(".tmp")
        shape = (len(store), store.labels.shape[1], tower.config.hidden_size)
        table = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
            partial, mode="w+", dtype=np.float16, shape=shape
        )
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            for start in range(0, len(store), 128):
                rows = slice(start, start + 128)
                states = tower_pass(tower, to_pixels(store.images[rows]))
                table[rows] = states.penultimate[:, 1:].float().numpy()
        table.flush()
        partial.rename(path)
    return np.asarray(np.load(path))


def _standardise(model: LlavaForConditionalGeneration, sample: Tensor) -> None:
    """Fold the features' mean and deviation into the projector's first layer."""
    projector = model.model.multi_modal_projector
    flat = sample.reshape(-1, sample.shape[-1])
    mean, deviation = flat.mean(0), flat.std(0).clamp_min(1e-4)
    with torch.no_grad():
        first, second = projector.linear_1, projector.linear_2
        nn.init.normal_(first.weight, std=first.in_features**-0.5)
        first.weight.div_(deviation[None])
        first.bias.copy_(-(first.weight @ mean))
        nn.init.normal_(second.weight, std=second.in_features**-0.5)
        second.bias.zero_()


def align_projector(
    model: LlavaForConditionalGeneration,
    features: np.ndarray,
    labels: np.ndarray,
    steps: int,
    rng: np.random.Generator,
) -> float:
    """Teach the projector to put each patch near the last word of its category.

    Returns
    -------
    float
        Share of the last batch's patches that are nearest to the right word.
    """
    words = ["background", *(name.split()[-1] for name in CATEGORIES)]
    target = torch.tensor(build_tokenizer().convert_tokens_to_ids(words))
    projector, embed = model.model.multi_modal_projector, model.model.language_model.embed_tokens
    sample = torch.from_numpy(features[:: max(1, len(features) // 400)].astype(np.float32))
    _standardise(model, sample)
    parameters = [*projector.parameters(), embed.weight]
    optimiser = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0)
    right = 0.0
    for _ in range(steps):
        rows = np.sort(rng.choice(len(features), min(48, len(features)), replace=False))
        said = projector(torch.from_numpy(features[rows].astype(np.float32)))
        said = said.reshape(-1, said.shape[-1])
        true = torch.from_numpy(labels[rows].astype(np.int64)).reshape(-1)
        used = (true > 0) | (torch.rand(len(true)) < 0.15)
        nearness = (
            functional.normalize(said[used], dim=-1)
            @ functional.normalize(embed.weight[target], dim=-1).T
        )
        loss = functional.cross_entropy(12 * nearness, true[used])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        right = float((nearness.argmax(-1) == true[used]).float().mean())
    with torch.no_grad():
        scale = 3 * embed.weight.std() / projector(sample[:64]).std()
        projector.linear_2.weight.mul_(scale)
        projector.linear_2.bias.mul_(scale)
    return right


def _positions(kept: Kept, text: Tensor, prefix: int) -> Tensor:
    images = len(text)
    if kept.original_positions:
        visual = kept.places + prefix
    else:
        visual = torch.arange(prefix, prefix + kept.count).expand(images, -1)
        text = text - (PATCHES - kept.count)
    return torch.cat([torch.arange(prefix).expand(images, -1), visual, text], 1)


def packed_logits(
    model: LlavaForConditionalGeneration, kept: Kept, maker: DialogueMaker, packed: Packed
) -> tuple[Tensor, Tensor]:
    """Return logits (m, V) and targets (m,) of the trained positions of a packed batch.

    Parameters
    ----------
    model
        The model; its tower is not used.
    kept
        Visual tokens before the projector.
    maker
        Gives the prefix in front of the image.
    packed
        The dialogues behind the image.
    """
    language = model.model.language_model
    prefix = torch.tensor(maker.prefix)
    head = language.embed_tokens(prefix)[None].expand(len(packed.ids), -1, -1)
    visual = model.model.multi_modal_projector(kept.features).to(head.dtype)
    hidden = torch.cat([head, visual, language.embed_tokens(packed.ids)], 1)
    places = _positions(kept, packed.positions, len(prefix))
    before = len(prefix) + kept.count
    mask = attention_mask(packed.segments, before)
    rotary = language.rotary_emb(hidden, position_ids=places)
    for layer in language.layers:
        hidden = layer(
            hidden,
            attention_mask=mask,
            position_embeddings=rotary,
            position_ids=places,
            use_cache=False,
        )
    trained = packed.labels != IGNORED
    chosen = language.norm(hidden)[:, before:][trained]
    return model.lm_head(chosen).float(), packed.labels[trained]


def train_language(
    tower: CLIPVisionModel,
    store: SceneStore,
    features: np.ndarray,
    recipe: LanguageRecipe,
    checkpoint: Callable[[LlavaForConditionalGeneration, int], None] | None = None,
    start: LlavaForConditionalGeneration | None = None,
) -> tuple[LlavaForConditionalGeneration, float]:
    """Train a LLaVA around a frozen tower.

    Parameters
    ----------
    tower, store, features
        The trained tower, the scenes, and the tower's features of them (n, 144, C).
    recipe
        How.
    checkpoint
        Called with the model and the number of steps done every 500 steps.
    start
        A model to go on from (it is changed); its tower is replaced, nothing is aligned anew.

    Returns
    -------
    tuple
        The model (in evaluation mode) and the wall time in seconds.
    """
    started = time.monotonic()
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    if start is None:
        model = build_llava(tower, recipe.shape)
        right = align_projector(model, features, store.labels, recipe.align_steps, rng)
        logger.info("projector names %.3f of the patches", right)
    else:
        model = start.float().train()
        model.model.vision_tower.load_state_dict(tower.state_dict())
        model.model.vision_tower.requires_grad_(False)
    maker, parts = DialogueMaker(build_tokenizer(), rng), trained_parts(model)

    def loss_of(step: int, rows: np.ndarray) -> Loss:
        packed = maker.pack([store.facts[row] for row in rows])
        drop = recipe.drop if step >= recipe.drop_from * recipe.steps else DropRecipe(share=0.0)
        kept = drop_tokens(torch.from_numpy(features[rows].astype(np.float32)), drop, generator)
        with torch.autocast("cpu", torch.bfloat16):
            logits, targets = packed_logits(model, kept, maker, packed)
        each = functional.cross_entropy(logits, targets, reduction="none")
        binary = (targets == maker.yes) | (targets == maker.no)
        stops = (targets == maker.stop) | (targets == maker.end)
        weight = torch.where(stops, recipe.stop_weight, 1.0)
        loss = (each * torch.where(binary, recipe.yes_no_weight, weight)).mean()

        def said() -> str:
            correct = (logits[binary].argmax(-1) == targets[binary]).float().mean()
            words = each[~binary].mean()
            return f"loss {loss:.3f} words {words:.3f} yes/no {correct:.3f} kept {kept.count}"

        return loss, said

    def done(steps: int) -> None:
        if checkpoint is not None and steps % 500 == 0:
            checkpoint(model, steps)

    descent = Descent(
        "language", recipe.steps, recipe.batch, recipe.rate, (0.9, 0.95), 150, 0.03, log_every=50
    )
    descent.run(parts, decayed(parts), shuffled(len(store), recipe.batch, rng), loss_of, done)
    return model.eval(), time.monotonic() - started
