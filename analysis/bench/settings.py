"""What each bench can be asked: a class a command, its fields are the options; free of torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.bench.presets import Preset, preset
from analysis.catalogue import STUDY
from analysis.errors import UsageError
from analysis.options import check, option

if TYPE_CHECKING:
    import torch

    from analysis.bench.clock import Clock

_DEVICE = "auto, cpu, cuda, cuda:1, …"
_SPECS = "Pruner specs, comma-separated; empty takes all."
_KEEPS = "Comma-separated numbers; empty takes the preset's."
_TYPES = ("auto", "float32", "bfloat16", "float16")


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

        check(self)
        for spec in getattr(self, "pruners", ()):
            make_pruner(spec)

    @property
    def table(self) -> str:
        """Name of the CSV file in ``data/bench``, without its ending."""
        return type(self).__name__.lower()


@dataclass(frozen=True)
class Timed(Settings):
    """What is timed at a preset's sizes, and where."""

    preset: str = option("Architecture; auto is tiny on a CPU, llava-1.5-7b on a GPU.", "auto")
    batches: tuple[int, ...] = option("Images at a time, comma-separated.", (1, 8), low=1)
    device: str = option(_DEVICE, "auto")
    dtype: str = option(
        "auto (bfloat16 on a GPU), float32, bfloat16, float16.", "auto", choices=_TYPES
    )
    warmups: int = option("Untimed repetitions; at least 20 on a GPU.", 20)
    repeats: int = option("Timed repetitions.", 20)

    def __post_init__(self) -> None:
        """Check ranges and names, the preset's, the device's and the clock's among them."""
        super().__post_init__()
        if not self.batches:
            raise UsageError("batches is empty; give at least one batch size.")
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

    pruners: tuple[str, ...] = option(_SPECS, ())
    keeps: tuple[int, ...] = option(_KEEPS, (), low=1)
    new_tokens: int = option("Tokens decoded after the first.", 32, low=1)
    baselines: bool = option("Also time the usual ways.", True)


@dataclass(frozen=True)
class Overhead(Timed):
    """Time entropy, erank and selection by themselves, as the paper's Table 10 does."""

    batches: tuple[int, ...] = option("Images at a time, comma-separated.", (1, 3, 5, 10), low=1)
    pruner: str = option("Selection that is timed.", "agilepruner")
    keep: int = option("Tokens to keep; 0 takes a ninth.", 0)

    def __post_init__(self) -> None:
        """Check ranges and names, and that there are as many tokens as are kept."""
        from analysis.pruners import make_pruner

        super().__post_init__()
        make_pruner(self.pruner)
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

    model: str = option("Checkpoint, or a preset for random weights.", "data/pocket")
    data: str = option("Data set.", "scenes")
    limit: int = option("Images.", 8, low=1)
    pruners: tuple[str, ...] = option("Pruner specs, comma-separated.", STUDY)
    keeps: tuple[int, ...] = option("Comma-separated numbers; empty takes 2/9 and 1/9 of N.", ())
    batch_size: int = option("Rows in one generation; 0: by model size.", 0, low=0)
    max_new_tokens: int = option("Limit of a caption; 0: its own.", 32, low=0)
    tasks: tuple[str, ...] = option("Tasks answered, comma-separated.", ("caption",))
    repeats: int = option("Rounds of all three sides, interleaved.", 2, low=1)
    device: str = option(_DEVICE, "auto")

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

    preset: str = option("Published sizes.", "llava-1.5-7b")
    pruners: tuple[str, ...] = option(_SPECS, ())
    keeps: tuple[int, ...] = option("Comma-separated numbers.", (576, 192, 128, 64, 32))
    text_tokens: int = option("Text tokens of the prompt.", 30)
    new_tokens: int = option("Tokens of the answer.", 1)

    @property
    def table(self) -> str:
        """Name of the CSV file: with the preset."""
        return f"flops-{self.preset}"


@dataclass(frozen=True)
class Pruners(Settings):
    """Time measures and selections against the usual formulations, on the CPU and any GPU."""

    tower: bool = option("Also time [CLS] capture in a CLIP-L tower.", True)
    clock: str = option(
        "wall, or cpu: processor time, one thread, for busy machines.",
        "wall",
        choices=("wall", "cpu"),
    )
    rounds: int = option("At most so many rounds of each.", 25, low=1)


@dataclass(frozen=True)
class Findings(Settings):
    """Time the statistics and findings of a large study, in processor seconds."""

    images: int = option("Images of the drawn study.", 40_000, low=10)
    resamples: int = option("Bootstrap samples.", 10_000, low=100)
    seed: int = option("Seed of the drawing and of the bootstrap.", 0, low=0)
