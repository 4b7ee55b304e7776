"""Released captions of real models as a table of counts: the captions themselves stay outside.

``python -m analysis.scores.released MODEL:DECODING:FILE … --ground-truth FILE --out FILE``
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.errors import UsageError
from chair_eval import ChairError, GroundTruth, Matcher, Scorer
from chair_eval.readers import read_captions
from chair_eval.tally import CaptionScore

# Tokens of a caption per part: hallucination is counted by where in the caption it stands.
PART = 20
#: Parts that are told apart; the last one is open.
PARTS = 5
COLUMNS = (
    "model",
    "decoding",
    "image_id",
    "length",
    "n_gt",
    "n_recalled",
    "category",
    "part",
    "mentions",
    "hallucinated",
)


def counts(scored: Iterable[CaptionScore], model: str, decoding: str) -> Iterator[tuple[Any, ...]]:
    """Yield the counts of scored captions, as rows of `COLUMNS`.

    One row per caption, category and part of the caption (0 is its first `PART` tokens, the last
    part is open); a caption without a mention is one row whose category is empty. ``n_gt`` and
    ``n_recalled`` are repeated on every row of a caption.
    """
    for caption in scored:
        matches = caption.matches
        present = len(caption.recalled)
        head = (
            model,
            decoding,
            caption.image_id,
            matches.n_tokens,
            present + len(caption.missed),
            present,
        )
        mentions: Counter[tuple[str, int]] = Counter()
        wrong: Counter[tuple[str, int]] = Counter()
        for category, index, invented in zip(
            matches.categories, matches.indices, caption.hallucinated, strict=True
        ):
            key = (category, min(index // PART, PARTS - 1))
            mentions[key] += 1
            wrong[key] += invented
        for (category, part), count in sorted(mentions.items()):
            yield (*head, category, part, count, wrong[category, part])
        if not mentions:
            yield (*head, "", 0, 0, 0)


def tabulate(files: Sequence[tuple[str, str, Path]], truth: Path, dialect: str) -> pd.DataFrame:
    """Count several caption files.

    Parameters
    ----------
    files
        ``(model, decoding, file)``; one caption an image and file.
    truth
        Ground truth that knows every image.
    dialect
        Dialect of CHAIR, ``"pattern"`` or ``"wordnet"``.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, in the order of the files.
    """
    known = GroundTruth.read(truth)
    matcher = Matcher(None, dialect)
    rows: list[tuple[Any, ...]] = []
    for model, decoding, path in files:
        scorer = Scorer(known, matcher, duplicates="error")
        rows += counts(scorer.stream(read_captions(path)), model, decoding)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _named(text: str) -> tuple[str, str, Path]:
    """Split ``MODEL:DECODING:FILE``."""
    parts = text.split(":", 2)
    if len(parts) < 3:
        raise UsageError(f"{text!r} is not MODEL:DECODING:FILE, such as LLaVA-1.5:greedy:a.jsonl.")
    return parts[0], parts[1], Path(parts[2])


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table of counts; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m analysis.scores.released", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="MODEL:DECODING:FILE")
    parser.add_argument("--ground-truth", type=Path, required=True)
    parser.add_argument("--dialect", default="pattern")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        table = tabulate([_named(text) for text in given.files], given.ground_truth, given.dialect)
    except (ChairError, UsageError) as error:
        parser.exit(2 if isinstance(error, UsageError) else 1, f"{error}\n")
    table.to_csv(given.out, index=False, lineterminator="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
