"""Damage to a file, the same for the same seed: what editors, disks, merges and half-written copies leave behind."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    3.5,
    2**80,
    1e300,
    "",
    "x",
    "\x1b[31m\u202e",
    [],
    [[]],
    ["x", 1],
    {},
    {"": {}},
    {"x": [None]},
)
"""In place of any value of a document."""

SPOILERS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda text: b"",
    "only a line feed": lambda text: b"\n",
    "binary": lambda text: bytes(range(256)),
    "zeros": lambda text: bytes(len(text)),
    "truncated": lambda text: text[: len(text) // 2],
    "not UTF-8": lambda text: text.replace(b'"', b'"\xff', 1),
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "NaN": lambda text: b'{"a": NaN}\n',
    "infinite": lambda text: b"[1e999]\n",
    "a long number": lambda text: b"[" + b"9" * 5000 + b"]\n",
    "deeply nested": lambda text: b"[" * 20_000,
    "nested": lambda text: b'{"a":' * 500 + b"1" + b"}" * 500 + b"\n",
    "half a surrogate": lambda text: b'{"checkpoint": "\\ud800"}\n',
    "another kind": lambda text: b"<html>404</html>\n",
    "a list": lambda text: b"[]\n",
    "a number": lambda text: b"7\n",
    "null": lambda text: b"null\n",
    "a key twice": lambda text: text.replace(b"{", b'{"version": 3, "version": 3, ', 1),
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text,
    "zeros at its end": lambda text: text + bytes(64),
    "twice": lambda text: text + text,
    "conflict": lambda text: b"<<<<<<< HEAD\n" + text + b"=======\n" + text + b">>>>>>> x\n",
}
"""Name -> what is done to the bytes of a file."""


def damaged_documents(document: Any, seed: int, count: int) -> Iterator[Any]:
    """Copies of a document, each with one value replaced by an odd one, removed, or repeated."""
    chance = random.Random(seed)
    places = list(_places(document, ()))
    for _ in range(count):
        damaged = copy.deepcopy(document)
        *path, last = chance.choice(places)
        parent = damaged
        for part in path:
            parent = parent[part]
        match chance.randrange(4):
            case 0:
                del parent[last]
            case 1 if isinstance(parent, list):
                parent.insert(last, copy.deepcopy(parent[last]))
            case _:
                parent[last] = copy.deepcopy(chance.choice(ODD_VALUES))
        yield damaged


def damaged_bytes(text: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Copies of a file's bytes, each with a few of them replaced, removed or inserted."""
    chance = random.Random(seed)
    for _ in range(count):
        spoiled = bytearray(text)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(spoiled))
            match chance.randrange(4):
                case 0:
                    spoiled[at] = chance.randrange(256)
                case 1:
                    del spoiled[at : at + chance.randint(1, 40)]
                case 2:
                    spoiled[at:at] = chance.choice((b"{", b"]", b'"', b"\n", b"\x00", b"9" * 30, b"\xc3", b","))
                case _:
                    del spoiled[at:]
            if not spoiled:
                break
        yield bytes(spoiled)


def _places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _places(item, (*path, key))


def as_text(document: Any) -> bytes:
    return json.dumps(document).encode()
