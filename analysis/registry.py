"""A registry maps a name to a factory and helps when the name is mistyped."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Generic, TypeVar

from analysis.errors import UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing (pruners, data sets, …) and what they stand for.

    Parameters
    ----------
    kind
        Singular noun used in messages, such as ``"pruner"``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that files its argument under ``name``.

        Raises
        ------
        ValueError
            If the name is taken: two rules may not share one name.
        """

        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return add

    def replace(self, name: str, entry: T) -> None:
        """File ``entry`` under ``name``, in place of an earlier one if there is one."""
        self._entries[name] = entry

    def get(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises
        ------
        UsageError
            If there is none; the message lists close matches and all names.
        """
        if name in self._entries:
            return self._entries[name]
        close = get_close_matches(name, self._entries, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise UsageError(
            f"unknown {self.kind} {name!r}; {hint}choose one of: {', '.join(self._entries)}."
        )

    def names(self) -> list[str]:
        """Return all names in the order they were registered."""
        return list(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
