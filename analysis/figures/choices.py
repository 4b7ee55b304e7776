"""Which variants and which image stand for the others: choices that figures and notebooks share."""

import pandas as pd

from analysis.catalogue import ATTENTION, DIVERSITY, representative
from analysis.figures.inputs import Inputs, MissingInput


def at_budget(inputs: Inputs) -> list[str]:
    """Return the plain pruners' variants at the main budget."""
    chosen = inputs.pruned[inputs.pruned["keep"] == inputs.main_keep]
    return [str(name) for name in chosen["variant"]]


def chair_units(inputs: Inputs) -> pd.DataFrame:
    """Return the run's units with CHAIR's counts.

    Raises
    ------
    MissingInput
        If no caption could be scored; names the command that makes a run with such captions.
    """
    if "n_mentions" in inputs.units:
        return inputs.units
    lacking = f"run {inputs.path.name} has no captions of annotated images"
    if inputs.images["objects"].notna().any():
        raise MissingInput(
            f"{lacking}; make a run that has with: {inputs.command()}-captions --tasks caption."
        )
    raise MissingInput(
        f"{lacking}, and its data no annotations; make a run that has both with: agile extract "
        f"--model {inputs.model} --data scenes --study --out {inputs.path}-scenes."
    )


def family_pair(inputs: Inputs) -> tuple[str, str]:
    """Return the variants that stand for diversity and for attention, in this order.

    Raises
    ------
    MissingInput
        If the run lacks either family; names the command.
    """
    specs = inputs.pruned["pruner"].unique().tolist()
    wanted = {DIVERSITY: "divprune", ATTENTION: "fastervlm"}
    lacking = [name for kind, name in wanted.items() if representative(specs, kind) is None]
    if lacking:
        raise MissingInput(inputs.remedy(lacking, inputs.main_keep))
    return kept_by(inputs, DIVERSITY), kept_by(inputs, ATTENTION)


def kept_by(inputs: Inputs, kind: str) -> str:
    """Return the variant that stands for a family at the main budget.

    Parameters
    ----------
    inputs
        The run.
    kind
        ``"attention"`` or ``"diversity"``.

    Raises
    ------
    MissingInput
        If the run has no pruner of the family; names the command.
    """
    spec = representative(inputs.pruned["pruner"].unique().tolist(), kind)
    if spec is None:
        wanted = "fastervlm" if kind == ATTENTION else "divprune"
        raise MissingInput(inputs.remedy([wanted], inputs.main_keep))
    return inputs.variant(spec)


def telling_image(scored: pd.DataFrame, pair: tuple[str, str]) -> str:
    """Return the image whose two captions differ most in hallucinated objects.

    Both directions count alike, so the rule favours neither method; ties go to more mentions, then
    to the first id.

    Raises
    ------
    MissingInput
        If no image has both captions.
    """
    wrong = scored.pivot(index="image_id", columns="variant", values="n_hallucinated").dropna()
    if wrong.empty or not set(pair) <= set(wrong.columns):
        raise MissingInput(
            f"no image has captions of both {pair[0]} and {pair[1]}; finish the run with the "
            "command that began it."
        )
    gap = (wrong[pair[0]] - wrong[pair[1]]).abs()
    said = scored.groupby("image_id")["n_mentions"].sum().reindex(gap.index)
    order = pd.DataFrame({"gap": -gap, "said": -said}).reset_index()
    return str(order.sort_values(["gap", "said", "image_id"])["image_id"].iloc[0])
