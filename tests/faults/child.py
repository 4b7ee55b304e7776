"""`agile` in a child that can be killed: forked from a process that has all imports and the model.

A fork starts in no time and dies as any process does, so that a thousand kills take minutes.
"""

import functools
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

KILLED = 137
# What changes files, as Python's audit events name it; os.replace is a rename too.
_EVENTS = {"open", "os.rename", "os.link", "os.remove", "os.mkdir"}


@dataclass(frozen=True)
class Done:
    """How a child ended: exit code (negative: by a signal) and what it said on stderr."""

    code: int
    said: str
    seconds: float

    @property
    def is_sentence(self):
        """Whether it ended well, or refused and said why."""
        refused = self.code in (1, 2) and bool(self.said.strip())
        return (self.code == 0 or refused) and "Traceback" not in self.said


def prepare(model, warm):
    """Import everything once, call all commands of ``warm``, and let children share the model."""
    from analysis import cli
    from analysis.extract import shard
    from analysis.extract.config import ExtractConfig, Runtime

    load = shard.load_adapter
    known = functools.cache(lambda name: load(ExtractConfig(model=name, data="scenes"), Runtime()))
    known(model)
    shard.load_adapter = lambda config, runtime: (
        known(model) if config.model == model else load(config, runtime)
    )
    cli.register_commands()
    for command in warm:
        cli.app([str(part) for part in command], standalone_mode=False)
    cli.app.registered_commands.clear()  # a child registers them by itself
    cli.app.registered_groups.clear()


def agile(*arguments, dies_at=None, under=None, killed_after=None):
    """Run a command in a child; optionally let it die at an event or after some seconds.

    ``dies_at`` counts opens, renames, links, removals, new folders and flushes below ``under``.
    """
    with tempfile.TemporaryFile("w+") as said:
        started = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            _be_agile(arguments, said.fileno(), dies_at, under)
        if killed_after is not None:
            timer = threading.Timer(killed_after, _kill, [pid])
            timer.start()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if killed_after is not None:
            timer.cancel()
        said.seek(0)
        return Done(code, said.read(), time.perf_counter() - started)


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _be_agile(arguments, said, dies_at, under):
    """Be the command; never return."""
    code = 99
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = (open(n, "w", closefd=False) for n in (1, 2))  # noqa: SIM115
        if dies_at is not None:
            _arm(dies_at, str(under))
        from analysis import cli

        sys.argv = ["agile", *map(str, arguments)]
        cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _arm(dies_at, under):
    """End the process just before its n-th change of files; what was not flushed is cut."""
    seen, flushed = 0, set()

    def event():
        nonlocal seen
        seen += 1
        if seen == dies_at:
            _tear(Path(under), dies_at, flushed)
            os._exit(KILLED)

    def hook(name, arguments):
        if name not in _EVENTS or not any(str(a).startswith(under) for a in arguments[:2]):
            return
        if seen < dies_at and not str(arguments[0]).endswith(".parquet"):
            event()

    flush = os.fsync

    def fsync(handle):
        event()
        flush(handle)
        flushed.add(os.fstat(handle).st_ino)

    os.fsync = fsync
    sys.addaudithook(hook)


def _tear(folder, number, flushed):
    """Cut temporaries somewhere, as a kill in the middle of a write would have."""
    for file in folder.glob(".*.tmp"):
        if file.stat().st_ino in flushed:
            continue
        with open(file, "r+b") as handle:
            handle.truncate(file.stat().st_size * (number % 5) // 5)
