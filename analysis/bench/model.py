"""What pruning buys: latency, memory and throughput of every pruner, random weights.

Every row of the table is one pruner at one budget and batch size, next to the unpruned
model and the usual ways of doing the same (an eager tower that returns all its maps,
FastV through every layer's map), timed in one run on one device.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from analysis.bench.clock import Duration, matmul_ceiling
from analysis.bench.flops import cost, pruned_cost
from analysis.bench.pipeline import EagerTower, FullMaps, Pipeline, cache_bytes, fresh
from analysis.bench.settings import Model
from analysis.bench.shapes import ModelShape
from analysis.bench.synthetic import AFTER, BEFORE, build
from analysis.catalogue import METHODS
from analysis.models.llava15 import Llava15
from analysis.pruners import make_pruner

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
TEXT = BEFORE + AFTER
# Columns that are also given as a ratio to the unpruned model.
RATIOS = ("prefill_ms", "ttft_ms", "kv_bytes", "prefill_tflops", "decode_tokens_per_s")
_DECODE_REPEATS = 5
_WARM_STEPS = 20


class After(NamedTuple):
    """What happens once the prompt is formed; the same for all rules that keep as many."""

    prefill: Duration
    decode: Duration
    cache: int


@dataclass
class Bench:
    """One run over all rows.

    Parameters
    ----------
    settings
        What is timed.
    adapter
        The model.
    """

    settings: Model
    adapter: Llava15
    _after: dict[tuple[Any, ...], After] = field(default_factory=dict)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Time everything, unpruned model first."""
        for batch in self.settings.batches:
            for variant, way in self._ways(batch):
                log.info("%s, keep %s, batch %d", variant, way.keep, batch)
                yield self.row(variant, way)

    def _ways(self, batch: int) -> Iterator[tuple[str, Pipeline]]:
        """Yield the unpruned model, and every rule and the usual ways at every budget."""
        chosen, model = self.settings, self.adapter
        yield "full", Pipeline(model, make_pruner("full"), None, batch)
        rules = [make_pruner(spec) for spec in chosen.pruners or METHODS.names()]
        for keep in chosen.keeps or chosen.architecture.keeps[1:]:
            for rule in rules:
                if rule.name != "full":
                    yield rule.label, Pipeline(model, rule, keep, batch)
            if chosen.baselines:
                if not chosen.architecture.tiles:
                    rule = make_pruner("fastervlm")
                    yield "fastervlm, eager tower", EagerTower(model, rule, keep, batch)
                yield "fastv, full maps", FullMaps(model, make_pruner("fastv"), keep, batch)

    def row(self, variant: str, way: Pipeline) -> dict[str, Any]:
        """Time one way, or say why it cannot be done."""
        row: dict[str, Any] = {
            "variant": variant,
            "pruner": way.pruner.name,
            "family": way.pruner.family,
            "keep": way.keep,
            "batch": way.batch,
            "note": "",
        }
        try:
            with way.prepared():
                return row | self._measure(way)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            return row | {"note": "does not fit into memory"}
        except (ValueError, RuntimeError) as error:  # an hour of other rows is worth keeping
            log.warning("%s at keep %s has no numbers: %s", variant, way.keep, error)
            return row | {"note": " ".join(str(error).split())}

    def _measure(self, way: Pipeline) -> dict[str, Any]:
        clock, tokens = self.settings.clock, way.encode()
        asked, way = way, way.reachable(tokens[0].n)
        selections = way.select(tokens)
        prompt = way.assemble(tokens, selections)
        lengths = prompt.image.sum(1).tolist()
        select = Duration.of([])
        if selections is not None:
            select = clock.time(way.select, setup=lambda: fresh(tokens))
        encode, first = clock.time(way.encode), clock.time(way.first_token)
        after = self._language_model(way, prompt, tuple(lengths))
        n_out = sum(lengths) / len(lengths)
        counted = self._counted(way, n_out)
        decoded = way.batch * self.settings.new_tokens * 1e3
        return {
            "note": "" if way is asked else f"timed as {way.pruner.label}",
            "n_out": n_out,
            "mean_tokens": way.mean_tokens(tokens[0].n, n_out),
            **encode.columns("encode_ms"),
            **select.columns("select_ms"),
            **after.prefill.columns("prefill_ms"),
            **first.columns("ttft_ms"),
            "decode_tokens_per_s": decoded / after.decode.median,
            "decode_tokens_per_s_q1": decoded / after.decode.high,
            "decode_tokens_per_s_q3": decoded / after.decode.low,
            "kv_bytes": after.cache,
            "peak_gib": clock.peak_gib(way.first_token),
            "select_share": select.median / after.prefill.median,
            "prefill_tflops": counted,
            "achieved_tflops_per_s": counted * way.batch / (after.prefill.median * 1e-3),
        }

    def _language_model(self, way: Pipeline, prompt: Any, lengths: tuple[int, ...]) -> After:
        """Time the language model, once for all rules that keep equally many before it."""
        own = (way.pruner.label, way.keep) if way.inside else ()
        key = (type(way).prefill.__qualname__, lengths, *own)
        if key in self._after:
            return self._after[key]
        clock, steps = self.settings.clock, self.settings.new_tokens
        few = replace(clock, repeats=min(clock.repeats, _DECODE_REPEATS))
        with way.session(prompt):
            prefill = clock.time(lambda: way.prefill(prompt))
            cache = cache_bytes(way.prefill(prompt))
            decode = few.time(
                lambda output: way.decode(prompt, output, steps),
                setup=lambda: way.prefill(prompt),
                warmups=-(-_WARM_STEPS // steps) if clock.warmups else 0,
            )
        return self._after.setdefault(key, After(prefill, decode, cache))

    def _counted(self, way: Pipeline, n_out: float) -> float:
        """Tera floating-point operations of one image's prefill, output head included."""
        shape = ModelShape.from_config(self.adapter.model.config)
        if way.keep is None or not way.inside:
            found = cost(shape, round(n_out), text_tokens=TEXT)
        else:
            found, _ = pruned_cost(shape, way.pruner, way.keep, text_tokens=TEXT)
        return 2 * (found.prefill + found.head) / 1e12


def run(settings: Model) -> Iterator["pd.DataFrame"]:
    """Build the model and time every row.

    Yields
    ------
    DataFrame
        One row per variant × keep × batch so far. Times in milliseconds for the whole batch
        with quartiles (``_q1``, ``_q3``): ``encode`` (tower with its hooks), ``select``,
        ``prefill`` (language model on the prompt), ``ttft`` (pixels to first token, all
        of it). ``decode_tokens_per_s`` over all rows of the batch, ``kv_bytes`` after
        the prefill, ``peak_gib`` of memory up to the first token (GPU only),
        ``prefill_tflops`` counted per image (two per multiply-accumulate, SwiGLU form),
        ``achieved_tflops_per_s`` and its ``ceiling_share`` of a dense product's
        ``ceiling_tflops_per_s``; ``*_vs_full`` are ratios to the unpruned model at the
        same batch. ``n_out`` visual tokens enter the language model, ``mean_tokens`` its
        layers on average. ``note`` says why a row has no numbers.
    """
    import pandas as pd

    clock = settings.clock
    adapter = build(settings.architecture, clock.device, settings.torch_dtype)
    size = 8192 if clock.device.type == "cuda" else 512
    ceiling = matmul_ceiling(clock, settings.torch_dtype, size)
    weights = sum(p.numel() * p.element_size() for p in adapter.model.parameters())
    facts = settings.facts() | {
        "text_tokens": TEXT,
        "new_tokens": settings.new_tokens,
        "weights_gib": weights / 2**30,
        "ceiling_tflops_per_s": ceiling,
    }
    rows: list[dict[str, Any]] = []
    for row in Bench(settings, adapter).rows():
        rows.append(row)
        frame = pd.DataFrame(rows).assign(**facts)
        frame["ceiling_share"] = frame["achieved_tflops_per_s"] / ceiling
        yield against_full(frame)


def against_full(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Add ratios to the unpruned model of the same batch size."""
    full = frame[frame["variant"] == "full"].set_index("batch")
    out = frame.copy()
    for name in RATIOS:
        out[f"{name.removesuffix('_ms')}_vs_full"] = out[name] / out["batch"].map(full[name])
    return out
