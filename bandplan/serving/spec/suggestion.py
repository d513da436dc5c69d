"""The known name that a mistyped one probably meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

MAX_SUGGESTIONS = 50  # per file; arbitrary: more mistyped names are one mistake repeated
_MAX_WRITTEN = 200  # characters
_MAX_LISTED = 10  # names; arbitrary
_MAX_COMPARED = 200  # candidates; comparing takes some 10 microseconds each


def nearest(written: object, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name most like `written`, or None; also by a part of it (chat: llm/v1/chat)."""
    if not isinstance(written, str) or len(written) > _MAX_WRITTEN:
        return None
    from difflib import get_close_matches  # 8 ms, and only a wrong file needs it

    by_folded = {name.lower(): name for name in known}
    folded = written.lower()
    if len(by_folded) > _MAX_COMPARED:
        by_folded = _alike(folded, by_folded)
    found = get_close_matches(folded, by_folded, n=1, cutoff=cutoff)
    if not found:
        by_folded = {name.rsplit("/", 1)[1]: meant for name, meant in by_folded.items() if "/" in name}
        found = get_close_matches(folded, by_folded, n=1, cutoff=0.75)
    if not found:
        by_folded = {name.lower(): name for name in known}
        found = [name for name in by_folded if folded and f"_{name}_".find(f"_{folded}_") >= 0]
        found = found if len(found) == 1 else []
    return by_folded[found[0]] if found else None


def _alike(folded: str, by_folded: dict[str, str]) -> dict[str, str]:
    """Narrow many names down to a few: those of about this length, with the same start or end."""
    alike = [
        name
        for name in by_folded
        if abs(len(name) - len(folded)) <= 3 and (name[:3] == folded[:3] or name[-3:] == folded[-3:])
    ]
    # Those with the longest common continuation come first.
    alike.sort(key=lambda name: -sum(a == b for a, b in zip(name, folded, strict=False)))
    return {name: by_folded[name] for name in alike[:_MAX_COMPARED]}


def did_you_mean(written: object, known: Iterable[str], otherwise: str) -> str:
    """Return a next step: the nearest known name as a question, otherwise `otherwise`."""
    return _question(nearest(written, known), otherwise)


def name_one_of(written: object, known: Sequence[str], other: str = "") -> str:
    """Return a next step: the nearest known name as a question, otherwise the names that there are, and `other`."""
    listed = ", ".join(known[:_MAX_LISTED]) + (f" and {len(known) - _MAX_LISTED:,} more" if known[_MAX_LISTED:] else "")
    return did_you_mean(written, known, f"name one of these: {listed}{other}" if known else f"there are none{other}")


class Suggestions:
    """Suggestions for one file: only the first MAX_SUGGESTIONS names get one.

    The same question always has the same answer, so that a problem found twice is the same problem.
    """

    def __init__(self) -> None:
        self._answers: dict[tuple[object, ...], str | None] = {}

    def nearest(self, written: object, known: Collection[str]) -> str | None:
        """Return the nearest name like the function `nearest`."""
        if not isinstance(written, str) or len(written) > _MAX_WRITTEN:
            return None
        key = (written, *(known if len(known) <= _MAX_COMPARED else (len(known),)))
        if key not in self._answers:
            if len(self._answers) >= MAX_SUGGESTIONS:
                return None
            self._answers[key] = nearest(written, known)
        return self._answers[key]

    def did_you_mean(self, written: object, known: Sequence[str], otherwise: str) -> str:
        """Return a next step like the function `did_you_mean`."""
        return _question(self.nearest(written, known), otherwise)


def _question(found: str | None, otherwise: str) -> str:
    return f"did you mean {found}?" if found is not None else otherwise
