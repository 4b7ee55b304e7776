"""``agile select``: run one pruner on one's own arrays and print what it kept as JSON."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.errors import UsageError
from analysis.files import write_atomically

if TYPE_CHECKING:
    from analysis.pruners import Pruner, Selection
    from analysis.tokens import VisualTokens


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("select")(select)


def select(
    pruner: Annotated[str, typer.Option(help="Name or spec; `agile ls pruners` has them.")],
    tokens: Annotated[
        Path, typer.Option(help="Arrays of one image, .npz or safetensors, by field name.")
    ],
    keep: Annotated[
        int | None,
        typer.Option(help="Tokens to keep; may be left out where the method sets the count."),
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="key=value, once per parameter of the pruner.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of a pruner that draws at random, over its own.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(help="Spec of another pruner; also print the overlap (Jaccard)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write indices, weights and outputs as .npz.")
    ] = None,
) -> None:
    """Run one pruner on your own arrays and print what it kept as JSON."""
    from analysis.pruners import make_pruner
    from analysis.pruners.arrays import load_tokens

    rule = make_pruner(pruner, _pairs(param or []))
    image, ignored = load_tokens(tokens)
    if ignored:
        typer.echo(f"agile: ignored, no field of the contract: {', '.join(ignored)}", err=True)
    others = [make_pruner(spec) for spec in against or []]
    selection = _choose(rule, image, keep, seed)
    found = describe(rule, image, keep, selection)
    if seed is not None:
        found["seed"] = seed
    if others:
        found["overlap"] = {
            other.label: _overlap(selection, _choose(other, image, keep, seed)) for other in others
        }
    if out is not None and not save_selection(out, rule, image, selection):
        typer.echo(
            "agile: no outputs in the file; they need encoder_features and cls_feature.",
            err=True,
        )
    typer.echo(json.dumps(found, allow_nan=False))


def describe(
    rule: "Pruner", image: "VisualTokens", keep: int | None, selection: "Selection"
) -> dict[str, Any]:
    """Return everything about a selection that JSON can hold; NaN becomes null."""
    from analysis.measures.kept import kept_measures

    weights = selection.weights
    return {
        "pruner": rule.label,
        "keep": keep,
        "n_tokens": selection.n_tokens,
        "n_kept": selection.n_kept,
        "indices": selection.indices.tolist(),
        "weights": None if weights is None else {"shape": list(weights.shape)},
        "groups": list(selection.groups),
        "position_policy": selection.position_policy,
        "info": _plain(selection.info),
        "measures": _plain(kept_measures(image, selection)),
    }


def save_selection(
    path: Path, rule: "Pruner", image: "VisualTokens", selection: "Selection"
) -> bool:
    """Write ``indices``, ``weights`` (K, N+1) and, where it can be made, ``outputs``.

    Outputs are the rows applied to ``features`` for plain selections, to
    ``encoder_features`` for methods that merge before the projector, and to
    ``llm_states`` for one that merges inside the language model.

    Returns
    -------
    bool
        Whether the outputs could be made.
    """
    import numpy as np

    arrays: dict[str, Any] = {
        "indices": selection.indices.numpy(),
        "weights": selection.matrix().numpy(),
    }
    merging = selection.weights is not None
    merged_in = image.llm_states if rule.prunes == "in LLM" else image.encoder_features
    space = merged_in if merging else image.features
    draws_on_cls = merging and bool((selection.matrix()[:, 0] != 0).any())
    able = space is not None and not (draws_on_cls and image.cls_feature is None)
    if space is not None and able:
        arrays["outputs"] = selection.apply(space, image.cls_feature).float().numpy()

    def save(file: Path) -> None:
        with file.open("wb") as stream:
            np.savez(stream, **arrays)

    write_atomically(path, save)
    return able


def _overlap(one: "Selection", other: "Selection") -> float | None:
    """Return the Jaccard overlap of two kept sets; None where neither has a token."""
    from analysis.measures.kept import jaccard

    value = jaccard(one, other)
    return value if math.isfinite(value) else None


def _choose(
    rule: "Pruner", image: "VisualTokens", keep: int | None, seed: int | None
) -> "Selection":
    """Select, telling wrong usage (exit 2) from a failure."""
    import torch

    generator = None if seed is None else torch.Generator().manual_seed(seed)
    try:
        return rule.select(image, keep, generator)
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error


def _pairs(given: list[str]) -> dict[str, str]:
    """Split ``key=value`` texts."""
    pairs: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--param is written key=value, got {text!r}.")
        if key.strip() in pairs:
            raise UsageError(f"--param {key.strip()} is given twice; give it once.")
        pairs[key.strip()] = value.strip()
    return pairs


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Replace numbers JSON cannot hold by null."""
    return {
        key: None if isinstance(v, float) and not math.isfinite(v) else v
        for key, v in values.items()
    }
