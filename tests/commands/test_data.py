import pytest
import typer
from typer.testing import CliRunner

from analysis.commands import data
from analysis.datasets.sources import RemoteFile, Source
from analysis.errors import AgileError, UsageError
from tests.datasets.hub import jpeg


@pytest.fixture
def agile(monkeypatch, tmp_path):
    """Run ``agile data …`` in an empty folder; errors stay exceptions, as main() gets them."""
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    data.register(app)
    app.command("other")(lambda: None)

    def run(*arguments):
        result = CliRunner().invoke(app, ["data", *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_ls_names_every_data_set_its_pin_and_licence(agile):
    text = agile("ls").output
    for word in ("coco-chair", "pope", "mme", "scienceqa-img", "scenes", "folder:PATH", "licence"):
        assert word in text
    assert "4db1276663dfa5eb8ad16a52d24c31a09e470896" in text


def test_get_then_verify_then_damage(agile, monkeypatch, tmp_path):
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    served = tmp_path / "served"
    served.mkdir()
    (served / "x.jpg").write_bytes(jpeg(0))

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(served))

        def log_message(self, *args):
            pass

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    toy = Source("pope", "r", (RemoteFile("x.jpg"),), base="http://x.invalid")
    monkeypatch.setattr("analysis.datasets.sources.find_source", lambda _: toy)
    try:
        text = agile("get", "pope", "--mirror", f"http://127.0.0.1:{http.server_port}").output
    finally:
        http.shutdown()
        http.server_close()
    assert "1 files in data/raw/pope; use --data pope\n" in text
    assert "could only be checked by size" in text
    assert "1 of 1 files in data/raw/pope are ok" in agile("verify", "pope").output
    (tmp_path / "data" / "raw" / "pope" / "x.jpg").write_bytes(jpeg(9))
    with pytest.raises(AgileError, match="1 files are not as they arrived"):
        agile("verify", "data/raw/pope")


def test_unknown_names_and_empty_folders_are_wrong_usage(agile):
    with pytest.raises(UsageError, match="did you mean pope"):
        agile("get", "poppe")
    with pytest.raises(UsageError, match=r"has no agile-data\.json"):
        agile("verify", "pope")
    with pytest.raises(UsageError, match="write FILE=HEX"):
        agile("get", "pope", "--sha256", "nonsense")
