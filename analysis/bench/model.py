"""What pruning buys: latency, memory and throughput of every pruner, random weights.

Every row of the table is one pruner at one budget and batch size, next to the unpruned
model and the usual ways of doing the same (an eager tower that returns all its maps,
FastV through every layer's map), timed in one run on one device.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from analysis.bench.clock import Clock, Duration, matmul_ceiling
from analysis.bench.flops import cost, pruned_cost
from analysis.bench.pipeline import EagerTower, FullMaps, Pipeline, cache_bytes, fresh
from analysis.bench.presets import AFTER, BEFORE, build, preset
from analysis.bench.shapes import ModelShape
from analysis.catalogue import METHODS
from analysis.errors import UsageError
from analysis.models.devices import device_name
from analysis.models.llava15 import Llava15
from analysis.pruners import make_pruner

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
TEXT = BEFORE + AFTER
NEW_TOKENS = 32
# Columns that are also given as a ratio to the unpruned model.
RATIOS = ("prefill_ms", "ttft_ms", "kv_bytes", "prefill_tflops", "decode_tokens_per_s")
_DECODE_REPEATS = 5
_WARM_STEPS = 20


@dataclass(frozen=True)
class Settings:
    """What is timed.

    Parameters
    ----------
    preset
        Architecture.
    device, dtype
        Where and in what type.
    pruners
        Specs; empty means every registered one.
    keeps
        Budgets; empty means the preset's.
    batches
        Images at a time.
    warmups, repeats
        See `Clock`.
    baselines
        Whether the usual ways are timed too.
    new_tokens
        Tokens decoded after the first.
    """

    preset: str = "tiny"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    pruners: tuple[str, ...] = ()
    keeps: tuple[int, ...] = ()
    batches: tuple[int, ...] = (1, 8)
    warmups: int = 20
    repeats: int = 20
    baselines: bool = True
    new_tokens: int = NEW_TOKENS

    def __post_init__(self) -> None:
        """Check ranges and names before a model is built.

        Raises
        ------
        UsageError
            Naming field, value and range.
        """
        preset(self.preset)
        for name in ("keeps", "batches"):
            if any(value < 1 for value in getattr(self, name)):
                raise UsageError(f"{name} is {getattr(self, name)}; all must be at least 1.")
        if not self.batches:
            raise UsageError("batches is empty; give at least one batch size.")
        if self.new_tokens < 1:
            raise UsageError(f"new_tokens is {self.new_tokens}; it must be at least 1.")
        for spec in self.pruners:
            make_pruner(spec)


@dataclass(frozen=True)
class After:
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

    settings: Settings
    adapter: Llava15
    _after: dict[tuple[Any, ...], After] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """Repetitions and device."""
        s = self.settings
        return Clock(s.device, s.warmups, s.repeats)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Time everything, unpruned model first."""
        for batch in self.settings.batches:
            for variant, way in self._ways(batch):
                log.info("%s, keep %s, batch %d", variant, way.keep, batch)
                yield self._row(variant, way)

    def _ways(self, batch: int) -> Iterator[tuple[str, Pipeline]]:
        keeps = self.settings.keeps or preset(self.settings.preset).keeps[1:]
        yield "full", Pipeline(self.adapter, make_pruner("full"), None, batch)
        for keep in keeps:
            for spec in self.settings.pruners or METHODS:
                pruner = make_pruner(spec)
                if pruner.name != "full":
                    yield pruner.label, Pipeline(self.adapter, pruner, keep, batch)
            if self.settings.baselines:
                yield from self._usual(keep, batch)

    def _usual(self, keep: int, batch: int) -> Iterator[tuple[str, Pipeline]]:
        """Yield the usual ways to the same numbers of tokens."""
        if not preset(self.settings.preset).tiles:
            pruner = make_pruner("fastervlm")
            yield "fastervlm, eager tower", EagerTower(self.adapter, pruner, keep, batch)
        yield "fastv, full maps", FullMaps(self.adapter, make_pruner("fastv"), keep, batch)

    def _row(self, variant: str, way: Pipeline) -> dict[str, Any]:
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
        clock, tokens = self.clock, way.encode()
        asked, way = way, way.reachable(tokens[0].n)
        selections = way.select(tokens)
        prompt = way.assemble(tokens, selections)
        lengths = prompt.image.sum(1).tolist()
        select = Duration.of([])
        if selections is not None:
            select = clock.time(way.select, setup=lambda: fresh(tokens))
        encode, first = clock.time(way.encode), clock.time(way.first_token)
        after = self._shared(way, prompt, tuple(lengths))
        n_out = sum(lengths) / len(lengths)
        counted = _counted(ModelShape.from_config(self.adapter.model.config), way, n_out)
        speed = [way.batch * self.settings.new_tokens / (t * 1e-3) for t in _points(after.decode)]
        return {
            "note": "" if way is asked else f"timed as {way.pruner.label}",
            "n_out": n_out,
            "mean_tokens": way.mean_tokens(tokens[0].n, n_out),
            **encode.columns("encode"),
            **select.columns("select"),
            **after.prefill.columns("prefill"),
            **first.columns("ttft"),
            "decode_tokens_per_s": speed[0],
            "decode_tokens_per_s_q1": speed[2],
            "decode_tokens_per_s_q3": speed[1],
            "kv_bytes": after.cache,
            "peak_gib": clock.peak_gib(way.first_token),
            "select_share": select.median / after.prefill.median,
            "prefill_tflops": counted,
            "achieved_tflops_per_s": counted * way.batch / (after.prefill.median * 1e-3),
        }

    def _shared(self, way: Pipeline, prompt: Any, lengths: tuple[int, ...]) -> After:
        """Time the language model, once for all rules that keep equally many before it."""
        own = (way.pruner.label, way.keep) if way.inside else ()
        key = (type(way).prefill.__qualname__, lengths, *own)
        if key not in self._after:
            self._after[key] = self._language_model(way, prompt)
        return self._after[key]

    def _language_model(self, way: Pipeline, prompt: Any) -> After:
        clock, steps = self.clock, self.settings.new_tokens
        few = Clock(clock.device, clock.warmups, min(clock.repeats, _DECODE_REPEATS))
        with way.session(prompt):
            prefill = clock.time(lambda: way.prefill(prompt))
            output = way.prefill(prompt)
            cache = cache_bytes(output)
            del output
            decode = few.time(
                lambda output: way.decode(prompt, output, steps),
                setup=lambda: way.prefill(prompt),
                warmups=-(-_WARM_STEPS // steps) if clock.warmups else 0,
            )
        return After(prefill, decode, cache)


def run(settings: Settings) -> "pd.DataFrame":
    """Build the model and time every row.

    Returns
    -------
    DataFrame
        One row per variant × keep × batch. Times in milliseconds for the whole batch
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

    device = settings.device
    adapter = build(preset(settings.preset), device, settings.dtype)
    bench = Bench(settings, adapter)
    size = 8192 if device.type == "cuda" else 512
    ceiling = matmul_ceiling(bench.clock, settings.dtype, size)
    frame = pd.DataFrame(_until_interrupted(bench.rows()))
    weights = sum(p.numel() * p.element_size() for p in adapter.model.parameters())
    about: dict[str, Any] = {
        "preset": settings.preset,
        "device": device_name(device),
        "dtype": str(settings.dtype).removeprefix("torch."),
        "torch": torch.__version__,
        "text_tokens": TEXT,
        "new_tokens": settings.new_tokens,
        "warmups": settings.warmups,
        "repeats": settings.repeats,
        "weights_gib": weights / 2**30,
        "ceiling_tflops_per_s": ceiling,
    }
    frame = frame.assign(**about)
    frame["ceiling_share"] = frame["achieved_tflops_per_s"] / ceiling
    return against_full(frame)


def against_full(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Add ratios to the unpruned model of the same batch size."""
    full = frame[frame["variant"] == "full"].set_index("batch")
    out = frame.copy()
    for name in RATIOS:
        out[f"{name.removesuffix('_ms')}_vs_full"] = out[name] / out["batch"].map(full[name])
    return out


def _until_interrupted(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Collect rows; Ctrl-C ends the run with those that are done."""
    done = []
    try:
        for row in rows:
            done.append(row)  # noqa: PERF402 (a comprehension would lose them)
    except KeyboardInterrupt:
        if not done:
            raise
        log.warning("interrupted after %d rows; they are written.", len(done))
    return done


def _counted(shape: ModelShape, way: Pipeline, n_out: float) -> float:
    """Tera floating-point operations of one image's prefill, output head included."""
    if way.keep is None or not way.inside:
        found = cost(shape, round(n_out), text_tokens=TEXT)
    else:
        found, _ = pruned_cost(shape, way.pruner, way.keep, text_tokens=TEXT)
    return 2 * (found.prefill + found.head) / 1e12


def _points(timing: Duration) -> Sequence[float]:
    return (timing.median, timing.low, timing.high)
