"""A small campaign of faults; `make campaign` does the full one."""

import subprocess
import sys

import pytest

FEW = {"kills": 12}


@pytest.mark.parametrize("part", FEW)
def test_nothing_is_lost_doubled_silently_different_or_a_traceback(root, part):
    call = ["tests.faults.campaign", "--parts", part, "--count", str(FEW[part]), "--seed", "1"]
    done = subprocess.run(
        [sys.executable, "-m", *call], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
