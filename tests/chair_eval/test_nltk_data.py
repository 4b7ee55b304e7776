"""``chair-eval setup`` against a server that serves, cuts, lies and fails."""

import hashlib
import io
import json
import threading
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from xml.sax.saxutils import quoteattr

import pytest

from chair_eval import ChairError
from chair_eval.nltk_data import NEEDED, PACKAGES, fetch, missing_packages, read_resource

TAGGER, WORDNET = NEEDED


def packed(resource):
    """Zip file of a resource, every needed file tiny."""
    name = resource.rsplit("/", 1)[1]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file_name in NEEDED[resource]:
            content = json.dumps({"NN": 0.5}) if file_name.endswith("json") else "dog n 1\n" * 40
            archive.writestr(f"{name}/{file_name}", content)
    return buffer.getvalue()


class Server(HTTPServer):
    """A host of NLTK's packages whose `mood` says what is wrong with it."""

    mood = "honest"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server_port}"
        self.files = {f"/{name}.zip": packed(at) for name, at in zip(PACKAGES, NEEDED, strict=True)}
        self.files["/index.xml"] = self.index().encode()

    def index(self):
        rows = []
        for name, resource in zip(PACKAGES, NEEDED, strict=True):
            raw = self.files[f"/{name}.zip"]
            sizes = [entry.file_size for entry in zipfile.ZipFile(io.BytesIO(raw)).infolist()]
            about = {
                "id": name,
                "name": name,
                "subdir": resource.split("/")[0],
                "url": f"{self.base}/{name}.zip",
                "unzip": "1",
                "size": len(raw),
                "unzipped_size": sum(sizes),
                "checksum": hashlib.md5(raw).hexdigest(),
                "sha256_checksum": hashlib.sha256(raw).hexdigest(),
            }
            rows.append(
                f"<package {' '.join(f'{k}={quoteattr(str(v))}' for k, v in about.items())}/>"
            )
        return f"<nltk_data><packages>{''.join(rows)}</packages><collections/></nltk_data>"


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's mood has it."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        content = self.server.files[self.path]
        is_package = self.path.endswith(".zip")
        if self.server.mood == "absent" and is_package:
            self.send_error(404)
            return
        if self.server.mood == "portal":
            content = b"<html>Please log in.</html>"
        if self.server.mood == "lies" and is_package:
            content = content[:60] + bytes(20) + content[80:]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        cut = self.server.mood == "cut" and is_package
        self.wfile.write(content[: len(content) // 2] if cut else content)


@pytest.fixture
def server(monkeypatch, tmp_path):
    from nltk import downloader

    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        ours = downloader.Downloader(f"{server.base}/index.xml")
        # NLTK refuses to talk to this very machine, which is right but not here.
        plain = lambda url, timeout=None, **_: urllib.request.urlopen(url, timeout=timeout)  # noqa: E731
        monkeypatch.setattr(downloader, "urlopen", plain)
        monkeypatch.setattr("nltk.download", ours.download)
        monkeypatch.setattr("chair_eval.nltk_data.search_path", lambda *_: [tmp_path])
        yield server
        server.shutdown()
        thread.join()


def test_setup_fetches_once_and_repairs(server, tmp_path):
    assert missing_packages() == list(PACKAGES)
    assert fetch(tmp_path) == tmp_path
    assert missing_packages() == []
    assert read_resource(WORDNET, "noun.exc").startswith(b"dog")
    server.mood = "absent"
    fetch(tmp_path)  # nothing is asked for again
    server.mood = "honest"
    weights = tmp_path / TAGGER / NEEDED[TAGGER][-1]
    weights.write_text('{"NN": 0.')
    assert missing_packages() == [PACKAGES[0]]
    fetch(tmp_path)
    assert json.loads(weights.read_text()) == {"NN": 0.5}


@pytest.mark.parametrize("mood", ["cut", "lies", "portal", "absent"])
def test_what_is_wrong_is_said_in_one_sentence(server, tmp_path, mood, capfd):
    server.mood = mood
    with pytest.raises(
        ChairError, match=rf"downloading {PACKAGES[0]} .* failed .*by hand"
    ) as caught:
        fetch(tmp_path)
    assert "\n" not in str(caught.value)
    assert missing_packages() == list(PACKAGES)
    assert capfd.readouterr() == ("", "")


def test_an_unusable_package_is_not_called_fetched(server, tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(f"{PACKAGES[1]}/noun.exc", "only this one")
    server.files[f"/{PACKAGES[1]}.zip"] = raw.getvalue()
    server.files["/index.xml"] = server.index().encode()
    with pytest.raises(ChairError, match=r"downloading wordnet .*is damaged"):
        fetch(tmp_path)


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ChairError, match=r"to .*file failed \(.*exists"):
        fetch(tmp_path / "file")
