"""Tables of the benchmarks of this machine, as `agile bench` writes them."""

from pathlib import Path

import pandas as pd

import analysis
from analysis.figures.inputs import MissingInput


def bench_folder() -> Path:
    """Return where ``agile bench`` writes its tables, beside the package."""
    return Path(analysis.__file__).parents[1] / "data" / "bench"


def bench_table(name: str) -> pd.DataFrame:
    """Read the first table ``data/bench/NAME-*.csv``; benches of two machines do not mix.

    Parameters
    ----------
    name
        Benchmark, such as ``"flops"``.

    Returns
    -------
    DataFrame
        The table, with ``file`` naming its source.

    Raises
    ------
    MissingInput
        If it was never made; names the command.
    """
    files = sorted(bench_folder().glob(f"{name}-*.csv"))
    if not files:
        raise MissingInput(f"no {name} benchmark was run here; make one with: agile bench {name}.")
    return pd.read_csv(files[0]).assign(file=files[0].stem)
