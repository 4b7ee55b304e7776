"""The provenance block says what made a result."""

from analysis import __version__, provenance


def test_block_names_code_packages_and_platform():
    block = provenance.block(seeds={"seed": 3})
    assert block["code"]["version"] == __version__
    assert block["packages"]["torch"].startswith("2.")
    assert block["seeds"] == {"seed": 3}
    assert block["created"].endswith("+00:00")


def test_commit_is_that_of_our_own_tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    provenance.code.cache_clear()
    commit = provenance.code()["commit"]
    assert commit is None or len(commit) == 40


def test_without_git_the_version_stands_alone(monkeypatch):
    monkeypatch.setattr(provenance, "_git", lambda *_: None)
    provenance.code.cache_clear()
    assert provenance.code() == {"version": __version__, "commit": None, "dirty": None}
    provenance.code.cache_clear()
