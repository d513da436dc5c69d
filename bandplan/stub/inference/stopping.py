"""End an answer at the first stop word, without ever sending part of one."""

from collections.abc import Sequence

from bandplan.stub.inference.engine import Token


class StopWords:
    """A filter for tokens: releases those in which no stop word can still begin, and holds back the rest."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words
        self._held: list[Token] = []
        self.is_met = False

    def feed(self, tokens: Sequence[Token]) -> list[Token]:
        """Return the tokens to release, the last one cut at a stop word; do not feed more once a stop word `is_met`."""
        out: list[Token] = []
        for token in tokens:
            self._held.append(token)
            text = "".join(held.text for held in self._held)
            found = [at for at in (text.find(word) for word in self._words) if at >= 0]
            if found:
                self.is_met = True
                out += _before(self._held, min(found))
                self._held = []
                return out
            while self._held and not self._may_begin_in_first():
                out.append(self._held.pop(0))
        return out

    def rest(self) -> list[Token]:
        """Return the tokens held back at the end of an answer."""
        rest, self._held = self._held, []
        return rest

    def _may_begin_in_first(self) -> bool:
        text = "".join(token.text for token in self._held)
        return any(word.startswith(text[at:]) for at in range(len(self._held[0].text)) for word in self._words)


def _before(tokens: list[Token], length: int) -> list[Token]:
    kept = []
    for token in tokens:
        if length <= 0:
            break
        kept.append(token._replace(text=token.text[:length]))
        length -= len(token.text)
    return kept
