"""What is never taken from a checkpoint: program code of its own, and pickled weights."""

import json
from pathlib import Path
from typing import Any

from analysis.errors import UsageError
from analysis.models.options import LoadOptions

# Files of a checkpoint in which transformers looks for code to import.
_SETTINGS = (
    "config.json",
    "generation_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "tokenizer_config.json",
)


def pretrained(kind: Any, options: LoadOptions, **settings: Any) -> Any:
    """Call ``from_pretrained`` of a transformers class so that no code is asked for or run.

    Raises
    ------
    UsageError
        When the checkpoint cannot be read without code of its own.
    """
    try:
        return kind.from_pretrained(
            options.model, revision=options.revision, trust_remote_code=False, **settings
        )
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise _code(options) from error


def refuse_code(options: LoadOptions) -> None:
    """Refuse a checkpoint that brings code, needed or not, before anything of it is loaded.

    What transformers has under the same name may compute something else.

    Raises
    ------
    UsageError
        When one of its JSON files has an ``auto_map``, at any depth.
    """
    for name in _SETTINGS:
        path = _file(options, name)
        if path is not None and "auto_map" in _keys(path):
            raise _code(options)


def require_safetensors(options: LoadOptions, config: Any) -> None:
    """Refuse weights that are not in safetensors files beside the configuration.

    Parameters
    ----------
    options
        What will be loaded; files of the hub are fetched into its cache.
    config
        The checkpoint's configuration, which may name its weights.

    Raises
    ------
    UsageError
        When there is no such file, or the index names a file of another kind or place.
    """
    named = getattr(config, "transformers_weights", None)
    names = [named] if named else ["model.safetensors", "model.safetensors.index.json"]
    path = next(filter(None, (_file(options, str(name)) for name in names)), None)
    if path is not None and path.name.endswith(".index.json"):
        names = list(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
    elif path is not None:
        names = [path.name]
    wrong = [name for name in names if not _safe(name)]
    if path is None or wrong:
        raise UsageError(
            f"{options.model} has weights that are no safetensors files of its own "
            f"({(wrong or names)[0]!r}); pickled weights are never loaded: pass a checkpoint saved "
            "as safetensors."
        )


def _code(options: LoadOptions) -> UsageError:
    return UsageError(
        f"{options.model} brings program code of its own (auto_map), which is never run; pass a "
        "checkpoint of a family with an adapter, saved without code."
    )


def _file(options: LoadOptions, name: str) -> Path | None:
    """Return a file of a folder or, fetched, of a hub repository; None where it has none."""
    from transformers.utils import cached_file

    found = cached_file(
        options.model,
        name,
        revision=options.revision,
        _raise_exceptions_for_missing_entries=False,
    )
    return None if found is None else Path(found)


def _keys(path: Path) -> set[str]:
    """Return every key of a JSON file; none of a file that is broken, which loading will say."""
    keys: set[str] = set()
    try:
        json.loads(path.read_bytes(), object_hook=keys.update)
    except (ValueError, RecursionError):
        return set()
    return keys


def _safe(name: object) -> bool:
    return isinstance(name, str) and name.endswith(".safetensors") and Path(name).name == name
