"""COCO annotations as sets: instance categories, and objects that humans name."""

import contextlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chair_eval.errors import ChairError
from chair_eval.images import ImageKey, image_key
from chair_eval.matcher import Matcher

Annotations = Any
Sets = dict[ImageKey, frozenset[str]]


def build_sets(
    instances: Annotations, captions: Annotations, matchers: Mapping[str, Matcher | None]
) -> dict[str, Sets]:
    """Make the sets of every flavour at once; a flavour with matcher None has the instances alone.

    Raises
    ------
    ChairError
        A file is missing, not COCO's format, or has categories the vocabulary lacks.
    """
    seen: dict[ImageKey, set[str]] = {}
    for part in parts_of(instances):
        _add_instances(part, seen)
    known = {name for names in seen.values() for name in names}
    for matcher in matchers.values():
        strangers = known - set(matcher.vocabulary.categories) if matcher else set()
        if strangers:
            raise ChairError(
                f"the annotations have categories that the vocabulary lacks: "
                f"{', '.join(sorted(strangers)[:5])}; pass your own vocabulary (--vocabulary)"
            )
    named: dict[str, dict[ImageKey, set[str]]] = {flavour: {} for flavour in matchers}
    for part in parts_of(captions):
        _add_captions(part, named, matchers)
    return {
        flavour: {
            key: frozenset(seen.get(key, ())) | named[flavour].get(key, frozenset())
            for key in seen.keys() | named[flavour].keys()
        }
        for flavour in matchers
    }


def _add_instances(part: Annotations, seen: dict[ImageKey, set[str]]) -> None:
    coco, source = load_coco(part)
    with _explained(source, "instances"):
        names = {number: category["name"] for number, category in coco.cats.items()}
        annotations = coco.dataset["annotations"]
        if annotations and not names:
            raise ChairError("no categories; is it an instances file?")
        if not all(isinstance(name, str) for name in names.values()):
            raise ChairError("a category's name is not a string")
        for number in coco.imgs:
            seen.setdefault(image_key(number), set())
        for annotation in annotations:
            key = image_key(annotation["image_id"])
            name = names.get(annotation["category_id"])
            if name is None:
                raise ChairError(
                    f"image {key!r} has a category_id {annotation['category_id']!r} that is not "
                    "among the categories"
                )
            seen.setdefault(key, set()).add(name)


@contextlib.contextmanager
def _explained(source: str, kind: str) -> Iterator[None]:
    """Turn what goes wrong while COCO's entries are read into one sentence about `source`."""
    try:
        yield
    except ChairError as error:
        raise ChairError(f"{source}: {error}") from error
    except KeyError as error:
        raise ChairError(f"{source} is not COCO {kind}: {error} is missing") from error
    except TypeError as error:
        raise ChairError(f"{source} is not COCO {kind}: {error}") from error


def _add_captions(
    part: Annotations,
    named: dict[str, dict[ImageKey, set[str]]],
    matchers: Mapping[str, Matcher | None],
) -> None:
    coco, source = load_coco(part)
    with _explained(source, "captions"):
        annotations = coco.dataset["annotations"]
        keys = [image_key(annotation["image_id"]) for annotation in annotations]
        texts = [annotation["caption"] for annotation in annotations]
        images = [image_key(number) for number in coco.imgs]
        for key, text in zip(keys, texts, strict=True):
            if not isinstance(text, str):
                kind = type(text).__name__
                raise ChairError(f"a caption of image {key!r} is {kind}, expected a string")
    del coco, annotations
    for flavour, matcher in matchers.items():
        sets = named[flavour]
        for key in images:
            sets.setdefault(key, set())
        if matcher is not None:
            for key, found in zip(keys, matcher.match_many(texts), strict=True):
                sets.setdefault(key, set()).update(found.categories)


def load_coco(part: Annotations) -> tuple[Any, str]:
    """Return a pycocotools ``COCO`` and its description; prints nothing.

    Accepts a path, a dict in COCO's format, or a ``COCO`` object.
    """
    if hasattr(part, "anns") and hasattr(part, "imgs"):
        return part, "COCO object"
    from pycocotools.coco import COCO

    coco = COCO()
    if isinstance(part, Mapping):
        source, content = "annotations", dict(part)
    else:
        source = str(part)
        try:
            with Path(part).open(encoding="utf-8-sig") as file:
                content = json.load(file, object_hook=_slim)
        except OSError as error:
            raise ChairError(f"cannot read {source}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise ChairError(f"{source} is not complete JSON in UTF-8: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise ChairError(f"{source} is not in COCO's format: it has no list 'annotations'")
    coco.dataset = content
    with _explained(source, "annotations"), contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco, source


def _slim(entry: dict[str, Any]) -> dict[str, Any]:
    """Drop outlines and file names while the file is parsed: they are nearly all of its size."""
    if "segmentation" in entry:
        return {key: entry[key] for key in ("id", "image_id", "category_id") if key in entry}
    if "file_name" in entry and "id" in entry:
        return {"id": entry["id"]}
    return entry


def parts_of(annotations: Annotations) -> Sequence[Annotations]:
    """Return a list of annotations, which may be given one by itself, or none."""
    if annotations is None:
        return ()
    return annotations if isinstance(annotations, (list, tuple)) else (annotations,)
