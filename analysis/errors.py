"""The two errors users see: wrong usage (exit 2) and everything else (exit 1)."""

from chair_eval.errors import ChairError, UsageError

__all__ = ["AgileError", "UsageError"]


class AgileError(ChairError):
    """Something failed although it was asked for correctly; exit code 1.

    The message is one sentence that ends with the remedy. It is a `ChairError`, so that both
    commands report what either package refuses.
    """
