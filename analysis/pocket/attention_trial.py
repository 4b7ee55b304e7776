"""Is a tower's [CLS] attention usable? Measures, and the criterion fixed before the trial."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional
from transformers import CLIPVisionModel

from analysis.pocket.store import SceneStore
from analysis.pocket.tower import to_pixels, tower_pass

MASS_OVER_SHARE = 1.5
"""Usable only if objects get at least this much more attention than their share of patches."""
ENTROPY_NUMBER = 0.10
"""Usable only if the rank correlation of entropy and number of objects is at least this."""
PROBE_OF_LABELS = 0.90
"""Usable only if [CLS] names categories at least this well, relative to the labelled twin."""


@dataclass(frozen=True)
class AttentionReport:
    """What [CLS] attention looks at, and what [CLS] knows.

    Attributes
    ----------
    mass, share
        Mean attention mass on object patches and mean share of object patches, 0..1.
    entropy_number, entropy_texture, entropy_size
        Spearman correlations of attention entropy with the three causes of a scene.
    probe_f1
        Micro F1 of categories, linear probe on the last [CLS], trained on the first half.
    n
        Scenes measured.
    """

    mass: float
    share: float
    entropy_number: float
    entropy_texture: float
    entropy_size: float
    probe_f1: float
    n: int

    def usable(self, twin_f1: float) -> bool:
        """Apply the criterion against the F1 of a twin trained on labels."""
        return (
            self.mass >= MASS_OVER_SHARE * self.share
            and self.entropy_number >= ENTROPY_NUMBER
            and self.probe_f1 >= PROBE_OF_LABELS * twin_f1
        )

    def as_dict(self) -> dict[str, float]:
        """Return the fields, rounded to three decimals."""
        return {key: round(float(value), 3) for key, value in asdict(self).items()}


def _probe_f1(vectors: Tensor, present: Tensor) -> float:
    half = len(vectors) // 2
    vectors = (vectors - vectors[:half].mean(0)) / vectors[:half].std(0).clamp_min(1e-6)
    probe = torch.nn.Linear(vectors.shape[1], present.shape[1])
    optimiser = torch.optim.AdamW(probe.parameters(), lr=0.02, weight_decay=0.1)
    for _ in range(300):
        loss = functional.binary_cross_entropy_with_logits(probe(vectors[:half]), present[:half])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    said, true = probe(vectors[half:]) > 0, present[half:] > 0
    return float(2 * (said & true).sum() / (said.sum() + true.sum()))


def attention_report(tower: CLIPVisionModel, store: SceneStore) -> AttentionReport:
    """Measure a tower on held-out scenes."""
    torch.manual_seed(0)
    rows, vectors = [], []
    with torch.no_grad():
        for start in range(0, len(store), 100):
            states = tower_pass(tower, to_pixels(store.images[start : start + 100]))
            rows.append(states.attention)
            vectors.append(states.last_cls)
    attention = torch.cat(rows).double()
    entropy = -(attention * attention.clamp_min(1e-12).log()).sum(-1).numpy()
    objects = torch.from_numpy(store.labels.astype(np.int64)) > 0
    present = torch.from_numpy(store.count_matrix() > 0).float()
    causes = ("n_objects", "texture", "object_size")
    number, texture, size = (spearmanr(entropy, store.column(c)).statistic for c in causes)
    return AttentionReport(
        mass=float((attention * objects).sum(-1).mean()),
        share=float(objects.double().mean()),
        entropy_number=float(number),
        entropy_texture=float(texture),
        entropy_size=float(size),
        probe_f1=_probe_f1(torch.cat(vectors), present),
        n=len(store),
    )
