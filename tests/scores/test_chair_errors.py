"""What the CHAIR package refuses reaches the user of `agile` as one sentence."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(("name", "code"), [("ChairError", 1), ("UsageError", 2)])
def test_errors_of_the_chair_package_have_its_exit_codes(name, code):
    program = (
        "import sys, analysis.cli as cli\n"
        "def fail():\n"
        f"    from chair_eval import {name}\n"
        f"    raise {name}('captions.jsonl, line 3: not complete JSON')\n"
        "cli.app.command('fail')(fail)\n"
        "cli.app.command('other')(lambda: None)\n"
        "cli.register_commands = lambda: None\n"
        "sys.argv = ['agile', 'fail']\n"
        "cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr == "agile: captions.jsonl, line 3: not complete JSON\n"
    assert done.returncode == code


def test_the_command_starts_without_what_scores_captions():
    program = (
        "import sys, analysis.cli as cli\n"
        "sys.argv = ['agile', '--version']\n"
        "try: cli.main()\n"
        "finally: print(sorted({'numpy', 'chair_eval.bootstrap'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
