"""What pins the content of a checkpoint that lies in a folder, where no commit does."""

from pathlib import Path

from analysis.digests import content_digest

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


def fingerprint(model: str) -> str | None:
    """Return a hash of a checkpoint folder, None for a model that is no folder.

    Every byte of every file that is loaded; read again only when size, times or inode say that
    a file is another.

    Parameters
    ----------
    model
        Hub id or folder.
    """
    folder = Path(model)
    if not folder.is_dir():
        return None
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern)}
    return content_digest(folder, [path for path in found if path.is_file()])
