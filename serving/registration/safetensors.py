"""The header of a safetensors file: names, types and shapes of its tensors; weights are never read.

Format: 8 bytes little-endian length of the header, the header as JSON, then the data.
Source: github.com/huggingface/safetensors, README, "Format" (read 2025-11).
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_HEADER_BYTES = 100_000_000
"""The format's own bound."""

_LFS_POINTER = b"version https://git-lfs"


@dataclass(frozen=True, slots=True)
class Tensor:
    """Name, type as the format writes it (BF16), and number of elements."""

    name: str
    dtype: str
    elements: int
    size_bytes: int


class UnreadableFile(Exception):
    """The file is not a whole safetensors file; the message says in what way."""


def tensors(path: Path) -> tuple[Tensor, ...]:
    """The tensors that the header of a file lists, when the file is as long as they need.

    Errors: UnreadableFile; OSError.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(len(_LFS_POINTER))
        if start == _LFS_POINTER:
            raise UnreadableFile("is a Git LFS pointer, not the weights; run `git lfs pull`")
        if len(start) < 8:
            raise UnreadableFile(f"has {size} bytes, too few for a safetensors file; copy it again")
        length = struct.unpack("<Q", start[:8])[0]
        if length > min(MOST_HEADER_BYTES, size - 8):
            raise UnreadableFile("is no safetensors file, or cut off within its header; copy it again")
        file.seek(8)
        header = _header(file.read(length))
    found = tuple(_tensor(name, entry) for name, entry in header.items() if name != "__metadata__")
    data_bytes = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
    expected = 8 + length + data_bytes
    if expected != size:
        raise UnreadableFile(f"has {size:,} bytes where its header asks for {expected:,}; copy it again")
    return found


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise UnreadableFile("has a header that is not a JSON object; it is no safetensors file, or a damaged one")
    return header


def _tensor(name: str, entry: Any) -> Tensor:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]} if (
            all(type(side) is int and side >= 0 for side in shape) and 0 <= start <= end
        ):
            return Tensor(name, dtype, math.prod(shape), end - start)
    raise UnreadableFile(f"describes its tensor {name[:80]} in no form that the format has")
