"""Ways in which a file is damaged: bytes and a generator in, bytes out; None removes the file."""

import json

#: Text that is JSON, or nearly, and never what was meant.
TEXTS = {
    "null": b"null",
    "list": b"[]",
    "string": b'"x"',
    "number": b"7",
    "empty object": b"{}",
    "huge integer": b'{"schema_version": 1' + b"0" * 5000 + b"}",
    "deep": b"[" * 100_000,
    "no UTF-8": b'{"a": "\xff\xfe"}',
}
_WRONG = (None, [], {}, "x", -1, 10**30, 1.5, True, [None], {"a": None})


def truncated(data, rng):
    return data[: rng.randrange(1, len(data))]


def emptied(data, rng):
    return b""


def zeroed(data, rng):
    return bytes(len(data))


def doubled(data, rng):
    return data + data


def removed(data, rng):
    return None


def flipped(data, rng):
    """One bit is the other one."""
    place = rng.randrange(8 * len(data))
    changed = bytearray(data)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def page_zeroed(data, rng):
    """A block of 512 bytes was never written."""
    start = rng.randrange(len(data)) // 512 * 512
    return data[:start] + bytes(len(data[start : start + 512])) + data[start + 512 :]


def always(text):
    """Return the damage that puts something else in the file's place."""

    def replaced(data, rng):
        return text

    return replaced


BYTES = {
    "truncated": truncated,
    "emptied": emptied,
    "zeroed": zeroed,
    "doubled": doubled,
    "removed": removed,
    "block zeroed": page_zeroed,
}


def utf16(data, rng):
    return data.decode().encode("utf-16")


def wrong_type(data, rng):
    """One value anywhere in the document is of another kind."""
    document = json.loads(data)
    holder, key = rng.choice(list(_places(document)))
    holder[key] = rng.choice([w for w in _WRONG if type(w) is not type(holder[key])])
    return json.dumps(document).encode()


def key_gone(data, rng):
    """One key anywhere in the document is missing."""
    document = json.loads(data)
    holder, key = rng.choice([place for place in _places(document) if isinstance(place[0], dict)])
    del holder[key]
    return json.dumps(document).encode()


def _places(value):
    """Yield container and key of every value below."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


JSON = {
    "UTF-16": utf16,
    "wrong type": wrong_type,
    "key gone": key_gone,
    **{name: always(text) for name, text in TEXTS.items()},
}
