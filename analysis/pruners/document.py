"""The table of pruners and its page in the docs, both read off the classes themselves."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from inspect import cleandoc

from analysis.catalogue import METHODS, Method
from analysis.pruners import Pruner
from analysis.tokens import VisualTokens

COLUMNS = (
    "name",
    "family",
    "signal",
    "space",
    "prunes",
    "merges",
    "positions",
    "official licence",
    "deviations",
)

_INTRODUCTION = """\
# Pruners

Made from the classes in `analysis/pruners` by `agile ls pruners --markdown > docs/pruners.md`;
a test keeps the two in step. Change the class, not this page.

What holds for all of them:

- `keep` is K, the number of tokens that reach the language model. Exactly K distinct tokens
  come back, or an error that names the field; `keep = N` prunes nothing. Methods that set
  their own count (PruMerge, PruMerge+, AgilePruner with an adaptive count) say so below.
- VisionZip's K counts [CLS] and its merged tokens, PruMerge's the extra token. For methods
  inside the language model K is the mean over layers of the image tokens entering each;
  `agile select`, which has arrays and no model, runs one stage of them and K leaves that stage.
- Equal scores go to the lowest index (a stable sort), and scores are computed in float32 or
  better, in the order of operations of the official code where rounding decides.
- A merging method returns weights (K, N+1) over `[CLS; tokens]`; a plain selection is the
  same with one-hot rows.
- A spec is the name and then `:key=value` for each parameter, such as
  `mixture:attention_share=0.25:seeded=false`.
"""

_FIELDS = """\
A file for `agile select` (`.npz` or safetensors, one image) holds `features` and what the
method reads, by these names; shapes are checked, N, M and C must agree among them.
"""


def pruner_rows() -> list[dict[str, str]]:
    """Return one row per registered pruner with the entries of ``COLUMNS`` as text."""
    return [_row(METHODS.get(name)) for name in METHODS]


def page() -> str:
    """Return docs/pruners.md: the table, then every method with its parameters."""
    methods = "\n".join(_section(METHODS.get(name).cls) for name in METHODS)
    return f"{_INTRODUCTION}\n{markdown_table(COLUMNS, pruner_rows())}\n{_fields()}\n{methods}"


def markdown_table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """Write rows as a Markdown table."""
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "".join(
        f"| {' | '.join(row[c].replace('|', chr(92) + '|') for c in columns)} |\n" for row in rows
    )


def _row(method: Method) -> dict[str, str]:
    rule = method.cls()
    values = (
        method.name,
        method.family,
        rule.signal,
        rule.space,
        method.prunes,
        "yes" if rule.merges else "no",
        rule.position_policy,
        rule.licence,
        " ".join(rule.deviations) or "none",
    )
    return dict(zip(COLUMNS, values, strict=True))


def _section(cls: type[Pruner]) -> str:
    """Return the part of the page about one method."""
    text = re.sub(r":math:`([^`]*)`", r"$\1$", cleandoc(cls.__doc__ or "")).replace("``", "`")
    summary, _, body = text.partition("\n\n")
    body = body.split("\n\nParameters\n")[0].split("Parameters\n---")[0].strip()
    reads = ", ".join(f"`{name}`" for name in ("features", *cls().needs))
    parts = [f"## {cls.name}\n", f"{summary}\n"]
    if body:
        parts.append(f"{body}\n")
    parts.append(f"Reads {reads}.\n")
    parts.append(_parameters(cls))
    return "\n".join(parts)


def _parameters(cls: type[Pruner]) -> str:
    """List the parameters with their defaults and what the docstrings say of them."""
    said: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for names, text in entries(cleandoc(base.__dict__.get("__doc__") or ""), "Parameters"):
            said |= dict.fromkeys(names, text)
    own = [
        f"- `{f.name}={_default(f.default)}`: {said.get(f.name, 'not described.')}\n"
        for f in fields(cls)
    ]
    return "Parameters:\n\n" + "".join(own) if own else "No parameters.\n"


def _fields() -> str:
    """List what a file for `agile select` may hold, from the docstring of `VisualTokens`."""
    found = entries(cleandoc(VisualTokens.__doc__ or ""), "Attributes")
    lines = (f"- {', '.join(f'`{name}`' for name in names)}: {text}\n" for names, text in found)
    return f"## Fields\n\n{_FIELDS}\n{''.join(lines)}"


def entries(text: str, section: str) -> list[tuple[list[str], str]]:
    """Read a section of a NumPy-style docstring: names and description of each entry."""
    _, _, rest = text.partition(f"{section}\n{'-' * len(section)}\n")
    body = re.split(r"\n\n\w+\n-+\n", rest)[0]
    found = []
    for entry in re.split(r"\n(?=\S)", body.strip()):
        names, _, said = entry.partition("\n")
        if names:
            said = re.sub(r":math:`([^`]*)`", r"$\1$", " ".join(said.split())).replace("``", "`")
            found.append(([name.strip() for name in names.split(",")], said))
    return found


def _default(value: object) -> str:
    return "" if value is MISSING else str(value).lower() if isinstance(value, bool) else str(value)
