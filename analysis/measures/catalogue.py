"""Every measure by name: what it is about, its unit and its range."""

from dataclasses import dataclass
from typing import Literal

from analysis.registry import Registry


@dataclass(frozen=True)
class Measure:
    """What a measure is, for menus, tables and axis labels.

    Attributes
    ----------
    name
        Column of the records that holds it.
    about
        ``image``: one number per image; ``kept``: per kept set; ``pair``: per two sets.
    unit, low, high
        Unit and range in words, so that N, K and D may stand in it.
    summary
        One sentence.
    source
        Where it is implemented.
    """

    name: str
    about: Literal["image", "kept", "pair"]
    unit: str
    low: str
    high: str
    summary: str
    source: str


MEASURES: Registry[Measure] = Registry("measure")

_KEPT = "analysis.measures.kept.kept_measures"
_ALL = (
    Measure(
        "entropy",
        "image",
        "nats",
        "0",
        "ln N",
        "Entropy of [CLS] attention over the patches, renormalised (Eqs. 1 and 2).",
        "analysis.measures.entropy.attention_entropy",
    ),
    Measure(
        "erank",
        "image",
        "directions",
        "1",
        "min(N-1, D)",
        "Effective rank of all tokens after the projector, centred as the release does (Eq. 4).",
        "analysis.measures.gram.Gram.erank",
    ),
    Measure(
        "erank_plain",
        "image",
        "directions",
        "1",
        "min(N, D)",
        "The same without centring, as the formula is printed.",
        "analysis.measures.gram.Gram.erank",
    ),
    Measure(
        "kept_erank",
        "kept",
        "directions",
        "1",
        "min(K-1, D)",
        "Effective rank of the kept tokens, centred; column erank of the kept records.",
        _KEPT,
    ),
    Measure(
        "kept_erank_plain",
        "kept",
        "directions",
        "1",
        "min(K, D)",
        "The same without centring; column erank_plain of the kept records.",
        _KEPT,
    ),
    Measure(
        "attention_mass",
        "kept",
        "share",
        "0",
        "1",
        "Share of the patches' [CLS] attention that the kept tokens hold.",
        _KEPT,
    ),
    Measure(
        "attention_mean",
        "kept",
        "probability",
        "0",
        "1",
        "Mean [CLS] attention of the kept tokens, not renormalised; about 1/N when uniform.",
        _KEPT,
    ),
    Measure(
        "pairwise_distance",
        "kept",
        "1 - cosine",
        "0",
        "2",
        "Mean cosine distance over all pairs of kept tokens.",
        _KEPT,
    ),
    Measure(
        "coverage",
        "kept",
        "share",
        "0",
        "1",
        "Share of grid cells with a kept token on them or on one of their 8 neighbours.",
        "analysis.measures.kept.coverage",
    ),
    Measure(
        "jaccard",
        "pair",
        "share",
        "0",
        "1",
        "Overlap of two kept sets of one image, intersection over union.",
        "analysis.measures.kept.jaccard",
    ),
)
for _measure in _ALL:
    MEASURES.register(_measure.name)(_measure)
