"""Scoring captions against a ground truth: one call, or a stream for long files."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from chair_eval.errors import ChairError
from chair_eval.ground_truth import GroundTruth
from chair_eval.images import ImageKey, image_key
from chair_eval.matcher import Matcher
from chair_eval.presets import check_choice, check_preset, chosen_dialect, preset_name
from chair_eval.records import Record, records_of
from chair_eval.result import Result
from chair_eval.tally import CaptionScore, Tally, counted, ratios
from chair_eval.vocabulary import Vocabulary

if TYPE_CHECKING:
    from chair_eval.bootstrap import Bootstrap

UNKNOWN = ("error", "skip")
DUPLICATES = ("keep", "error", "first")
SHOWN = 5


class Noted:
    """How many captions something befell, and the first few of them."""

    def __init__(self) -> None:
        self.n = 0
        self._some: list[str] = []

    def add(self, record: Record) -> None:
        """Note one caption."""
        self.n += 1
        if len(self._some) < SHOWN:
            place = f" ({record.where})" if record.where else ""
            self._some.append(f"{record.image_id!r}{place}")

    def __str__(self) -> str:
        """Return the first few by image and place, and whether there are more."""
        return ", ".join(self._some) + (", …" if self.n > len(self._some) else "")


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
        self.tally = Tally(matcher.vocabulary.categories)
        self.skipped = Noted()
        self.repeated = Noted()
        self._seen: set[ImageKey] = set()

    def stream(self, records: Iterable[Record]) -> Iterator[CaptionScore]:
        """Score `records` in order, one at a time.

        Raises
        ------
        ChairError
            An unknown image, a duplicate or a caption that is not a string, as configured.
        """
        for record in records:
            key = self._accepted(record)
            if key is not None:
                scored = self._score(key, record)
                self.tally.add(scored)
                yield scored
        if self.unknown == "error" and self.skipped.n:
            raise ChairError(
                f"the ground truth ({self.ground_truth.source}, "
                f"{counted(len(self.ground_truth), 'image')}) does not know the images of "
                f"{counted(self.skipped.n, 'caption')}: {self.skipped}; "
                "use the right ground truth, or --unknown skip to leave them out"
            )

    def result(
        self, captions: list[CaptionScore], boot: "Bootstrap", preset: str | None = None
    ) -> Result:
        """Put together what was counted, with the scored `captions` that are kept."""
        counts = self.tally.counts()
        matcher, truth = self.matcher, self.ground_truth
        about = {
            "preset": preset or preset_name(matcher.dialect, truth.flavour),
            "dialect": matcher.dialect,
            "ground_truth": truth.flavour,
            "ground_truth_source": truth.source,
            "vocabulary": matcher.vocabulary.name,
            "vocabulary_hash": matcher.vocabulary.digest,
            "strict_words": matcher.vocabulary.name.endswith("-strict"),
            "ground_truth_vocabulary_hash": truth.vocabulary,
            "n_images": self.tally.n_images,
            "unknown": self.unknown,
            "n_unknown_skipped": self.skipped.n,
            "duplicates": self.duplicates,
            "n_duplicates": self.repeated.n,
            "bootstrap": {
                "method": "BCa bootstrap over images",
                "draws": boot.drawn(self.tally.n_images),
                "seed": boot.seed,
                "level": boot.level,
            },
        }
        intervals, rows = self.tally.intervals(boot), self.tally.per_category()
        return Result(about, counts, ratios(counts), intervals, rows, captions, self.tally)

    def _accepted(self, record: Record) -> ImageKey | None:
        """Return the key of the record's image, None if the record is left out."""
        at = f"{record.where}: " if record.where else ""
        try:
            key = image_key(record.image_id)
        except ChairError as error:
            raise ChairError(f"{at}{error}") from None
        if not isinstance(record.caption, str):
            raise ChairError(
                f"{at}the caption of image {record.image_id!r} is "
                f"{type(record.caption).__name__}, expected a string"
            )
        if key not in self.ground_truth.objects:
            self.skipped.add(record)
            return None
        if key not in self._seen:
            self._seen.add(key)
            return key
        if self.duplicates == "error":
            raise ChairError(
                f"{at}image {record.image_id!r} has a caption already; "
                "use --duplicates keep or first"
            )
        self.repeated.add(record)
        return key if self.duplicates == "keep" else None

    def _score(self, key: ImageKey, record: Record) -> CaptionScore:
        found = self.matcher.match(record.caption)
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
    return scorer.result(scored, boot, preset)
