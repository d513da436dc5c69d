"""Paths of the Files API, such as `/Models/ml/search/gte/1/MLmodel`; pure.

A path is decoded once, as a whole, before it is parsed here: the Databricks CLI sends its slashes as `%2F`.
"""

import re

from bandplan.stub.state.refusals import Invalid

MAX_PATH_BYTES = 1024
MAX_SEGMENT_BYTES = 255
"""Limit of common file systems; the platform's own limits are those of the cloud's storage."""

UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters, and surrogates, which no file system can write."""


def parse(path: str) -> tuple[str, ...]:
    """Return the segments of an absolute path. Raises Invalid for a path that could mean a different place."""
    if not path.startswith("/"):
        raise Invalid(f"path: '{path[:80]}' must be absolute, beginning with '/'.")
    if UNFIT.search(path) or len(path.encode()) > MAX_PATH_BYTES:
        raise Invalid(f"path: must be at most {MAX_PATH_BYTES} bytes without control characters.")
    segments = tuple(path.removesuffix("/").split("/")[1:])
    for segment in segments:
        if segment in ("", ".", ".."):
            raise Invalid(f"path: '{path[:80]}' has a segment that is empty, '.' or '..'; write the full path.")
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            raise Invalid(f"path: a segment of '{path[:80]}' is longer than {MAX_SEGMENT_BYTES} bytes.")
    return segments
