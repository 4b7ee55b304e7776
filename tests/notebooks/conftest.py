"""A small run of the embedded model for the notebooks, made once per session."""

import pytest

PRUNERS = ("fastervlm", "divprune", "random", "vispruner", "agilepruner")


@pytest.fixture(scope="session")
def small_run(request, tmp_path_factory):
    """Folder of a run of 24 development scenes, captions under 5 pruners at 2 budgets."""
    from analysis.extract.config import ExtractConfig
    from analysis.extract.loop import run_extraction

    config = ExtractConfig(
        model=str(request.config.rootpath / "data" / "pocket"),
        data="scenes:dev:24",
        pruners=PRUNERS,
        keeps=(32, 16),
        tasks=("caption",),
    )
    folder = tmp_path_factory.mktemp("runs") / "small"
    run_extraction(config, folder)
    return folder
