"""A number with its noun: `1 request`, `1,200 requests`."""


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
