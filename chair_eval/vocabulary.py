"""The words a caption may use for each category, read from a plain text file."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from chair_eval.errors import ChairError
from chair_eval.facts import read_fact
from chair_eval.tokens import words_of

ENTRIES = re.compile(r'\s*"[^"]*"\s*|[^,]+')  # between commas, unless these are in quotes
SECTIONS = ("categories", "double words", "strict words")


@dataclass(frozen=True)
class Vocabulary:
    """Categories, their words, and the double words that are read as one.

    Attributes
    ----------
    name : str
        Printed in every result; ``"coco"`` for the vocabulary of the metric.
    categories : mapping of str to tuple of str
        Category name to its words, in the file's order, repeats included. Words of lower-case
        letters; one that no token can equal (a leading blank, a capital) is legal and never found.
    phrases : mapping of str to str
        Two or more neighbouring (normalised) tokens joined by blanks, to the word they stand for.
    forms : mapping of str to str
        Tokens that are replaced before the normaliser sees them; empty for the plain metric.
    surface_first : bool
        Take a token that is a word of the vocabulary as it stands, without normalising it.
    """

    name: str
    categories: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)
    surface_first: bool = False

    @classmethod
    def coco(cls, *, strict: bool = False) -> "Vocabulary":
        """Return the metric's own vocabulary of 80 categories, defects included unless `strict`."""
        return _coco(strict)

    @classmethod
    def read(cls, path: str | Path) -> "Vocabulary":
        """Read a vocabulary file (format: ``chair_eval/data/coco.txt`` or a JSON mapping).

        In a file of your own every entry of several words is a phrase, and a token that is a
        word of the vocabulary matches as it stands, so that every word can be found.

        Raises
        ------
        ChairError
            The file is missing, not UTF-8, empty, or a line is malformed (with its number).
        """
        return own_vocabulary(Path(path))

    @cached_property
    def lookup(self) -> dict[str, str]:
        """Word to category; the later line wins where two categories share a word."""
        return {word: name for name, words in self.categories.items() for word in words}

    @cached_property
    def pieces(self) -> frozenset[str]:
        """Every single token that is part of a phrase."""
        return frozenset(piece for phrase in self.phrases for piece in phrase.split())

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits of the SHA-256 of everything that decides a match."""
        content = [
            {name: list(words) for name, words in self.categories.items()},
            dict(self.phrases),
            dict(self.forms),
            self.surface_first,
        ]
        text = json.dumps(content, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def strict(self) -> "Vocabulary":
        """Return this vocabulary with the known defects repaired, named ``…-strict``."""
        tidy = {
            name: tuple(word.strip().lower() for word in words)
            for name, words in self.categories.items()
        }
        phrases = {
            phrase: word for words in tidy.values() for word in words for phrase in _phrases(word)
        }
        phrases |= self.phrases
        return Vocabulary(f"{self.name}-strict", tidy, phrases, self.forms, surface_first=True)


def _phrases(word: str) -> set[str]:
    """How `word` looks among tokens if it is several: "rest room", and "men 's room" too."""
    spellings = {" ".join(word.split()), " ".join(words_of(word))}
    return {spelling for spelling in spellings if " " in spelling}


@lru_cache(maxsize=2)
def _coco(strict: bool) -> Vocabulary:
    plain, strict_forms = parse(read_fact("coco.txt"), "coco", "coco.txt")
    if not strict:
        return plain
    return Vocabulary("coco", plain.categories, plain.phrases, strict_forms).strict()


def own_vocabulary(path: Path) -> Vocabulary:
    """Read a user's file so that every word in it can be found; errors as `Vocabulary.read`."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ChairError(f"cannot read the vocabulary {path}: {error}") from error
    forms: dict[str, str] = {}
    if path.suffix.lower() == ".json":
        plain = _from_json(text, path)
    else:
        plain, forms = parse(text, path.stem, str(path))
    repaired = Vocabulary(plain.name, plain.categories, plain.phrases, forms).strict()
    return Vocabulary(plain.name, repaired.categories, repaired.phrases, forms, surface_first=True)


def _from_json(text: str, path: Path) -> Vocabulary:
    try:
        content = json.loads(text)
        categories = {name: tuple(words) for name, words in content.items()}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ChairError(
            f'{path} must be a JSON object {{"category": ["word", …]}}: {error}'
        ) from error
    for name, words in content.items():
        if not (name.strip() and isinstance(words, list) and words and all(map(_is_word, words))):
            raise ChairError(
                f"{path}: category {name!r} needs a name and a list of words, found {words!r:.60}"
            )
    if not categories:
        raise ChairError(f"{path}: a vocabulary needs at least one category, each with a word")
    return Vocabulary(path.stem, categories)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def parse(text: str, name: str, source: str) -> tuple[Vocabulary, dict[str, str]]:
    """Parse the text format; returns the plain vocabulary and its ``[strict words]``."""
    categories: dict[str, tuple[str, ...]] = {}
    pairs: dict[str, dict[str, str]] = {"double words": {}, "strict words": {}}
    section = "categories"
    for number, line in _logical_lines(text):
        where = f"{source}, line {number}"
        if line.startswith("["):
            section = _section(line, where)
        elif section == "categories":
            category, words = _category(line, where)
            categories[category] = categories.get(category, ()) + words
        else:
            left, _, right = line.partition("->")
            if not left.startswith('"'):
                pairs[section][left.strip()] = (right or left).strip()
    if not categories:
        raise ChairError(f"{source}: no category found; write lines like 'dog: dog, puppy'")
    return Vocabulary(name, categories, pairs["double words"]), pairs["strict words"]


def _logical_lines(text: str) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and lines:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line.strip()}")
        else:
            lines.append((number, line.strip()))
    return lines


def _section(line: str, where: str) -> str:
    section = line.strip("[] ")
    if section not in SECTIONS:
        raise ChairError(f"{where}: unknown section [{section}]; known: {', '.join(SECTIONS)}")
    return section


def _category(line: str, where: str) -> tuple[str, tuple[str, ...]]:
    category, colon, rest = line.partition(":")
    words = tuple(_word(part) for part in ENTRIES.findall(rest) if part.strip())
    if not (category.strip() and colon and words):
        raise ChairError(f"{where}: expected 'category: word, word, …', found {line!r}")
    return category.strip(), words


def _word(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text
