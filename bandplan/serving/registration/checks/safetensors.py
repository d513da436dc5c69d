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

from bandplan.serving.registration.sources.lfs_pointer import START_BYTES, starts_pointer

MOST_HEADER_BYTES = 100_000_000
"""The limit of the format itself."""

_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
"""Bits of an element, by type; an unlisted type has at least one."""

_MOST = 2**63
_MOST_SIDES = 64
"""Limits that no real file reaches, so that computed numbers stay small."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Name, type as the format writes it (BF16), and number of elements."""

    name: str
    dtype: str
    elements: int
    size_bytes: int


class UnreadableFile(Exception):
    """The file is not a complete safetensors file; the message says why."""


def tensors(path: Path) -> tuple[Tensor, ...]:
    """Return the tensors that the header of a file lists, if the file is as long as they need.

    Errors: UnreadableFile; OSError.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(START_BYTES)
        if starts_pointer(start):
            raise UnreadableFile("is a Git LFS pointer, not the weights; run `git lfs pull`")
        if len(start) < 8:
            raise UnreadableFile(f"has {size} bytes, too few for a safetensors file; copy it again")
        length = struct.unpack("<Q", start[:8])[0]
        if length > min(MOST_HEADER_BYTES, size - 8):
            raise UnreadableFile("is not a safetensors file, or is cut off within its header; copy it again")
        file.seek(8)
        header = _header(file.read(length))
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    found = tuple(_tensor(name, entry) for name, entry in entries.items())
    data_bytes = _length_of_data(entries)
    expected = 8 + length + data_bytes
    if expected != size:
        raise UnreadableFile(f"has {size:,} bytes, but its header calls for {expected:,}; copy it again")
    return found


def _length_of_data(entries: dict[str, Any]) -> int:
    """Return the size in bytes of all tensors, which must be contiguous. Errors: UnreadableFile."""
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        start, next_end = entry["data_offsets"]
        if start != end:
            what = "overlaps the tensor before it" if start < end else "leaves a gap before it"
            raise UnreadableFile(f"is damaged: its tensor {name[:80]} {what}; copy it again, or save it again")
        end = next_end
    return end


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise UnreadableFile("has a header that is not a JSON object; it is not a safetensors file, or it is damaged")
    return header


def _tensor(name: str, entry: Any) -> Tensor:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]} if (
            len(shape) <= _MOST_SIDES
            and all(type(side) is int and 0 <= side <= _MOST for side in shape)
            and 0 <= start <= end <= _MOST
        ):
            elements = math.prod(shape)
            bits = _BITS.get(dtype)
            held = (end - start) * 8
            if elements > held if bits is None else elements * bits != held:
                raise UnreadableFile(
                    f"is damaged: its tensor {name[:80]} has {end - start:,} bytes, which does not match its "
                    f"shape and type {dtype[:20]}; copy it again, or save it again"
                )
            return Tensor(name, dtype, elements, end - start)
    raise UnreadableFile(f"describes its tensor {name[:80]} in a form that the format does not allow")
