"""What pins the content of a checkpoint that lies in a folder, where no commit does."""

import hashlib
from pathlib import Path

# Files that decide what a loaded checkpoint computes, calibration included.
_PATTERNS = (
    "*.safetensors",
    "*.bin",
    "config.json",
    "generation_config.json",
    "*processor*_config.json",
    "processor_config.json",
    "tokenizer*",
    "chat_template*",
    "calibration.json",
)
# Bytes read at either end of a file: a header and the first and last tensors of a shard.
_ENDS = 1 << 20


def fingerprint(model: str) -> str | None:
    """Return a hash of a checkpoint folder, None for a model that is no folder.

    Names, sizes and the first and last MiB of every file that is loaded: fast for any size,
    and changed by every training step, though not by a change that spares both ends.

    Parameters
    ----------
    model
        Hub id or folder.
    """
    folder = Path(model)
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted({path for pattern in _PATTERNS for path in folder.glob(pattern)}):
        if path.is_file():
            size = path.stat().st_size
            digest.update(f"{path.name}\t{size}\n".encode())
            with path.open("rb") as stream:
                digest.update(stream.read(_ENDS))
                stream.seek(max(_ENDS, size - _ENDS))
                digest.update(stream.read(_ENDS))
    return f"sha256-of-ends:{digest.hexdigest()[:16]}"
