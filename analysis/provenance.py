"""The provenance block: what made a result, written into every run and beside every figure."""

import datetime
import importlib.metadata
import platform
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from analysis import __version__

_PACKAGES = (
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "statsmodels",
    "matplotlib",
    "seaborn",
    "tueplots",
    "pillow",
    "pycocotools",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "huggingface-hub",
    "accelerate",
    "bitsandbytes",
    "flash-attn",
)


def _git(*arguments: str) -> str | None:
    """Run git in our own package's folder; None when it is not a checkout."""
    folder = Path(__file__).resolve().parent
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@lru_cache(maxsize=1)
def code() -> dict[str, Any]:
    """Version, commit and dirty flag of this package's own tree.

    Returns
    -------
    dict
        ``commit`` and ``dirty`` are None when installed from a wheel.
    """
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain", "--", ".") if commit else None
    return {
        "version": __version__,
        "commit": commit,
        "dirty": None if status is None else bool(status),
    }


@lru_cache(maxsize=1)
def packages() -> dict[str, str]:
    """Versions of the packages results depend on; absent ones are left out."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def block(**facts: Any) -> dict[str, Any]:
    """Assemble a provenance block.

    Parameters
    ----------
    **facts
        What the caller knows: model, data, device, prompt, seeds, …

    Returns
    -------
    dict
        JSON-ready; ``created`` is UTC.
    """
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "code": dict(code()),
        "packages": dict(packages()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **facts,
    }
