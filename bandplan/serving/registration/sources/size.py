"""Sizes in a form for people."""


def written_size(size_bytes: int) -> str:
    """Format `size_bytes` in the largest unit that keeps a digit before the point: 140.0 GB, 2.1 KB, 17 bytes."""
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "KB")):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"


def written_parameters(count: int) -> str:
    """Format a number of parameters the way models are named: 70.6 billion, 335.1 million."""
    for factor, word in ((10**9, "billion"), (10**6, "million")):
        if count >= factor:
            return f"{count / factor:.1f} {word}"
    return f"{count:,}"
