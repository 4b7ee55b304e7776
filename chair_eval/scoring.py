"""Scoring captions against a ground truth: one call, or a stream for long files."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import tee
from typing import Any, NamedTuple

from chair_eval.errors import ChairError
from chair_eval.ground_truth import GroundTruth
from chair_eval.images import ImageKey, image_key
from chair_eval.matcher import Matcher
from chair_eval.mentions import Matches
from chair_eval.presets import check_choice, check_preset, chosen_dialect
from chair_eval.records import Record, records_of
from chair_eval.result import CategoryCounts, Result
from chair_eval.tally import Tally, counted
from chair_eval.vocabulary import Vocabulary

UNKNOWN = ("error", "skip")
DUPLICATES = ("keep", "error", "first")
SHOWN = 5


class CaptionScore(NamedTuple):
    """One scored caption; `hallucinated` is parallel to ``matches.words``."""

    image_id: Any
    key: ImageKey
    caption: str
    matches: Matches
    hallucinated: list[bool]
    recalled: list[str]
    missed: list[str]

    def row(self) -> tuple[int, ...]:
        """Return the counts in the order of `chair_eval.tally.COUNTS`."""
        wrong = sum(self.hallucinated)
        mentioned = set(self.matches.categories)
        present = len(self.recalled)
        return (
            1,
            1 if wrong else 0,
            wrong,
            len(self.hallucinated),
            present,
            present + len(self.missed),
            self.matches.n_tokens,
            self.caption.count(" ") + 1,
            len(mentioned),
            len(mentioned) - present,
        )


class Scorer:
    """Scores a stream of captions and keeps the counts.

    Parameters
    ----------
    ground_truth : GroundTruth
    matcher : Matcher
    unknown : {"error", "skip"}
        What to do with an image that the ground truth does not know.
    duplicates : {"keep", "error", "first"}
        What to do with a second caption of an image: count it as a caption of its own (as the
        published scripts do), refuse, or leave it out.
    """

    def __init__(
        self,
        ground_truth: GroundTruth,
        matcher: Matcher,
        *,
        unknown: str = "error",
        duplicates: str = "keep",
    ) -> None:
        check_choice("unknown", unknown, UNKNOWN)
        check_choice("duplicates", duplicates, DUPLICATES)
        strangers = ground_truth.categories() - set(matcher.vocabulary.categories)
        if strangers:
            raise ChairError(
                f"the ground truth has categories that the vocabulary {matcher.vocabulary.name!r} "
                f"lacks: {', '.join(sorted(strangers)[:SHOWN])}; pass the vocabulary it was made "
                "with (--vocabulary)"
            )
        self.ground_truth = ground_truth
        self.matcher = matcher
        self.unknown = unknown
        self.duplicates = duplicates
        self.tally = Tally()
        self.categories = CategoryCounts(tuple(matcher.vocabulary.categories))
        self.skipped: list[str] = []
        self.n_skipped = 0
        self.repeated: list[str] = []
        self.n_repeated = 0
        self._seen: set[ImageKey] = set()

    def stream(self, records: Iterable[Record]) -> Iterator[CaptionScore]:
        """Score `records` in order, a batch at a time.

        Raises
        ------
        ChairError
            An unknown image, a duplicate or a caption that is not a string, as configured.
        """
        accepted, texts = tee(self._accepted(records))
        matches = self.matcher.match_many(record.caption for _, record in texts)
        for (key, record), found in zip(accepted, matches, strict=True):
            scored = self._score(key, record, found)
            self.tally.add(key, record.image_id, scored.row())
            self.categories.add(scored)
            yield scored

    def _accepted(self, records: Iterable[Record]) -> Iterator[tuple[ImageKey, Record]]:
        known = self.ground_truth.objects
        for record in records:
            key = _key(record)
            if not isinstance(record.caption, str):
                raise ChairError(
                    f"{_at(record)}the caption of image {record.image_id!r} is "
                    f"{type(record.caption).__name__}, expected a string"
                )
            if key not in known:
                self._note_unknown(record)
                continue
            if key in self._seen and not self._keeps_repeated(record):
                continue
            self._seen.add(key)
            yield key, record
        if self.unknown == "error" and self.n_skipped:
            raise ChairError(unknown_message(self))

    def _note_unknown(self, record: Record) -> None:
        self.n_skipped += 1
        if len(self.skipped) < SHOWN:
            place = f" ({record.where})" if record.where else ""
            self.skipped.append(f"{record.image_id!r}{place}")

    def _keeps_repeated(self, record: Record) -> bool:
        if self.duplicates == "error":
            raise ChairError(
                f"{_at(record)}image {record.image_id!r} has a caption already; "
                "use --duplicates keep or first"
            )
        self.n_repeated += 1
        if len(self.repeated) < SHOWN:
            place = f" ({record.where})" if record.where else ""
            self.repeated.append(f"{record.image_id!r}{place}")
        return self.duplicates == "keep"

    def _score(self, key: ImageKey, record: Record, found: Matches) -> CaptionScore:
        present = self.ground_truth.objects[key]
        mentioned = set(found.categories)
        return CaptionScore(
            record.image_id,
            key,
            record.caption,
            found,
            [category not in present for category in found.categories],
            sorted(present & mentioned),
            sorted(present - mentioned),
        )


def unknown_message(scorer: Scorer) -> str:
    """One sentence about images the ground truth lacks, the first few by name."""
    more = ", …" if scorer.n_skipped > len(scorer.skipped) else ""
    return (
        f"the ground truth ({scorer.ground_truth.source}, "
        f"{counted(len(scorer.ground_truth), 'image')}) does not know the images of "
        f"{counted(scorer.n_skipped, 'caption')}: {', '.join(scorer.skipped)}{more}; "
        "use the right ground truth, or --unknown skip to leave them out"
    )


def score(
    captions: Any,
    ground_truth: GroundTruth | Mapping[Any, Iterable[str]],
    *,
    preset: str | None = None,
    dialect: str | None = None,
    vocabulary: Vocabulary | None = None,
    matcher: Matcher | None = None,
    unknown: str = "error",
    duplicates: str = "keep",
    draws: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
    nltk_data: str | None = None,
) -> Result:
    """Score captions and return the per-caption frame and the summary.

    Parameters
    ----------
    captions : DataFrame (pandas, polars, pyarrow), mapping, or iterable
        A frame with columns ``image_id`` and ``caption``; a mapping image id → caption; or an
        iterable of (image id, caption) pairs, of dicts with those two keys, or of `Record`.
    ground_truth : GroundTruth, or mapping of image id to category names
        Its flavour is printed in the result; a `preset` must agree with it.
    preset : {"rohrbach2018", "opera", "wordnet"}, optional
        Both dialects at once; see `PRESETS`.
    dialect : {"pattern", "wordnet"}, optional
        Dialect of the captions; default: the ground truth's, or ``pattern``.
    vocabulary, matcher : optional
        Default: the metric's vocabulary. A matcher brings its own vocabulary and dialect.
    unknown, duplicates : str
        See `Scorer`.
    draws, seed, level : int, int, float
        Bootstrap resamples (0 for none), their seed, and the level of the intervals.

    Returns
    -------
    Result
        ``.frame`` and ``.summary``.
    """
    from chair_eval.bootstrap import Bootstrap

    if isinstance(ground_truth, Mapping):
        ground_truth = GroundTruth.from_mapping(ground_truth)
    matcher = matcher or Matcher(
        vocabulary, chosen_dialect(ground_truth, preset, dialect), nltk_data
    )
    check_preset(preset, matcher.dialect, ground_truth.flavour)
    boot = Bootstrap(draws, level, seed)
    scorer = Scorer(ground_truth, matcher, unknown=unknown, duplicates=duplicates)
    scored = list(scorer.stream(records_of(captions)))
    return Result.of(scorer, scored, preset=preset, boot=boot)


def _key(record: Record) -> ImageKey:
    try:
        return image_key(record.image_id)
    except ChairError as error:
        raise ChairError(f"{_at(record)}{error}") from None


def _at(record: Record) -> str:
    return f"{record.where}: " if record.where else ""
