"""Counts the steps that a backtracking matcher takes for a pattern: the cost of a search, without a clock.

Follows the standard library's parse of the pattern, and its order of alternatives. What the library does faster than one
character at a time is not counted as faster, so that a count is never lower than what it stands for grows like.
"""

import random
import re
from collections.abc import Iterator
from typing import Any, Final

parser = re._parser  # type: ignore[attr-defined]
constants = re._constants  # type: ignore[attr-defined]

_CATEGORIES: Final = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_SAMPLED: Final = "a1 -_.:=/\"'@,;AZ[]{}\\\n\tx0"
"""Tried for a set of characters."""


class TooManySteps(Exception):
    """More steps than were allowed."""


class Counter:
    """One pattern over one text."""

    def __init__(self, pattern: re.Pattern[str], text: str, most: int) -> None:
        self._tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
        self._text = text
        self._most = most
        self.steps = 0

    def search(self) -> None:
        """As `finditer` does: from every place, on from the end of what was found."""
        place = 0
        while place <= len(self._text):
            end = next(self._sequence(list(self._tree), 0, place, bool(self._tree.state.flags & re.IGNORECASE)), None)
            place = place + 1 if end is None or end == place else end

    def match(self) -> None:
        """As `fullmatch` does: from the start, and on until the end is reached or nothing is left to try."""
        ends = self._sequence(list(self._tree), 0, 0, bool(self._tree.state.flags & re.IGNORECASE))
        any(end == len(self._text) for end in ends)

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self._most:
            raise TooManySteps

    def _sequence(self, items: list[Any], index: int, place: int, folds: bool) -> Iterator[int]:
        self._step()
        if index == len(items):
            yield place
            return
        for end in self._item(items[index], place, folds):
            yield from self._sequence(items, index + 1, end, folds)

    def _item(self, item: Any, place: int, folds: bool) -> Iterator[int]:
        self._step()
        name, argument = str(item[0]), item[1]
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            if place < len(self._text) and fits(item, self._text[place], folds):
                yield place + 1
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield from self._repeat(name, argument, place, folds)
        elif name == "SUBPATTERN":
            _, added, removed, inner = argument
            folds = (folds or bool(added & re.IGNORECASE)) and not removed & re.IGNORECASE
            yield from self._sequence(list(inner), 0, place, folds)
        elif name == "ATOMIC_GROUP":
            end = next(self._sequence(list(argument), 0, place, folds), None)
            if end is not None:
                yield end
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from self._sequence(list(branch), 0, place, folds)
        elif name in ("ASSERT", "ASSERT_NOT"):
            direction, inner = argument
            start = place if direction > 0 else place - inner.getwidth()[0]
            found = start >= 0 and next(self._sequence(list(inner), 0, start, folds), None) is not None
            if found is (name == "ASSERT"):
                yield place
        elif name == "AT":
            if self._is_at(str(argument), place):
                yield place
        else:
            raise AssertionError(f"{name} is not counted yet; add it to tests/step_counter.py")

    def _repeat(self, name: str, argument: Any, place: int, folds: bool) -> Iterator[int]:
        least, most, inner = argument
        items = list(inner)
        if len(items) == 1 and str(items[0][0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            end = place
            while name != "MIN_REPEAT" and end < len(self._text) and end - place < most:
                self._step()
                if not fits(items[0], self._text[end], folds):
                    break
                end += 1
            if name == "POSSESSIVE_REPEAT":
                if end - place >= least:
                    yield end
                return
            if name == "MAX_REPEAT":
                while end - place >= least:
                    self._step()
                    yield end
                    end -= 1
                return
        ends = self._rounds(items, place, least, most, folds, name == "MIN_REPEAT", 0)
        if name == "POSSESSIVE_REPEAT":
            first = next(ends, None)
            if first is not None:
                yield first
        else:
            yield from ends

    def _rounds(
        self, items: list[Any], place: int, least: int, most: int, folds: bool, is_lazy: bool, done: int
    ) -> Iterator[int]:
        if is_lazy and done >= least:
            yield place
        if done < most:
            for end in self._sequence(items, 0, place, folds):
                if end > place:
                    yield from self._rounds(items, end, least, most, folds, is_lazy, done + 1)
        if not is_lazy and done >= least:
            yield place

    def _is_at(self, name: str, place: int) -> bool:
        text = self._text
        if name in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            return place == 0
        if name in ("AT_END", "AT_END_STRING"):
            return place == len(text)
        before, after = (0 <= at < len(text) and re.match(r"\w", text[at]) is not None for at in (place - 1, place))
        return (before != after) is (name == "AT_BOUNDARY")


def fits(item: Any, character: str, folds: bool) -> bool:
    """Whether one character is what an item of one character takes."""
    name, argument = str(item[0]), item[1]
    if folds and character.swapcase() != character:
        return fits(item, character, False) or fits(item, character.swapcase(), False)
    if name == "ANY":
        return True
    if name in ("LITERAL", "NOT_LITERAL"):
        return (ord(character) == argument) is (name == "LITERAL")
    negated = str(argument[0][0]) == "NEGATE"
    return any(_is_in(kind, value, character) for kind, value in argument[negated:]) is not negated


def _is_in(kind: Any, value: Any, character: str) -> bool:
    match str(kind):
        case "LITERAL":
            return ord(character) == value
        case "RANGE":
            return bool(value[0] <= ord(character) <= value[1])
        case "CATEGORY":
            return re.match(_CATEGORIES[str(value)], character) is not None
    raise AssertionError(kind)


def sample(tree: Any, chance: random.Random) -> str:
    """A text that the pattern fits, as far as its repetitions allow: each is taken a few times."""
    parts = []
    for operation, argument in tree:
        match str(operation):
            case "LITERAL":
                parts.append(chr(argument))
            case "NOT_LITERAL" | "ANY" | "IN":
                taken = [one for one in _SAMPLED if fits((operation, argument), one, False)]
                parts.append(chance.choice(taken) if taken else _first_of(argument))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, inner = argument
                times = min(most, least + chance.choice((0, 1, 3))) if least < 12 else least
                parts += [sample(inner, chance) for _ in range(times)]
            case "SUBPATTERN":
                parts.append(sample(argument[3], chance))
            case "ATOMIC_GROUP":
                parts.append(sample(argument, chance))
            case "BRANCH":
                parts.append(sample(chance.choice(argument[1]), chance))
    return "".join(parts)


def _first_of(members: Any) -> str:
    kind, value = members[0]
    return chr(value[0] if str(kind) == "RANGE" else value) if str(kind) in ("RANGE", "LITERAL") else "a"


def texts(pattern: re.Pattern[str], count: int) -> list[tuple[str, str]]:
    """What to begin a text with, and what to repeat after it: parts of what the pattern fits, the same every time."""
    chance = random.Random(ascii(pattern.pattern))
    found = []
    for number in range(count):
        whole = sample(parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE), chance) or "a"
        cuts = sorted(chance.randint(0, len(whole)) for _ in range(2))
        if number % 2:  # its first characters and one that may end a word: a match that begins again and again
            found.append(("", whole[: chance.randint(1, min(6, len(whole)))] + "-/. :"[number // 2 % 5]))
            continue
        found.append((whole[: cuts[0]], whole[cuts[0] : cuts[1]] or chance.choice(whole)))
    return found
