"""The randomised design: variants whose dose is drawn for each image, at every budget.

The draws come from the seed of the run, the image and the variant alone (`generator_for`), so a
resumed or shared run draws what an undisturbed one does.
"""

import dataclasses
import logging

from analysis.catalogue import DESIGN
from analysis.extract.config import ExtractConfig, split_keep
from analysis.pruners import make_pruner

log = logging.getLogger(__name__)


def with_design(config: ExtractConfig, offered: frozenset[str] | None = None) -> ExtractConfig:
    """Add the variants of the design to a configuration.

    Parameters
    ----------
    config
        Merged configuration; returned as it is when its ``design`` is ``none``.
    offered
        Fields of `VisualTokens` the model offers; None asks for none to be checked.

    Returns
    -------
    ExtractConfig
        ``pruners`` extended; each instrument runs at every keep. One that reads what the model
        does not offer is left out and logged.
    """
    if config.design == "none":
        return config
    there = {make_pruner(split_keep(spec)[0]).label for spec in config.pruners}
    added = [name for name in DESIGN if name not in there and _offered(name, offered)]
    return dataclasses.replace(config, pruners=(*config.pruners, *added))


def _offered(name: str, offered: frozenset[str] | None) -> bool:
    lacking = set() if offered is None else set(make_pruner(name).needs) - offered
    if lacking:
        log.warning(
            "the design leaves out %s: the model offers no %s", name, ", ".join(sorted(lacking))
        )
    return not lacking
