"""What ``chair-eval ground-truth build`` does, apart from reading its command line."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from chair_eval.coco import cached_ground_truth
from chair_eval.command import load_vocabulary, say
from chair_eval.errors import UsageError
from chair_eval.ground_truth import GroundTruth
from chair_eval.writers import destination


def build(
    instances: Sequence[Path],
    captions: Sequence[Path],
    flavours: Sequence[str],
    output: Path,
    vocabulary: Path | None,
    strict_words: bool,
    nltk_data: Path | None,
) -> None:
    """Build a ground truth from COCO files, or take it from the cache, and write it to `output`."""
    if output.suffix.lower() != ".parquet":
        raise UsageError(f"output is {output.name!r}; allowed: a name that ends in .parquet")
    chosen = [str(flavour) for flavour in flavours] or (["pattern"] if captions else ["instances"])
    needs = [flavour for flavour in chosen if flavour != "instances"]
    if needs and not captions:
        raise UsageError(f"flavour {needs[0]!r} needs the human captions; add --captions FILE")
    words = load_vocabulary(vocabulary, strict_words)
    built = cached_ground_truth(instances, captions, chosen, vocabulary=words, nltk_data=nltk_data)
    with destination(output, binary=True) as file, built.open("rb") as made:
        shutil.copyfileobj(made, file)
    truth = GroundTruth.read(output, chosen[0])
    say(f"{len(truth):,} images, {', '.join(chosen)}, written to {output}")
