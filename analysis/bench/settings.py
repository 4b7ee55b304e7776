"""What each bench can be asked: a class a command, its fields are the options; free of torch."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.bench.presets import Preset, preset
from analysis.catalogue import STUDY
from analysis.errors import UsageError

if TYPE_CHECKING:
    import torch

    from analysis.bench.clock import Clock

_DEVICE = "auto, cpu, cuda, cuda:1, …"
_SPECS = "Pruner specs, comma-separated; empty takes all."
_KEEPS = "Comma-separated numbers; empty takes the preset's."
_TYPES = ("auto", "float32", "bfloat16", "float16")


def option(default: Any, help: str, least: int | None = None) -> Any:
    """Return a field with its help on the command line, and the least value it may have."""
    return field(default=default, metadata={"help": help, "least": least})


@dataclass(frozen=True)
class Settings:
    """Options of a bench, checked before anything is built."""

    def __post_init__(self) -> None:
        """Check ranges and names.

        Raises
        ------
        UsageError
            Naming field, value and range.
        """
        from analysis.pruners import make_pruner

        for each in fields(self):
            value, least = getattr(self, each.name), each.metadata["least"]
            several = isinstance(value, tuple)
            if least is not None and any(v < least for v in (value if several else (value,))):
                what = "all" if several else "it"
                raise UsageError(f"{each.name} is {value}; {what} must be at least {least}.")
            if each.name in ("pruner", "pruners"):
                for spec in value if several else (value,):
                    make_pruner(spec)

    @property
    def table(self) -> str:
        """Name of the CSV file in ``data/bench``, without its ending."""
        return type(self).__name__.lower()


@dataclass(frozen=True)
class Timed(Settings):
    """What is timed at a preset's sizes, and where."""

    preset: str = option("auto", "Architecture; auto is tiny on a CPU, llava-1.5-7b on a GPU.")
    batches: tuple[int, ...] = option((1, 8), "Images at a time, comma-separated.", 1)
    device: str = option("auto", _DEVICE)
    dtype: str = option("auto", "auto (bfloat16 on a GPU), float32, bfloat16, float16.")
    warmups: int = option(20, "Untimed repetitions; at least 20 on a GPU.")
    repeats: int = option(20, "Timed repetitions.")

    def __post_init__(self) -> None:
        """Check ranges and names, the preset's, the device's and the clock's among them."""
        super().__post_init__()
        if not self.batches:
            raise UsageError("batches is empty; give at least one batch size.")
        if self.dtype not in _TYPES:
            raise UsageError(f"dtype is {self.dtype!r}; choose one of: {', '.join(_TYPES)}.")
        self.architecture  # noqa: B018 (an unknown name, device or count is said now)

    @property
    def clock(self) -> "Clock":
        """Where, and how often."""
        from analysis.bench.clock import Clock
        from analysis.models.devices import pick_device

        return Clock(pick_device(self.device), self.warmups, self.repeats)

    @property
    def architecture(self) -> Preset:
        """The model's sizes."""
        usual = "tiny" if self.clock.device.type == "cpu" else "llava-1.5-7b"
        return preset(usual if self.preset == "auto" else self.preset)

    @property
    def torch_dtype(self) -> "torch.dtype":
        """The type of weights and tokens."""
        import torch

        usual = "float32" if self.clock.device.type == "cpu" else "bfloat16"
        dtype: torch.dtype = getattr(torch, usual if self.dtype == "auto" else self.dtype)
        return dtype

    @property
    def table(self) -> str:
        """Name of the CSV file: bench, preset and device."""
        from analysis.bench.clock import device_slug

        return f"{super().table}-{self.architecture.name}-{device_slug(self.clock.device)}"

    def facts(self, **more: Any) -> dict[str, Any]:
        """Columns that say what was timed, ``more`` of it, where, and how often."""
        import torch

        from analysis.models.devices import device_name

        return {
            "preset": self.architecture.name,
            **more,
            "device": device_name(self.clock.device),
            "dtype": str(self.torch_dtype).removeprefix("torch."),
            "torch": torch.__version__,
            "warmups": self.warmups,
            "repeats": self.repeats,
        }


