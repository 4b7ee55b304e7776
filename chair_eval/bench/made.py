"""Made-up captions and annotations of any size; every word of them is ours."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from chair_eval.vocabulary import Vocabulary

SCENES = ("kitchen", "street", "park", "garden", "station", "harbour", "office", "meadow")
PLACES = ("on the left side", "in the middle", "close to the window", "in the background")
SENTENCES = (
    "The image features a {scene} with a {a} and several {b}s {place}.",
    "There are two {a}s {place}, and one of them stands next to a {b}.",
    "A {a} can be seen {place}, while another {a} is placed behind the {b}.",
    "In addition to the {a}, there is a {b} {place}, possibly left there by its owner.",
    "The man's {a} is well-worn, but the {b} looks new and clean.",
    "Further away, a small {b} and a {a} add some colour to the {scene}.",
)
SHORT = ("A {a} and a {b} {place}.", "Two {a}s near a {b} in the {scene}.")
IMAGES = 123_287
CAPTIONS = 616_767
ANNOTATIONS = 896_782


class Writer:
    """Makes captions; equal seeds give equal captions."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        # Words that take a plain -s: NLTK's releases disagree about forms like "childrens".
        words = set(Vocabulary.coco().lookup) - {"people", "children", "oxen", "cattle", "knive"}
        self._words = sorted(w for w in words if w.islower() and w[-1] not in "sxyhf")

    def caption(self, sentences: int) -> str:
        """Return a caption of that many sentences (0: one short sentence, as humans write)."""
        if not sentences:
            return self._filled(self._random.choice(SHORT))
        texts = [self._filled(self._random.choice(SENTENCES)) for _ in range(sentences)]
        half = sentences // 2
        return " ".join(texts[:half]) + "\n\n" + " ".join(texts[half:])

    def _filled(self, template: str) -> str:
        pick = self._random.choice
        return template.format(
            scene=pick(SCENES), place=pick(PLACES), a=pick(self._words), b=pick(self._words)
        )


def long_captions(n: int, seed: int = 0) -> list[tuple[int, str]]:
    """Return `n` captions of about a hundred tokens, as describing models write them."""
    writer = Writer(seed)
    return [(number, writer.caption(6)) for number in range(n)]


def write_captions(file: IO[str], n: int, seed: int = 0) -> None:
    """Write `n` long captions as JSON Lines; a thousand different texts, each its own image."""
    texts = [json.dumps(text) for _, text in long_captions(1000, seed)]
    for number in range(n):
        file.write(f'{{"image_id": {number}, "caption": {texts[number % len(texts)]}}}\n')


def write_annotations(folder: Path, scale: float = 1.0, seed: int = 0) -> tuple[Path, Path]:
    """Write COCO-format instances and captions; `scale` 1 is the size of train and val 2014.

    Outlines have 60 numbers each, about as much text as the real ones.
    """
    images = max(1, int(IMAGES * scale))
    names = list(Vocabulary.coco().categories)
    rng = random.Random(seed)
    outline = [[round(rng.uniform(0, 640), 2) for _ in range(60)]]
    head = '{"images": [' + ", ".join(
        f'{{"id": {i}, "file_name": "{i:012d}.jpg", "height": 480, "width": 640}}'
        for i in range(images)
    )
    paths = folder / "instances.json", folder / "captions.json"
    with paths[0].open("w") as file:
        file.write(head + '], "annotations": [')
        shape = json.dumps(outline)
        for i in range(int(ANNOTATIONS * scale)):
            file.write(
                f'{", " if i else ""}{{"id": {i}, "image_id": {rng.randrange(images)}, '
                f'"category_id": {rng.randrange(len(names))}, "segmentation": {shape}, '
                f'"area": 702.1, "iscrowd": 0, "bbox": [473.07, 395.93, 38.65, 28.67]}}'
            )
        cats = [{"id": i, "name": name} for i, name in enumerate(names)]
        file.write(f'], "categories": {json.dumps(cats)}}}')
    with paths[1].open("w") as file:
        file.write(head + '], "annotations": [')
        for i, text in enumerate(_human(int(CAPTIONS * scale), seed)):
            comma = ", " if i else ""
            file.write(f'{comma}{{"image_id": {i % images}, "id": {i}, "caption": {text}}}')
        file.write("]}")
    return paths


def _human(n: int, seed: int) -> Iterator[str]:
    writer = Writer(seed)
    for _ in range(n):
        yield json.dumps(writer.caption(0))
