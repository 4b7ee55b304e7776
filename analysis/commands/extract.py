"""`agile extract`: make a run, or what is missing of it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.errors import UsageError

if TYPE_CHECKING:
    from analysis.extract import Report


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("extract")(extract)


def _list(text: str | None) -> tuple[str, ...]:
    """Split ``a,b,c``; None and blanks give nothing."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _keeps(text: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in _list(text))
    except ValueError as error:
        raise UsageError(f"--keeps {text!r} must be whole numbers, such as 128,64,32.") from error


def extract(
    model: Annotated[
        str | None, typer.Option(help="Hub id or folder of the checkpoint.", show_default=False)
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Data set: scenes, coco-chair:PATH, pope:PATH, folder:PATH, "
            "hf:OWNER/NAME[:CONFIG][:SPLIT]:image=COLUMN,question=COLUMN,answer=COLUMN, …"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder, such as data/runs/NAME.")] = None,
    pruners: Annotated[
        str | None, typer.Option(help="Comma-separated specs: name, name:key=value:…, or …@keep")
    ] = None,
    keeps: Annotated[
        str | None, typer.Option(help="Tokens to keep, such as 128,64,32; default 2/9, 1/9, 1/18.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Use this many images.")] = None,
    offset: Annotated[int | None, typer.Option(help="Skip this many images first.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    tasks: Annotated[str | None, typer.Option(help="caption, yesno, choice; default all.")] = None,
    full: Annotated[
        bool | None, typer.Option("--full/--no-full", help="Also run the unpruned model.")
    ] = None,
    study: Annotated[
        bool | None,
        typer.Option("--study/--no-study", help="Add the variants of the study's figures."),
    ] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="Limit for captions.")] = None,
    max_answer_tokens: Annotated[int | None, typer.Option(help="Limit for short answers.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    dtype: Annotated[str | None, typer.Option(help="auto, float32, bfloat16 or float16.")] = None,
    attention: Annotated[str | None, typer.Option(help="sdpa, eager or flash_attention_2.")] = None,
    image_aspect: Annotated[
        str | None, typer.Option(help="pad (the papers' protocol), crop, or auto.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="vicuna_v1, chat_template, or auto.")] = None,
    quantize: Annotated[str | None, typer.Option(help="4bit or 8bit (bitsandbytes).")] = None,
    budget: Annotated[
        str | None, typer.Option(help="crop or global, for models that tile images.")
    ] = None,
    shard_size: Annotated[int | None, typer.Option(help="Images per shard.")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML with any of these; flags win.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = "auto",
    device_map: Annotated[str | None, typer.Option(help="For models that span devices.")] = None,
    batch_size: Annotated[int, typer.Option(help="Rows per generation; 0 chooses.")] = 0,
    worker: Annotated[int, typer.Option(help="Index of this process.")] = 0,
    workers: Annotated[int, typer.Option(help="How many processes share the run.")] = 1,
    compile: Annotated[bool, typer.Option(help="Compile the language model.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Print the plan and stop.")] = False,
) -> None:
    """Encode every image once, prune it in many ways, answer, and write records.

    Killed at any moment and started again, it ends with the rows of an uninterrupted run.
    """
    flags = {
        "model": model,
        "data": data,
        "pruners": None if pruners is None else _list(pruners),
        "keeps": None if keeps is None else _keeps(keeps),
        "tasks": None if tasks is None else _list(tasks),
        "limit": limit,
        "offset": offset,
        "seed": seed,
        "full": full,
        "study": study,
        "max_new_tokens": max_new_tokens,
        "max_answer_tokens": max_answer_tokens,
        "revision": revision,
        "dtype": dtype,
        "attention": attention,
        "image_aspect": image_aspect,
        "prompt": prompt,
        "quantize": quantize,
        "budget": budget,
        "shard_size": shard_size,
    }
    from analysis.extract import ExtractConfig, Runtime, run_extraction

    merged = {**_file(config), **{k: v for k, v in flags.items() if v is not None}}
    for name in ("model", "data"):
        if name not in merged:
            raise UsageError(f"--{name} is missing; try --model data/pocket --data scenes.")
    wanted = ExtractConfig.from_dict(merged)
    runtime = Runtime(device, device_map, batch_size, worker, workers, compile)
    if dry_run:
        from analysis.extract.plan import plan

        sys.stdout.write(plan(wanted, out).text() + "\n")
        return
    if out is None:
        raise UsageError("--out is missing; give a run folder such as data/runs/NAME.")
    report = run_extraction(wanted, out, runtime)
    sys.stdout.write(_sentence(report, out) + "\n")


def _file(path: Path | None) -> dict[str, Any]:
    """Read a YAML configuration."""
    if path is None:
        return {}
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(f"--config {path} cannot be read ({error}); check the file.") from error
    if not isinstance(values, dict):
        raise UsageError(f"--config {path} must hold key: value pairs.")
    return values


def _sentence(report: "Report", out: Path) -> str:
    """Say what was done."""
    if not report.made:
        missing = len(report.run.missing)
        state = "is complete" if not missing else f"lacks {missing} shards of other workers"
        return f"{out}: {state} ({report.images} images, {report.failed} unusable)."
    return (
        f"{out}: {report.images} images, {report.failed} unusable, "
        f"{report.made} new shards in {report.seconds:.1f} s."
    )
