"""What a scoring run returns: the frame, the summary, and how they came about."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chair_eval.tally import BASES, Tally, ratios

if TYPE_CHECKING:
    import pandas as pd

    from chair_eval.bootstrap import Bootstrap
    from chair_eval.scoring import CaptionScore, Scorer

FRAME = (
    "image_id",
    "caption",
    "words",
    "categories",
    "spans",
    "indices",
    "hallucinated",
    "recalled",
    "missed",
    "n_mentions",
    "n_hallucinated",
    "n_recalled",
    "n_gt",
    "tokens",
    "tokens_space",
)


class CategoryCounts:
    """Mentions and hallucinations per category, in the vocabulary's order."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._counts = {name: [0, 0, 0, 0] for name in names}

    def add(self, scored: "CaptionScore") -> None:
        """Count one caption."""
        counts = self._counts
        for category, wrong in zip(scored.matches.categories, scored.hallucinated, strict=True):
            entry = counts[category]
            entry[0] += 1
            entry[1] += wrong
        for category in scored.recalled:
            counts[category][2] += 1
        for category in scored.missed:
            counts[category][3] += 1

    def table(self) -> list[dict[str, Any]]:
        """One row per category that is mentioned or present, with its rates (NaN if empty)."""
        rows = []
        for name, (mentions, wrong, recalled, missed) in self._counts.items():
            present = recalled + missed
            if mentions or present:
                rows.append(
                    {
                        "category": name,
                        "mentions": mentions,
                        "hallucinated": wrong,
                        "hallucination_rate": wrong / mentions if mentions else float("nan"),
                        "present": present,
                        "recalled": recalled,
                        "recall": recalled / present if present else float("nan"),
                    }
                )
        return rows


@dataclass(frozen=True)
class Result:
    """A scored set of captions.

    Attributes
    ----------
    about : dict
        Preset, dialects, vocabulary with its digest, rules for unknown and repeated ids, and the
        bootstrap: everything needed to say which CHAIR this is.
    counts : dict of str to int
        Integer counts, the keys of `chair_eval.tally.COUNTS`.
    metrics : dict of str to float
        Ratios in [0, 1], lengths in tokens; NaN where there is nothing to divide by.
    intervals : dict of str to (float, float)
        Bootstrap interval of each metric.
    per_category : list of dict
    captions : list of CaptionScore
        Empty if the captions were streamed.
    tally : Tally
        Counts per caption, for paired comparisons.
    """

    about: Mapping[str, Any]
    counts: Mapping[str, int]
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    per_category: list[dict[str, Any]]
    captions: "list[CaptionScore]"
    tally: Tally

    @classmethod
    def of(
        cls,
        scorer: "Scorer",
        captions: "list[CaptionScore]",
        *,
        preset: str | None,
        boot: "Bootstrap",
    ) -> "Result":
        """Put together what `scorer` has counted."""
        counts = scorer.tally.counts()
        about = _about(scorer, preset)
        about["bootstrap"] = {
            "method": "BCa bootstrap over images",
            "draws": boot.drawn(scorer.tally.n_images),
            "seed": boot.seed,
            "level": boot.level,
        }
        return cls(
            about,
            counts,
            ratios(counts),
            scorer.tally.intervals(boot),
            scorer.categories.table(),
            captions,
            scorer.tally,
        )

    @property
    def summary(self) -> dict[str, Any]:
        """Everything but the captions, as plain values."""
        return {
            **self.about,
            "counts": dict(self.counts),
            "metrics": dict(self.metrics),
            "n": {metric: self.counts[base] for metric, base in BASES.items()},
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
        }

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row per caption, columns `FRAME`; the list columns are parallel to ``words``."""
        import pandas as pd

        return pd.DataFrame([caption_row(scored) for scored in self.captions], columns=FRAME)


def caption_row(scored: "CaptionScore") -> dict[str, Any]:
    """One caption as a row of plain values, keys `FRAME`."""
    found = scored.matches
    return {
        "image_id": scored.image_id,
        "caption": scored.caption,
        "words": found.words,
        "categories": found.categories,
        "spans": found.spans,
        "indices": found.indices,
        "hallucinated": scored.hallucinated,
        "recalled": scored.recalled,
        "missed": scored.missed,
        "n_mentions": len(found.words),
        "n_hallucinated": sum(scored.hallucinated),
        "n_recalled": len(scored.recalled),
        "n_gt": len(scored.recalled) + len(scored.missed),
        "tokens": found.n_tokens,
        "tokens_space": scored.caption.count(" ") + 1,
    }


def _about(scorer: "Scorer", preset: str | None) -> dict[str, Any]:
    from chair_eval.presets import preset_name

    matcher, truth = scorer.matcher, scorer.ground_truth
    return {
        "preset": preset or preset_name(matcher.dialect, truth.flavour),
        "dialect": matcher.dialect,
        "ground_truth": truth.flavour,
        "ground_truth_source": truth.source,
        "vocabulary": matcher.vocabulary.name,
        "vocabulary_hash": matcher.vocabulary.digest,
        "strict_words": matcher.vocabulary.name.endswith("-strict"),
        "ground_truth_vocabulary_hash": truth.vocabulary,
        "n_images": scorer.tally.n_images,
        "unknown": scorer.unknown,
        "n_unknown_skipped": scorer.n_skipped,
        "duplicates": scorer.duplicates,
        "n_duplicates": scorer.n_repeated,
    }
