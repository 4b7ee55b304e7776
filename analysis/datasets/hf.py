"""`hf:OWNER/NAME[:CONFIG][:SPLIT]`: any data set that `datasets` opens, by a column mapping.

OWNER/NAME is a repository of the hub; in its place a folder may stand that ``save_to_disk``
wrote or that holds Parquet files or pictures (``imagefolder``), or one Parquet file. For example:

    hf:OWNER/NAME:SPLIT:image=photo,question=text,answer=label

Columns (a name after each): ``image`` (the one picture column by default), ``question``,
``answer`` (yes/no, or the number or letter of a choice), ``choices`` (a list), ``id`` (rows of one
id are one image), ``captions`` (references, for CHAIR; of all rows of an image), ``category`` (a
question's subset).
Options: ``prompt`` (asked where there is no question), ``suffix`` (ends each question), ``task``
(caption, yesno or choice; caption takes any answer), ``revision``, ``stream`` (yes or no; by
default above 4 GiB: then rows are read one after the other, and ``id`` has no meaning).
SPLIT is test where there is one, else the first.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from analysis.datasets.annotations import objects_in_captions
from analysis.datasets.base import DETAIL_PROMPT, TASKS, Dataset, Question, Sample, Task
from analysis.datasets.listed import Asked, Listed, joined, yes_or_no
from analysis.datasets.scienceqa import LETTERS, lettered
from analysis.datasets.tables import IMAGE, Table, decoded, library
from analysis.digests import content_digest
from analysis.errors import UsageError
from analysis.paths import written

COLUMNS = (IMAGE, "question", "answer", "choices", "id", "captions", "category")
#: Bytes above which a data set is streamed instead of copied.
STREAM_ABOVE = 4 << 30
_STREAM = {"": None, "yes": True, "no": False}


@dataclass(frozen=True)
class Opened:
    """One split of a data set as `datasets` opened it.

    Attributes
    ----------
    place
        Repository or path, for messages and provenance.
    data
        A mapped or a streamed data set.
    pinned
        What pins the content: the hub's commit, or a hash of the content of local files.
    rows
        Number of rows, None where a streamed data set does not say.
    streamed
        Whether rows are read one after the other.
    """

    place: str
    data: Any
    pinned: str
    rows: int | None
    streamed: bool = False

    @property
    def folders(self) -> list[Path]:
        """Where its images may lie as files: in the local copy, else in the library's caches."""
        path = written(self.place)
        if path.exists():
            return [path.parent if path.is_file() else path]
        found = library().config
        return [Path(found.HF_DATASETS_CACHE), Path(found.HF_HUB_CACHE)]


def open_hf(argument: str, **options: str) -> Dataset:
    """Return the data set of a spec; see the module's docstring.

    Raises
    ------
    UsageError
        If it cannot be opened, with the reason `datasets` gives, or a column does not exist.
    """
    try:
        opened = _open(argument, options.get("revision") or None, options.get("stream", ""))
        features = opened.data.features or dict.fromkeys(next(iter(opened.data)))
    except UsageError:
        raise
    except Exception as error:  # builders raise whatever their files make them raise
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise UsageError(
            f"hf:{argument} cannot be opened ({reason}); check the name, the network and, for "
            f"gated sets, your token, or give a local folder."
        ) from error
    columns = Columns(features, opened.place, options)
    return (StreamedData if opened.streamed else HubData)(opened, columns)


def _open(argument: str, revision: str | None, stream: str) -> Opened:
    """Tell path, configuration and split apart, and open the split."""
    place, *rest = [argument] if written(argument).exists() else argument.split(":")
    path = written(place)
    if not place or len(rest) > 2 or (revision and path.exists()) or stream not in _STREAM:
        raise UsageError(
            f"hf:{argument} is no valid spec; write hf:OWNER/NAME[:CONFIG][:SPLIT] or hf:PATH, "
            f"stream=yes or no, and revision= only for the hub."
        )
    if any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
        saved = library().load_from_disk(str(path))
        splits = saved if isinstance(saved, dict) else {"all": saved}
        data = splits[_split(place, rest, list(splits))]
        return Opened(place, data, _pin(path), len(data))
    where: dict[str, Any] = {"path": str(path) if path.exists() else place, "revision": revision}
    if path.suffix == ".parquet":
        where = {"path": "parquet", "data_files": {"test": str(path)}}
    elif len(rest) == 2 or (rest and rest[0] in library().get_dataset_config_names(**where)):
        where["name"] = rest.pop(0)
    builder = library().load_dataset_builder(**where)
    known = {("config_name" if key == "name" else key): value for key, value in where.items()}
    split = _split(place, rest, library().get_dataset_split_names(**known))
    large = (builder.info.download_size or 0) > STREAM_ABOVE
    streamed = large if _STREAM[stream] is None else bool(_STREAM[stream])
    data = library().load_dataset(**where, split=split, streaming=streamed)
    counted = (builder.info.splits or {}).get(split)
    rows = getattr(counted, "num_examples", None) if streamed else len(data)
    pinned = _pin(path) if path.exists() else str(builder.hash)
    return Opened(place, data, pinned, rows, streamed)


def _pin(path: Path) -> str:
    """Return what pins local files: their content."""
    if path.is_file():
        return content_digest(path.parent, [path])
    return content_digest(path, sorted(file for file in path.rglob("*") if file.is_file()))


