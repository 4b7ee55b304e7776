"""Hooks that remember what modules received and returned during a forward pass."""

from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn


class Recorder(dict[Hashable, Any]):
    """Name → what a module returned or received in its last forward pass.

    Parameters
    ----------
    stack
        Removes every hook when it is closed.
    """

    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, name: Hashable) -> Any:
        """Say that a module has not run since its hook was set."""
        raise RuntimeError(f"the model has not run inside the recording of {name}")

    def output(self, name: Hashable, module: nn.Module, rows: int | None = None) -> None:
        """Remember a module's output (the first of several), only its first ``rows`` rows."""

        def hook(_module: nn.Module, _args: Any, output: Any) -> None:
            output = output[0] if isinstance(output, tuple) else output
            self[name] = output if rows is None else output[:, :rows]

        self._stack.callback(module.register_forward_hook(hook).remove)

    def arguments(self, name: Hashable, module: nn.Module) -> None:
        """Remember the keyword arguments a module is called with."""

        def hook(_module: nn.Module, _args: Any, kwargs: dict[str, Any]) -> None:
            self[name] = kwargs

        handle = module.register_forward_pre_hook(hook, with_kwargs=True)
        self._stack.callback(handle.remove)


@contextmanager
def recording() -> Iterator[Recorder]:
    """Yield a recorder; all its hooks are gone when the context ends, however it ends."""
    with ExitStack() as stack:
        yield Recorder(stack)
