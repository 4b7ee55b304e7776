"""The README keeps its word: its links lead somewhere and its examples run as written."""

import re
import shlex
import subprocess
import sys

import pytest


def code_lines(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split("#")[0].strip() for line in lines]


def test_links_and_pictures_exist(root):
    for page in ("README.md", "CONTRIBUTING.md", "data/README.md"):
        text = (root / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if not target.startswith("http"):
                assert (root / page).parent.joinpath(target).exists(), f"{page}: {target}"


def test_chair_examples_run_as_written(root):
    examples = [line for line in code_lines(root) if line.startswith("chair-eval ")]
    assert len(examples) == 2
    for line in examples:
        command = [sys.executable, "-m", "chair_eval.cli", *shlex.split(line)[1:]]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "CHAIR" in done.stdout


def test_agile_examples_use_options_that_exist(root):
    lines = [line for line in code_lines(root) if line.startswith("agile ")]
    assert lines
    for line in lines:
        words = shlex.split(line)
        verb = [word for word in words[1:3] if not word.startswith("--")]
        done = subprocess.run(
            [sys.executable, "-m", "analysis.cli", *verb, "--help"],
            capture_output=True,
            text=True,
            check=False,
            env={"COLUMNS": "200", "PATH": ""},
        )
        assert done.returncode == 0, line
        for option in (word for word in words if word.startswith("--")):
            assert option in done.stdout, f"{line}: {option}"


def test_make_targets_named_in_the_readme_exist(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("word", ["figures", "test"])
def test_the_two_commands_do_their_own_set_up(root, word):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    rule = re.search(rf"^{word}: (.*?) ##", makefile, flags=re.MULTILINE)
    assert "$(VENV)/" in rule.group(1)
