"""Prompts of a wanted length, each with a beginning of its own, so that no prefix cache answers for the model."""

from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Final

_WORDS: Final = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "his",
    "but",
    "at",
    "are",
    "this",
    "have",
    "from",
    "or",
    "had",
    "an",
    "they",
    "which",
    "one",
    "you",
    "were",
    "all",
    "her",
    "she",
    "there",
    "would",
    "their",
    "we",
    "him",
    "been",
    "has",
    "when",
    "who",
    "will",
    "no",
    "more",
    "if",
    "out",
    "so",
    "up",
    "said",
    "what",
    "its",
    "about",
    "than",
    "into",
    "them",
    "can",
    "only",
    "other",
    "time",
    "new",
    "some",
    "could",
    "these",
    "two",
    "may",
    "first",
    "then",
    "do",
    "any",
    "like",
    "my",
    "now",
    "over",
    "such",
    "our",
    "man",
]
_MARKS: Final = "\"'`.,:;()[]{}"

HEAD_WORDS: Final = 8
"""Drawn for each prompt alone; as many are unique among more prompts than any run has."""

FEW_WORDS: Final = HEAD_WORDS + len(_WORDS)
MANY_WORDS: Final = HEAD_WORDS + 3 * len(_WORDS)
"""Lengths to find a scale by: whole rounds of the words, so that it does not depend on where they begin."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What a server counts: tokens = `fixed` + `per_word` x words."""

    fixed: float = 0.0
    per_word: float = 1.0

    def words(self, tokens: int) -> int:
        return max(1, round((tokens - self.fixed) / self.per_word))


def scale_of(few: tuple[int, int], many: tuple[int, int]) -> Scale:
    """Return the scale through two counts of (words, tokens)."""
    per_word = (many[1] - few[1]) / (many[0] - few[0])
    return Scale(few[1] - per_word * few[0], per_word) if per_word > 0 else Scale()


def prompt(words: int, random: Random) -> str:
    """Build a prompt of common words, the first ones drawn for it alone, the rest from a random place in one text."""
    head = random.choices(_WORDS, k=min(words, HEAD_WORDS))
    rest = words - len(head)
    if rest <= 0:
        return " ".join(head)
    start = random.randrange(len(_WORDS))
    turned = _WORDS[start:] + _WORDS[:start]
    return " ".join(head + (turned * (rest // len(turned) + 1))[:rest])


def without_prompts(text: str) -> str:
    """Return a server's message in one line, with what it repeats of a prompt left out."""
    kept: list[str] = []
    for is_of_prompt, run in groupby(text.split(), lambda word: word.strip(_MARKS) in _WORDS):
        words = list(run)
        kept += ["..."] if is_of_prompt and len(words) >= HEAD_WORDS // 2 else words
    return " ".join(kept)
