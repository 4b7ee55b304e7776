"""What a campaign works on: a small run of Pocket LLaVA, copies of it, and what is true of it."""

import itertools
import re
import shutil

from analysis.errors import AgileError, UsageError
from analysis.runs import TABLES, Run
from analysis.runs.schemas import KEYS
from tests.faults.child import agile, prepare
from tests.faults.damage import always

_FIGURE = "chair_table"
_OPTIONS = (
    *("--data", "scenes", "--limit", "4", "--shard-size", "2", "--pruners", "random"),
    *("--keeps", "9", "--tasks", "caption", "--max-new-tokens", "12"),
)
# A command that could not use everything says one of these.
_TOLD = re.compile(r"missing|damaged|not of this run|lacks|incomplete|unreadable|cannot be read")


class Bench:
    """The run, how its commands are called, and the comparison with what it held unharmed."""

    def __init__(self, work, model="data/pocket"):
        self._work, self._names, self._model = work, itertools.count(), model
        self._whole, self._other = work / "whole", work / "other"
        drawn = ("figures", _FIGURE, "--run", self._other, "--out", work / "drawn")
        prepare(model, [self.extract(self._other, seed=1), drawn])
        self._made(self.extract(self._whole))
        self.seconds = self._made(self.extract(self.fresh())).seconds
        self._truth = self._tables(self._whole)
        self._numbers = self._read(self._whole)
        self._checkpoint = shutil.copytree(model, work / "model")

    @property
    def files(self):
        """Everything the run consists of."""
        return Run.open(self._whole).files

    @property
    def beside(self):
        """JSON files that are read beside a run."""
        return sorted(self._checkpoint.glob("*.json"))

    def fresh(self):
        """Path of a folder that is not there yet."""
        return self._work / f"run-{next(self._names)}"

    def copy(self):
        """Return a copy of the unharmed run."""
        return shutil.copytree(self._whole, self.fresh())

    def extract(self, folder, seed=0, model=None):
        """Command that makes the run, or what is missing of it."""
        model = model or self._model
        return ("extract", "--model", model, *_OPTIONS, "--seed", str(seed), "--out", folder)

    def replacement(self, name, way):
        """Return what puts another file in a file's place: another run's, or another shard's."""
        index = name[-13:-8]
        other = name.replace(index, "00001" if index == "00000" else "00000")
        source = self._other / name if way == "foreign" else self._whole / other
        return always(source.read_bytes())

    def resumed(self, folder, must=True):
        """Call `agile extract` again; return its flaws, and remove the folder.

        ``must``: the run has to be whole afterwards; a refusal counts as lost.
        """
        done = agile(*self.extract(folder))
        flaws = {} if done.is_sentence else {"traceback": _last(done)}
        if done.code == 0:
            flaws |= self._differs(folder)
        elif must:
            flaws.setdefault("lost", _last(done))
        shutil.rmtree(folder)
        return flaws

    def read_and_resumed(self, folder, name):
        """Score and draw what is damaged, then extract again."""
        flaws = {}
        for verb, (done, numbers) in self._read(folder).items():
            if not done.is_sentence:
                flaws["traceback"] = f"{verb}: {_last(done)}"
            elif numbers != self._numbers[verb][1] and not (done.code or _TOLD.search(done.said)):
                flaws["different"] = f"{verb} said {done.said.strip()!r}"
        return flaws | self.resumed(folder, must=name != "run.json")

    def beside_damaged(self, file, make, rng):
        """Damage a file of the checkpoint and extract; what it may not be is a traceback."""
        unharmed = file.read_bytes()
        data = make(unharmed, rng)
        file.unlink()
        if data is not None:
            file.write_bytes(data)
        folder = self.fresh()
        done = agile(*self.extract(folder, model=self._checkpoint))
        file.write_bytes(unharmed)
        shutil.rmtree(folder, ignore_errors=True)
        return {} if done.is_sentence else {"traceback": _last(done)}

    def _read(self, folder):
        """Return how score and figures end, and the numbers they write."""
        out = self.fresh()
        out.mkdir()
        table = out / f"{_FIGURE}.csv"
        calls = {
            "score": (("score", "--run", folder, "--out", out / "score.csv"), out / "score.csv"),
            "figures": (("figures", _FIGURE, "--run", folder, "--out", out), table),
        }
        read = {v: (agile(*call), f.exists() and f.read_text()) for v, (call, f) in calls.items()}
        shutil.rmtree(out)
        return read

    def _tables(self, folder):
        run = Run.open(folder)
        return {name: run.table(name).replace_schema_metadata() for name in TABLES}

    def _differs(self, folder):
        """Compare all rows with those of the unharmed run."""
        try:
            found = self._tables(folder)
        except (AgileError, UsageError) as error:
            return {"lost": str(error)}
        flaws = {}
        for name, wanted in self._truth.items():
            keys = [tuple(row.values()) for row in found[name].select(KEYS[name]).to_pylist()]
            if len(set(keys)) < len(keys):
                flaws["doubled"] = name
            if len(set(keys)) < wanted.num_rows:
                flaws["lost"] = name
            elif not found[name].equals(wanted):
                flaws["different"] = f"rows of {name}"
        return flaws

    def _made(self, call):
        done = agile(*call)
        if done.code:
            raise RuntimeError(f"the run of the campaign was not made: {done.said}")
        return done


def _last(done):
    """Return the last line a command said."""
    lines = done.said.strip().splitlines()
    return f"exit {done.code}: {lines[-1] if lines else 'nothing said'}"
