"""`scenes`: the drawn pictures the embedded model was made for; nothing to download.

Spec: ``scenes``, ``scenes:SPLIT`` or ``scenes:SPLIT:N`` with SPLIT one of train, dev, test.
Default: the first 500 seeds of the sealed test range. ``image_id`` is the seed.
"""

from PIL import Image

from analysis.datasets.base import Box, Dataset, Question, Sample
from analysis.errors import UsageError
from analysis.scenes.captions import CAPTION_PROMPT
from analysis.scenes.questions import questions_for
from analysis.scenes.scene import Scene, make_scene, split_seeds

SPLITS = ("train", "dev", "test")
DEFAULT_COUNT = 500


class Scenes(Dataset):
    """Seeded scenes with one caption prompt and POPE-style yes/no questions each.

    Parameters
    ----------
    split
        ``"train"``, ``"dev"`` or ``"test"``; the ranges share no seed.
    count
        How many scenes from the start of the range, at least 1.

    Raises
    ------
    UsageError
        If the split is unknown or the range has fewer scenes than asked for.
    """

    name = "scenes"
    source = "drawn by analysis.scenes"
    license = "Apache-2.0"
    has_captions_annotation = True

    def __init__(self, split: str = "test", count: int = DEFAULT_COUNT) -> None:
        if split not in SPLITS:
            raise UsageError(
                f"split={split!r} is not a split of scenes; choose one of: {', '.join(SPLITS)}."
            )
        seeds = split_seeds(split)
        if not 1 <= count <= len(seeds):
            raise UsageError(f"count={count} scenes of {split!r}; give 1 to {len(seeds)}.")
        self.split = split
        self._ids = [str(seed) for seed in seeds[:count]]
        self._known = frozenset(self._ids)
        self.revision = f"{split}:{count}"

    def ids(self) -> list[str]:
        """Return the seeds as text, ascending."""
        return list(self._ids)

    def sample(self, image_id: str) -> Sample:
        """Draw one scene; ``KeyError`` when the seed is not of this split."""
        if image_id not in self._known:
            raise KeyError(image_id)
        return scene_sample(make_scene(int(image_id)))


def scene_sample(scene: Scene) -> Sample:
    """Return the sample of a drawn scene: caption prompt first, then its yes/no questions."""
    asked = [Question("caption", "caption", CAPTION_PROMPT)]
    for number, question in enumerate(questions_for(scene)):
        asked.append(Question(f"q{number}", "yesno", question.text, question.split, question.label))
    boxes = tuple(
        Box(category=item.category, bbox=[float(value) for value in item.bbox])
        for item in scene.objects
    )

    def load() -> Image.Image:
        return scene.image.convert("RGB")

    return Sample(
        image_id=str(scene.seed),
        file_name=f"{scene.seed:012d}.png",
        load=load,
        questions=tuple(asked),
        objects=tuple(sorted({item.category for item in scene.objects})),
        boxes=boxes,
        n_objects=int(scene.n_objects),
        complexity=scene.complexity,
        meta={
            "theme": scene.theme,
            "texture": float(scene.texture),
            "object_size": float(scene.object_size),
        },
    )


def from_argument(argument: str) -> Scenes:
    """Build the data set from what follows ``scenes:`` in a spec (may be empty).

    Raises
    ------
    UsageError
        If the argument is not SPLIT or SPLIT:N.
    """
    split, _, count = argument.partition(":")
    if count and not count.isdigit():
        raise UsageError(f"scenes:{argument} is no valid spec; write scenes:SPLIT:N, N a number.")
    return Scenes(split or "test", int(count) if count else DEFAULT_COUNT)
