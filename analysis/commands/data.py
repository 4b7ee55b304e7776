"""`agile data`: list, get and verify the data sets that can be downloaded."""

from collections.abc import Callable
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

    for source in all_sources():
        folder = FETCHED / source.name
        here = f"here: --data {source.name}" if (folder / MANIFEST).exists() else ""
        typer.echo(f"{source.name:14} {source.summary}")
        typer.echo(f"{'':14} {len(source.files)} files, {source.revision} from {source.base}")
        typer.echo(f"{'':14} licence: {source.license}")
        if here:
            typer.echo(f"{'':14} {here}")
    typer.echo(f"{'scenes':14} drawn pictures of the embedded model; nothing to fetch")
    typer.echo(f"{'folder:PATH':14} your own pictures; nothing to fetch")


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
    from analysis.datasets.download import Manners
    from analysis.datasets.sources import find_source
    from analysis.datasets.store import get, need_space, parse_checksum

    source = find_source(name)
    folder = to or FETCHED / name
    known = dict(parse_checksum(text) for text in sha256)
    need_space(source, folder)
    manners = Manners(attempts=attempts, timeout=timeout)
    with _Bar(len(source.files)) as bar:
        entries = list(get(source, folder, mirror, known, manners, bar.file))
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


class _Bar:
    """One progress bar of bytes with the file's name and number; silent without a terminal."""

    def __init__(self, n_files: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(unit="B", unit_scale=True, unit_divisor=1024, disable=None)
        self._n_files, self._started = n_files, 0

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def file(self, path: str) -> Callable[[int], object]:
        """Show the next file; return what counts its bytes."""
        self._started += 1
        self._bar.set_description(f"{self._started}/{self._n_files} {Path(path).name}")
        return self._bar.update
