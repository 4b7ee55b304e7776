"""The dialects of the metric by name: how captions and ground truth are normalised."""

from chair_eval.errors import UsageError
from chair_eval.ground_truth import GroundTruth
from chair_eval.matcher import DIALECTS

# name → (dialect of the captions, flavour of the ground truth)
PRESETS = {
    "rohrbach2018": ("pattern", "pattern"),
    "opera": ("wordnet", "pattern"),
    "wordnet": ("wordnet", "wordnet"),
}


def chosen_dialect(ground_truth: GroundTruth, preset: str | None, dialect: str | None) -> str:
    """Dialect of the captions that a preset, an explicit choice or the ground truth asks for."""
    if preset is not None:
        check_choice("preset", preset, tuple(PRESETS))
        if dialect is not None and dialect != PRESETS[preset][0]:
            raise UsageError(
                f"preset {preset!r} means dialect {PRESETS[preset][0]!r}, not {dialect!r}"
            )
        return PRESETS[preset][0]
    if dialect is not None:
        return dialect
    return ground_truth.flavour if ground_truth.flavour in DIALECTS else DIALECTS[0]


def check_preset(preset: str | None, dialect: str, flavour: str) -> None:
    """Refuse a preset that the matcher or the ground truth contradicts."""
    if preset is None:
        return
    check_choice("preset", preset, tuple(PRESETS))
    expected = PRESETS[preset]
    free = ("given", "instances")
    if dialect != expected[0] or (flavour != expected[1] and flavour not in free):
        raise UsageError(
            f"preset {preset!r} means captions in {expected[0]!r} and a ground truth in "
            f"{expected[1]!r}, but these are in {dialect!r} and {flavour!r}"
        )


def preset_name(dialect: str, flavour: str) -> str | None:
    """Name of the preset that these two choices make, if any."""
    return next((name for name, pair in PRESETS.items() if pair == (dialect, flavour)), None)


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise UsageError, listing what is allowed, if `value` is not among it."""
    if value not in allowed:
        raise UsageError(f"{name} is {value!r}; allowed: {', '.join(allowed)}")
