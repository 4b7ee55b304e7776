"""The facts of the metric that ship as data files."""

from importlib.resources import files


def read_fact(name: str) -> str:
    """Return the text of a file of ``chair_eval/data``."""
    return (files("chair_eval") / "data" / name).read_text("utf-8")
