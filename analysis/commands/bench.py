"""``agile bench``: measure what pruning buys, what it costs, and how fast runs are made."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    import torch

bench = typer.Typer(
    name="bench",
    help="Measure latency, memory, overhead and throughput.",
    no_args_is_help=True,
)
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")]
Dtype = Annotated[str, typer.Option(help="auto (bfloat16 on a GPU), float32, bfloat16, float16.")]
Warmups = Annotated[int, typer.Option(help="Untimed repetitions; at least 20 on a GPU.")]
Repeats = Annotated[int, typer.Option(help="Timed repetitions.")]
Out = Annotated[Path | None, typer.Option(help="CSV to write; by default in data/bench.")]
Specs = Annotated[str, typer.Option(help="Pruner specs, comma-separated; empty takes all.")]
Numbers = Annotated[str, typer.Option(help="Comma-separated numbers; empty takes the preset's.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(bench)


@bench.command("model")
def model(
    preset: Annotated[str, typer.Option(help="Architecture; weights are random.")] = "auto",
    pruners: Specs = "",
    keeps: Numbers = "",
    batches: Numbers = "1,8",
    device: Device = "auto",
    dtype: Dtype = "auto",
    warmups: Warmups = 20,
    repeats: Repeats = 20,
    new_tokens: Annotated[int, typer.Option(help="Tokens decoded after the first.")] = 32,
    baselines: Annotated[bool, typer.Option(help="Also time the usual ways.")] = True,
    out: Out = None,
) -> None:
    """Time prefill, first token, decoding, memory and cache of every pruner."""
    from analysis.bench.clock import Clock
    from analysis.bench.model import Settings, run

    where = _device(device)
    chosen = _preset(preset, where)
    settings = Settings(
        preset=chosen,
        clock=Clock(where, warmups, repeats),
        dtype=_dtype(dtype, where),
        pruners=_texts(pruners),
        keeps=_numbers("keeps", keeps),
        batches=_numbers("batches", batches),
        baselines=baselines,
        new_tokens=new_tokens,
    )
    columns = ["variant", "keep", "batch", "n_out", "prefill_ms", "ttft_ms", "ttft_vs_full"]
    columns += ["decode_tokens_per_s", "kv_bytes_vs_full", "prefill_tflops_vs_full", "note"]
    _finish(run(settings), out or _path(f"model-{chosen}", where), columns)


@bench.command("overhead")
def overhead(
    preset: Annotated[str, typer.Option(help="Whose token sizes; no model is built.")] = "auto",
    pruner: Annotated[str, typer.Option(help="Selection that is timed.")] = "agilepruner",
    keep: Annotated[int, typer.Option(help="Tokens to keep; 0 takes a ninth.")] = 0,
    batches: Numbers = "1,3,5,10",
    device: Device = "auto",
    dtype: Dtype = "auto",
    warmups: Warmups = 20,
    repeats: Repeats = 20,
    out: Out = None,
) -> None:
    """Time entropy, erank and selection by themselves, as the paper's Table 10 does."""
    from analysis.bench.clock import Clock
    from analysis.bench.overhead import OverheadSettings
    from analysis.bench.overhead import overhead as measure

    where = _device(device)
    chosen = _preset(preset, where)
    settings = OverheadSettings(
        preset=chosen,
        keep=keep,
        batches=_numbers("batches", batches),
        pruner=pruner,
        clock=Clock(where, warmups, repeats),
        dtype=_dtype(dtype, where),
    )
    columns = ["part", "batch", "ms", "ms_q1", "ms_q3", "ms_per_image", "paper_ms"]
    _finish(measure(settings), out or _path(f"overhead-{chosen}", where), columns)


@bench.command("extract")
def extract(
    model: Annotated[
        str, typer.Option(help="Checkpoint, or a preset for random weights.")
    ] = "data/pocket",
    data: Annotated[str, typer.Option(help="Data set.")] = "scenes",
    limit: Annotated[int, typer.Option(help="Images.")] = 8,
    pruners: Specs = "",
    keeps: Numbers = "",
    batch_size: Annotated[int, typer.Option(help="Rows in one generation; 0: by model size.")] = 0,
    max_new_tokens: Annotated[int, typer.Option(help="Limit of a caption; 0: its own.")] = 32,
    repeats: Repeats = 2,
    device: Device = "auto",
    out: Out = None,
) -> None:
    """Time one batched pass against every variant on its own."""
    from analysis.bench.extract import ThroughputSettings, throughput
    from analysis.catalogue import STUDY

    settings = ThroughputSettings(
        model=model,
        data=data,
        limit=limit,
        pruners=_texts(pruners) or STUDY,
        keeps=_numbers("keeps", keeps),
        batch_size=batch_size,
        max_new_tokens=max_new_tokens,
        repeats=repeats,
        device=device,
    )
    where = _device(device)
    name = "extract" if where.type == "cpu" else f"extract-{Path(model).name}"
    path = Path("data/bench/extract.csv") if where.type == "cpu" else _path(name, where)
    columns = ["side", "seconds", "images_per_s", "ratio", "images", "variants", "answers"]
    _finish(throughput(settings), out or path, columns)


