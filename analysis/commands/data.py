"""`agile data`: list, get and verify the data sets that can be downloaded."""

from pathlib import Path

import typer

from analysis.datasets.listed import FETCHED
from analysis.errors import AgileError

app = typer.Typer(
    no_args_is_help=True, help="Get the data sets of the study, and check what arrived."
)


def register(parent: typer.Typer) -> None:
    """Mount the verb ``data``."""
    parent.add_typer(app, name="data")


@app.command("ls")
def list_sources() -> None:
    """List what can be fetched, and what is here."""
    from analysis.datasets.manifest import MANIFEST
    from analysis.datasets.sources import all_sources

    sources = all_sources()
    for source in map(sources.get, sources):
        folder = FETCHED / source.name
        here = f"here: --data {source.name}" if (folder / MANIFEST).exists() else ""
        typer.echo(f"{source.name:14} {source.summary}")
        typer.echo(f"{'':14} {len(source.files)} files, {source.revision} from {source.base}")
        typer.echo(f"{'':14} licence: {source.license}")
        if here:
            typer.echo(f"{'':14} {here}")
    typer.echo(f"{'scenes':14} drawn pictures of the embedded model; nothing to fetch")
    typer.echo(f"{'folder:PATH':14} your own pictures; nothing to fetch")
    typer.echo(
        f"{'hf:OWNER/NAME':14} any data set of the hub or saved by datasets; fetched when used"
    )


@app.command("get")
def get_source(
    name: str = typer.Argument(help="Data set, as agile data ls names it."),
    to: Path | None = typer.Option(None, help="Folder; data/raw/NAME by default."),
    mirror: str | None = typer.Option(None, help="Address in place of the source's host."),
    sha256: list[str] = typer.Option([], help="FILE=HEX to check against; may be repeated."),
    attempts: int = typer.Option(5, min=1, help="Failed attempts in a row before giving up."),
    timeout: float = typer.Option(60, min=1, help="Seconds without data before trying again."),
) -> None:
    """Fetch a data set; run it again to continue."""
    from tqdm import tqdm

    from analysis.datasets.fetch import Patience, get, need_space, parse_checksum
    from analysis.datasets.sources import find_source

    source = find_source(name)
    folder = to or FETCHED / name
    known = dict(parse_checksum(text) for text in sha256)
    need_space(source, folder)
    fetched = get(source, folder, mirror, known, Patience(attempts, timeout))
    total = sum(len(file.members) or 1 for file in source.files)
    entries = list(tqdm(fetched, desc=name, unit="file", total=total, disable=None))
    by_size = sum(entry.checked == "size" for entry in entries)
    spec = name if to is None else f"{name}:{folder}"
    typer.echo(f"{len(entries)} files in {folder}; use --data {spec}")
    if by_size:
        typer.echo(f"{by_size} of them could only be checked by size and kind, not by checksum")


@app.command("verify")
def verify_folder(
    place: str = typer.Argument(help="Data set or folder that agile data get filled."),
) -> None:
    """Compare files with what arrived; exit 1 if any is missing or changed."""
    from analysis.datasets.manifest import verify

    folder = Path(place) if Path(place).is_dir() else FETCHED / place
    findings = list(verify(folder))
    bad = [finding for finding in findings if finding.state != "ok"]
    for finding in bad:
        typer.echo(f"{finding.state:10} {finding.path}  {finding.detail}")
    typer.echo(f"{len(findings) - len(bad)} of {len(findings)} files in {folder} are ok")
    if bad:
        raise AgileError(f"{len(bad)} files are not as they arrived; delete them and get again.")
