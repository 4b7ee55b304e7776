"""The two kinds of failure that users see as one sentence, with the exit code of each."""


class ChairError(RuntimeError):
    """Input, data or a file is not as it should be (exit code 1); the message has the remedy."""

    exit_code = 1


class UsageError(ValueError):
    """The request itself cannot be carried out (exit code 2).

    The message names the field, the value, what is allowed, and the remedy.
    """

    exit_code = 2
