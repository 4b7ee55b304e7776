"""The two kinds of failure, and the exit code each has on the command line."""


class ChairError(RuntimeError):
    """Input, data or a file is not as it should be (exit code 1); the message has the remedy."""


class UsageError(ValueError):
    """A parameter has a value that is not allowed (exit code 2); the message lists what is."""
