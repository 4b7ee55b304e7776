"""What a recipe can need of a run, and the sentence that names the command where it is lacking."""

from collections.abc import Callable

from analysis.figures import sweeps
from analysis.figures.bench import bench_table
from analysis.figures.choices import chair_units, family_pair
from analysis.figures.design import designed
from analysis.figures.inputs import Inputs, MissingInput
from analysis.figures.panels import SCORES, available
from analysis.figures.subtasks import subtasks

# Variants that vary one setting of a pruner.
SWEEPS: dict[str, Callable[[Inputs], object]] = {
    "agilepruner:adaptive_count=true": sweeps.adaptive_counts,
    "agilepruner:steer=entropy": lambda inputs: inputs.variant("agilepruner:steer=entropy"),
    "agilepruner:tau=…": sweeps.constant_taus,
    "downsample": lambda inputs: inputs.variant("downsample"),
    "mixture": sweeps.shares,
    "quartile": sweeps.quarters,
    "steered": sweeps.rules,
    "steered and fixed": sweeps.rule_pairs,
    "vispruner:attention_share=0": sweeps.components,
}


def check(inputs: Inputs, need: str) -> None:
    """Look whether a run has what a recipe needs.

    Parameters
    ----------
    inputs
        The run.
    need
        Key of `CHECKS`, or ``analysis:NAME``, ``bench:NAME``, ``pruners:NAME`` (of
        `SWEEPS`).

    Raises
    ------
    MissingInput
        If the run lacks it; names the command that makes it.
    """
    kind, _, name = need.partition(":")
    if kind == "analysis":
        inputs.analysis(name)
    elif kind == "bench":
        bench_table(name)
    elif kind == "pruners":
        SWEEPS[name](inputs)
    else:
        CHECKS[need](inputs)


def _attention(inputs: Inputs) -> None:
    if not inputs.images["cls_attention"].notna().any():
        raise MissingInput(f"run {inputs.path.name} stored no [CLS] attention of its images.")


def _complexity(inputs: Inputs) -> None:
    if not inputs.images[["entropy", "erank"]].notna().any(axis=None):
        raise MissingInput(f"run {inputs.path.name} has no image with an erank or entropy.")


def _pixels(inputs: Inputs) -> None:
    inputs.pixels(str(inputs.images["image_id"].iloc[0]))


def _subtasks(inputs: Inputs) -> None:
    if not subtasks(inputs.images)[1]:
        raise MissingInput(
            f"run {inputs.path.name} has no subtasks; extract from data that has some, such as "
            "mme:PATH or scienceqa-img:PATH."
        )


CHECKS: dict[str, Callable[[Inputs], object]] = {
    "images": lambda inputs: inputs.images,
    "kept": lambda inputs: inputs.main_keep,
    "captions": chair_units,
    "design": designed,
    "scores": lambda inputs: available(inputs, SCORES),
    "families": family_pair,
    "attention": _attention,
    "complexity": _complexity,
    "pixels": _pixels,
    "subtasks": _subtasks,
}
