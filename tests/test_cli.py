"""The command line: help, versions, exit codes, one sentence an error."""

import subprocess
import sys

import pytest

from analysis.errors import UsageError
from analysis.registry import Registry


def agile(*arguments):
    command = [sys.executable, "-m", "analysis.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_lists_the_verbs():
    done = agile("--help")
    assert done.returncode == 0
    for verb in ("extract", "figures", "ls", "select", "data"):
        assert verb in done.stdout


def test_version():
    from analysis import __version__

    assert agile("--version").stdout.strip() == f"agile {__version__}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("extrct",), "extract"),
        (("select", "--pruner", "random", "--keep", "abc", "--tokens", "x.npz"), "--keep"),
        (("select", "--pruner", "random"), "--tokens"),
        (("ls", "pruners", "--nope"), "--nope"),
    ],
)
def test_a_mistyped_command_line_is_one_sentence_and_wrong_usage(arguments, said):
    done = agile(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("agile: ")
    assert said in done.stderr
    assert done.stderr.endswith(" --help).\n")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_says_how_to_go_on():
    code = (
        "import sys, analysis.cli as cli\n"
        "def interrupt(): raise KeyboardInterrupt\n"
        "cli.app.command('wait')(interrupt)\n"
        "cli.register_commands = lambda: None\n"
        "cli.app.command('other')(lambda: None)\n"
        "sys.argv = ['agile', 'wait']\n"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "agile: interrupted; run the same command again to go on.\n"


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        (">/dev/full", 1, "agile: standard output failed (No space left on device); see to it"),
        ("| true; exit ${PIPESTATUS[0]}", 1, ""),
    ],
)
def test_a_closed_full_or_finished_output_is_no_traceback(redirection, code, said):
    line = f"{sys.executable} -m analysis.cli data ls {redirection}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") <= bool(said)
    assert done.returncode in {0, code}  # a pipe may take all before it ends


def test_resamples_have_a_bound():
    done = agile("stats", "--run", "nowhere", "--resamples", "1000000000000")
    assert done.returncode == 2
    assert "1,000,000" in done.stderr
    assert done.stderr.count("\n") == 1


def test_errors_are_one_sentence_on_standard_error():
    done = agile("extract", "--data", "scenes")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip().count("\n") == 0
    assert "--model is missing" in done.stderr


def test_a_registry_helps_with_a_mistyped_name():
    registry = Registry("fruit")
    registry.register("apple")(1)
    registry.register("pear")(2)
    assert registry.get("apple") == 1
    with pytest.raises(UsageError, match=r"unknown fruit 'aple'; did you mean apple"):
        registry.get("aple")
    with pytest.raises(UsageError, match="choose one of: apple, pear"):
        registry.get("zzz")
    with pytest.raises(ValueError, match="twice"):
        registry.register("pear")(3)