@dataclass(frozen=True)
class Model(Timed):
    """Time prefill, first token, decoding, memory and cache of every pruner."""

    pruners: tuple[str, ...] = option((), _SPECS)
    keeps: tuple[int, ...] = option((), _KEEPS, 1)
    new_tokens: int = option(32, "Tokens decoded after the first.", 1)
    baselines: bool = option(True, "Also time the usual ways.")


@dataclass(frozen=True)
class Overhead(Timed):
    """Time entropy, erank and selection by themselves, as the paper's Table 10 does."""

    batches: tuple[int, ...] = option((1, 3, 5, 10), "Images at a time, comma-separated.", 1)
    pruner: str = option("agilepruner", "Selection that is timed.")
    keep: int = option(0, "Tokens to keep; 0 takes a ninth.")

    def __post_init__(self) -> None:
        """Check ranges and names, and that there are as many tokens as are kept."""
        super().__post_init__()
        if not 0 <= self.keep <= self.architecture.patches:
            most = self.architecture.patches
            raise UsageError(f"keep is {self.keep}; it must be 1 to {most}.")

    @property
    def kept(self) -> int:
        """Tokens that are kept, a ninth of one crop's unless given."""
        return self.keep or max(1, self.architecture.patches // 9)


@dataclass(frozen=True)
class Extract(Settings):
    """Time one batched pass against every variant on its own."""

    model: str = option("data/pocket", "Checkpoint, or a preset for random weights.")
    data: str = option("scenes", "Data set.")
    limit: int = option(8, "Images.", 1)
    pruners: tuple[str, ...] = option(STUDY, "Pruner specs, comma-separated.")
    keeps: tuple[int, ...] = option((), "Comma-separated numbers; empty takes 2/9 and 1/9 of N.")
    batch_size: int = option(0, "Rows in one generation; 0: by model size.", 0)
    max_new_tokens: int = option(32, "Limit of a caption; 0: its own.", 0)
    tasks: tuple[str, ...] = option(("caption",), "Tasks answered, comma-separated.")
    repeats: int = option(2, "Rounds of all three sides, interleaved.", 1)
    device: str = option("auto", _DEVICE)

    @property
    def table(self) -> str:
        """Name of the CSV file: with model and device where that is a GPU."""
        from analysis.bench.clock import device_slug
        from analysis.models.devices import pick_device

        where = pick_device(self.device)
        small = where.type == "cpu"
        return "extract" if small else f"extract-{Path(self.model).name}-{device_slug(where)}"


@dataclass(frozen=True)
class Flops(Settings):
    """Count operations and cache bytes of every pruner; nothing is run."""

    preset: str = option("llava-1.5-7b", "Published sizes.")
    pruners: tuple[str, ...] = option((), _SPECS)
    keeps: tuple[int, ...] = option((576, 192, 128, 64, 32), "Comma-separated numbers.")
    text_tokens: int = option(30, "Text tokens of the prompt.")
    new_tokens: int = option(1, "Tokens of the answer.")

    @property
    def table(self) -> str:
        """Name of the CSV file: with the preset."""
        return f"flops-{self.preset}"


@dataclass(frozen=True)
class Pruners(Settings):
    """Time measures and selections against the usual formulations, on the CPU and any GPU."""

    tower: bool = option(True, "Also time [CLS] capture in a CLIP-L tower.")
    clock: str = option("wall", "wall, or cpu: processor time, one thread, for busy machines.")
    rounds: int = option(25, "At most so many rounds of each.", 1)

    def __post_init__(self) -> None:
        """Check the clock's name and the rounds."""
        super().__post_init__()
        if self.clock not in ("wall", "cpu"):
            raise UsageError(f"clock must be one of wall, cpu, got {self.clock!r}.")
