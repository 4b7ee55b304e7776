"""Six figures look as they did: compared with the images in ``baseline/``.

Redraw the baselines on purpose with ``python tests/figures/test_images.py``, and look at them.
"""

import importlib.util
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.testing.compare import compare_images

from analysis.figures import FIGURES
from analysis.figures.inputs import Inputs
from analysis.plots.style import drawing
from chair_eval.bootstrap import Bootstrap

BASELINE = Path(__file__).with_name("baseline")
NAMES = (
    "entropy_vs_erank",
    "complexity",
    "diversity_vs_hallucination",
    "budget",
    "attention_share",
    "corruption",
)
# Text is laid out otherwise by other versions; the baselines were drawn with this one.
DRAWN_WITH = "3.11"
_DPI, _TOLERANCE = 90, 5.0


def render(name: str, inputs: Inputs, path: Path) -> Path:
    """Draw one figure as the baselines were drawn."""
    with drawing(name):
        figure = FIGURES.get(name).build(inputs).figure
        FigureCanvasAgg(figure)
        figure.savefig(path, dpi=_DPI)
    return path


def planted(make_run, sweeps, path: Path) -> Inputs:
    """The run the baselines were drawn from."""
    run = make_run(path, 40, sweeps=sweeps, extras=True, drawable=False)
    return Inputs(run, Bootstrap(200))


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    from synthetic_run import SWEEPS

    return planted(make_run, SWEEPS, tmp_path_factory.mktemp("planted") / "run")


@pytest.mark.skipif(
    not mpl.__version__.startswith(DRAWN_WITH),
    reason=f"baselines were drawn with Matplotlib {DRAWN_WITH}",
)
@pytest.mark.parametrize("name", NAMES)
def test_figure_looks_as_it_did(run, name, tmp_path):
    actual = render(name, run, tmp_path / f"{name}.png")
    difference = compare_images(str(BASELINE / f"{name}.png"), str(actual), tol=_TOLERANCE)
    assert difference is None, difference


def main() -> None:
    """Redraw every baseline."""
    import tempfile

    spec = importlib.util.spec_from_file_location(
        "synthetic_run", Path(__file__).with_name("synthetic.py")
    )
    synthetic = importlib.util.module_from_spec(spec)
    sys.modules["synthetic_run"] = synthetic
    spec.loader.exec_module(synthetic)
    BASELINE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        inputs = planted(synthetic.make_run, synthetic.SWEEPS, Path(folder) / "run")
        for name in NAMES:
            render(name, inputs, BASELINE / f"{name}.png")


if __name__ == "__main__":
    main()
