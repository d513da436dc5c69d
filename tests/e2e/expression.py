"""GitHub's expressions, as far as the workflows of this repository use them.

Source: docs.github.com, "Evaluate expressions in workflows and actions" (read 2026-11).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_TOKENS = re.compile(r"\s*(?:('(?:[^']|'')*')|(\d+)|([A-Za-z_][\w.-]*)|(==|!=|&&|\|\||[!(),]))")
_HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


def rendered(text: str, contexts: Mapping[str, Any]) -> Any:
    """`text` with its `${{ }}` filled in; one that is nothing else keeps its kind of value."""
    whole = _HOLE.match(text.strip())
    if whole is not None and whole.end() == len(text.strip()):
        return evaluated(whole[1], contexts)
    return _HOLE.sub(lambda hole: _text(evaluated(hole[1], contexts)), text)


def holds(condition: str, contexts: Mapping[str, Any]) -> bool:
    """An `if:`, with or without `${{ }}`; without a function on the status it asks for success too."""
    inner = _HOLE.fullmatch(condition.strip())
    text = inner[1] if inner is not None else condition
    if not re.search(r"\b(success|failure|cancelled|always)\(\)", text):
        text = f"success() && ({text})"
    return bool(evaluated(text, contexts))


def evaluated(text: str, contexts: Mapping[str, Any]) -> Any:
    """`contexts` by name; `status` among them is success, failure or cancelled."""
    tokens, place = [], 0
    while place < len(text.rstrip()):
        token = _TOKENS.match(text, place)
        assert token is not None, text
        tokens.append(token.groups())
        place = token.end()
    reader = _Reader(tokens, contexts)
    value = reader.either()
    assert reader.at_end, text
    return value


class _Reader:
    def __init__(self, tokens: list[tuple[str | None, ...]], contexts: Mapping[str, Any]) -> None:
        self._tokens, self._place, self._contexts = tokens, 0, contexts

    @property
    def at_end(self) -> bool:
        return self._place == len(self._tokens)

    def either(self) -> Any:
        value = self._both()
        while self._takes("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._takes("&&"):
            other = self._equal()
            value = value and other
        return value

    def _equal(self) -> Any:
        value = self._single()
        for sign, wanted in (("==", True), ("!=", False)):
            if self._takes(sign):
                return (_text(value).lower() == _text(self._single()).lower()) is wanted
        return value

    def _single(self) -> Any:
        if self._takes("!"):
            return not self._single()
        if self._takes("("):
            value = self.either()
            assert self._takes(")")
            return value
        text, number, name, _ = self._tokens[self._place]
        self._place += 1
        if text is not None:
            return text[1:-1].replace("''", "'")
        if number is not None:
            return int(number)
        assert name is not None
        return self._call(name) if self._takes("(") else self._looked_up(name)

    def _call(self, name: str) -> Any:
        arguments = []
        while not self._takes(")"):
            arguments.append(self.either())
            self._takes(",")
        status = self._contexts.get("status", "success")
        match name:
            case "fromJSON":
                return json.loads(arguments[0])
            case "always":
                return True
            case "success" | "failure" | "cancelled":
                return status == name
        raise AssertionError(f"no function {name} here; add it to tests/e2e/expression.py")

    def _looked_up(self, name: str) -> Any:
        value: Any = self._contexts
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def _takes(self, sign: str) -> bool:
        if self._place < len(self._tokens) and self._tokens[self._place][3] == sign:
            self._place += 1
            return True
        return False


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