def _split(place: str, asked: list[str], splits: list[str]) -> str:
    """Return the split asked for, else test, else the first."""
    split = asked[0] if asked else "test" if "test" in splits else splits[0]
    if split not in splits:
        raise UsageError(
            f"split {split!r} is not in hf:{place}; choose one of: {', '.join(splits)}."
        )
    return split


class Columns:
    """Which column is what, and how a row becomes a question.

    Parameters
    ----------
    features
        Features of the data set by column.
    where
        Name of the data set in messages.
    options
        The columns and options of a spec; see the module's docstring.

    Raises
    ------
    UsageError
        If a column does not exist, no column holds pictures, or the task is unknown.
    """

    def __init__(self, features: Mapping[str, Any], where: str, options: dict[str, str]) -> None:
        self.names = {key: options[key] for key in COLUMNS if options.get(key)}
        pictures = [n for n, kind in features.items() if isinstance(kind, library().Image)]
        if len(pictures) == 1 and IMAGE not in features:
            self.names.setdefault(IMAGE, pictures[0])
        self.names.setdefault(IMAGE, IMAGE)
        for key, column in self.names.items():
            if column not in features:
                raise UsageError(
                    f"{key}={column!r} is no column of {where}; it has: {', '.join(features)}."
                )
        task = options.get("task", "")
        if task not in ("", *TASKS):
            raise UsageError(f"task={task!r} is unknown; choose one of: {', '.join(TASKS)}.")
        self.task: Task | None = next((known for known in TASKS if known == task), None)
        self.where = where
        self._prompt, self._suffix = options.get("prompt", DETAIL_PROMPT), options.get("suffix", "")

    @property
    def image(self) -> str:
        """Name of the picture column."""
        return self.names[IMAGE]

    def asked(
        self, fields: Mapping[str, Any], load: Callable[[str], Image.Image], number: int
    ) -> Asked:
        """Return the question of one row."""
        values = {key: fields.get(name) for key, name in self.names.items()}
        captions, objects = values.get("captions"), None
        if captions is not None:
            references = [captions] if isinstance(captions, str) else map(str, captions)
            objects = tuple(sorted(objects_in_captions(references)))
        image_id = str(number if values.get("id") is None else values["id"])
        return Asked(image_id, load, self._question(values, number), objects=objects)

    def _question(self, values: Mapping[str, Any], number: int) -> Question:
        where, answer = f"{self.where} row {number}", values.get("answer")
        asked = values.get("question")
        text = str(self._prompt if asked is None else asked).strip()
        category = values.get("category")
        split = None if category is None else str(category)
        task, label = self.task or _task(values), None if answer is None else str(answer)
        name = "caption" if asked is None and answer is None else f"q{number}"
        if task == "choice":
            given = {"question": text, "choices": values.get("choices"), "answer": _place(answer)}
            text, label = lettered(given, where, self._suffix)
            return Question(name, task, text, split, label)
        if task == "yesno" and answer is not None:
            label = yes_or_no({True: "yes", False: "no"}.get(answer, answer), where)
        return Question(name, task, text + self._suffix, split, label)


class HubData(Listed):
    """Rows of a mapped data set; rows of one id are one image."""

    name = "hf"
    license = "see the data set's own page"

    def __init__(self, opened: Opened, columns: Columns) -> None:
        table = Table(opened.data, opened.place, columns.image, opened.folders)
        asked = (columns.asked(row.fields, row.load, row.number) for row in table.rows())
        super().__init__(asked, opened.pinned)
        self.source = opened.place
        self.has_captions_annotation = "captions" in columns.names


class StreamedData(Dataset):
    """Rows of a streamed data set, each an image; cheap in the order of the rows.

    Raises
    ------
    UsageError
        If the data set does not say how many rows it has.
    """

    name = "hf"
    license = "see the data set's own page"

    def __init__(self, opened: Opened, columns: Columns) -> None:
        if opened.rows is None:
            raise UsageError(f"hf:{opened.place} does not say how many rows it has; add stream=no.")
        self._data = opened.data.cast_column(columns.image, library().Image(decode=False))
        self._count, self._columns, self._folders = opened.rows, columns, opened.folders
        self._at, self._rows = 0, iter(self._data)
        self.revision, self.source = opened.pinned, opened.place
        self.has_captions_annotation = "captions" in columns.names

    def ids(self) -> list[str]:
        """Return the numbers of the rows."""
        return [str(number) for number in range(self._count)]

    def sample(self, image_id: str) -> Sample:
        """Return one row, reading on from the row before; ``KeyError`` for no row."""
        if not image_id.isdigit() or int(image_id) >= self._count:
            raise KeyError(image_id)
        number = int(image_id)
        if number != self._at:
            self._rows = iter(self._data.skip(number))
        row: dict[str, Any] | None = next(self._rows, None)
        if row is None:
            raise KeyError(image_id)
        self._at = number + 1
        load = partial(_picture, row.pop(self._columns.image), self._folders, self._columns.where)
        return joined([self._columns.asked(row, load, number)])


def _picture(
    value: Mapping[str, Any] | None, folders: list[Path], where: str, name: str
) -> Image.Image:
    return decoded(value, name, folders, where)


def _task(values: Mapping[str, Any]) -> Task:
    """Return the task that a row's columns make it."""
    if values.get("choices") is not None:
        return "choice"
    return "caption" if values.get("answer") is None else "yesno"


def _place(answer: Any) -> Any:
    """Return the number of a choice given by letter."""
    with suppress(ValueError):
        return LETTERS.index(str(answer).strip().upper())
    return answer
