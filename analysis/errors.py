"""The two errors users see: wrong usage (exit 2) and everything else (exit 1)."""


class AgileError(RuntimeError):
    """Something failed although it was asked for correctly; exit code 1.

    The message is one sentence that ends with the remedy.
    """

    exit_code = 1


class UsageError(ValueError):
    """The request itself cannot be carried out; exit code 2.

    The message names the field, the value, what is allowed, and the remedy.
    """

    exit_code = 2