@bench.command("flops")
def flops(
    preset: Annotated[str, typer.Option(help="Published sizes.")] = "llava-1.5-7b",
    pruners: Specs = "",
    keeps: Numbers = "576,192,128,64,32",
    text_tokens: Annotated[int, typer.Option(help="Text tokens of the prompt.")] = 30,
    new_tokens: Annotated[int, typer.Option(help="Tokens of the answer.")] = 1,
    out: Out = None,
) -> None:
    """Count operations and cache bytes of every pruner; nothing is run."""
    from analysis.bench.flops import flops_table, published_check
    from analysis.bench.presets import preset as named
    from analysis.catalogue import METHODS
    from analysis.pruners import make_pruner

    rules = [make_pruner(spec) for spec in _texts(pruners) or METHODS.names()]
    shape = named(preset).shape
    frame = flops_table(
        shape, rules, _numbers("keeps", keeps), text_tokens=text_tokens, new_tokens=new_tokens
    )
    columns = ["pruner", "keep", "mean_tokens", "prefill_tmacs_two_matrix", "prefill_tmacs"]
    columns += ["selection_gmacs", "cache_mib", "prefill_share", "note"]
    _finish(frame, out or Path(f"data/bench/flops-{preset}.csv"), columns)
    if preset == "llava-1.5-7b":
        typer.echo("\n".join(published_check()))


@bench.command("pruners")
def pruners(
    out: Annotated[Path, typer.Option(help="Where the table goes.")] = Path(
        "data/bench/pruners.csv"
    ),
    tower: Annotated[bool, typer.Option(help="Also time [CLS] capture in a CLIP-L tower.")] = True,
    clock: Annotated[
        str, typer.Option(help="wall, or cpu: processor time, one thread, for busy machines.")
    ] = "wall",
    rounds: Annotated[int, typer.Option(min=1, help="At most so many rounds of each.")] = 25,
) -> None:
    """Time measures and selections against the usual formulations, on the CPU and any GPU."""
    import pandas as pd
    import torch

    from analysis.bench.clock import CLOCKS
    from analysis.bench.output import write_table
    from analysis.bench.pruners import run
    from analysis.pruners.checks import check_choice

    check_choice("clock", clock, tuple(CLOCKS))
    if clock == "cpu":
        torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for new in run(clock, rounds, tower):
        rows += new  # written each time: a long run that is stopped loses nothing
        write_table(pd.DataFrame(rows), out, benchmark=out.stem)
    table = pd.DataFrame(rows)
    shown = ["measurement", "variant", "keep", "best_ms", "ratio", "goal", "met"]
    typer.echo(table[shown].astype(object).fillna("").to_string(index=False))
    typer.echo(f"{out}: {len(table)} rows, {(table.met == 'no').sum()} goals missed")


def _device(name: str) -> "torch.device":
    from analysis.models.devices import pick_device

    return pick_device(name)


def _preset(name: str, where: "torch.device") -> str:
    """Resolve ``auto``: LLaVA-1.5-7B on a GPU, tiny on a CPU."""
    if name != "auto":
        return name
    return "tiny" if where.type == "cpu" else "llava-1.5-7b"


def _dtype(name: str, where: "torch.device") -> "torch.dtype":
    import torch

    types = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name == "auto":
        return torch.float32 if where.type == "cpu" else torch.bfloat16
    if name not in types:
        raise UsageError(f"dtype is {name!r}; choose one of: auto, {', '.join(types)}.")
    return types[name]


def _path(name: str, where: "torch.device") -> Path:
    from analysis.bench.clock import device_slug
    from analysis.bench.output import FOLDER

    return FOLDER / f"{name}-{device_slug(where)}.csv"


def _texts(given: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in given.split(",") if part.strip())


def _numbers(name: str, given: str) -> tuple[int, ...]:
    """Read comma-separated whole numbers."""
    try:
        return tuple(int(part) for part in _texts(given))
    except ValueError as error:
        raise UsageError(f"{name} is {given!r}; give whole numbers such as 128,64.") from error


def _finish(frame: "pd.DataFrame", path: Path, columns: list[str]) -> None:
    """Write the whole table and print its main columns."""
    from analysis.bench.output import write_table
    from analysis.commands.ls import Listing, show

    facts: dict[str, Any] = {"benchmark": path.stem}
    write_table(frame, path, **facts)
    rows = [{name: _shown(value) for name, value in row.items()} for row in _records(frame)]
    show(Listing(tuple(name for name in columns if name in frame), rows))
    typer.echo(f"{len(frame)} rows in {path}")


def _records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    return str(value)
