"""The randomised design of a run, as figures read it."""

import pandas as pd

from analysis.catalogue import DESIGN, base_name
from analysis.figures.inputs import Inputs, MissingInput
from analysis.stats.doses import doses


def designed(inputs: Inputs) -> pd.DataFrame:
    """Return the units of the design with their drawn doses; see `analysis.stats.doses.doses`.

    Raises
    ------
    MissingInput
        If the run has no design; names the command that makes a run with one.
    """
    names = inputs.variants.loc[inputs.variants["pruner"].map(base_name).isin(DESIGN), "variant"]
    if names.empty:
        raise MissingInput(
            f"run {inputs.path.name} has no randomised design; make a run that has with: "
            f"{inputs.command()}-randomised --design randomised."
        )
    columns = ["image_id", "variant", "info"]
    drawn = inputs.run.table("kept", columns, where={"variant": names.tolist()}).to_pandas()
    return doses(inputs.units[inputs.units["variant"].isin(names)], drawn)
