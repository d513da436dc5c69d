"""Keeps secrets out of everything that is written: their known values, and anything that looks like a token.

Every text of a preview passes through here when it is read (`reading`), before it is cut or escaped.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from bandplan.wire.sentinels import SECRET, SIGNATURE

Redact = Callable[[str], str]

REDACTED: Final = "[redacted]"
CUT: Final = "..."

LEAST_LENGTH: Final = 8
"""Shorter values are not searched for, because they would match ordinary words. A choice."""

_SECRET_NAME = (
    r"passw(?:or)?d|passphrase|secret|plaintext|token(?!s)|credential|_pat\b"
    r"|(?:api|access|private|account|shared|signing|encryption|subscription)[_-]?key"
)
_SECRET_VARIABLE = re.compile(_SECRET_NAME, re.IGNORECASE)
_NAME_HINTS = ("passw", "passphrase", "secret", "plaintext", "token", "credential", "key", "_pat")

_NOT_SECRET: Final = frozenset({"additionalSecretOutputs", "secrets_providers"})
"""Keys of a state that have a secret's name but hold no secret."""

_PLACES: Final = frozenset({"stackTrace", "propertyDependencies"})
"""Keys of a state that make up most of it and hold only source positions and URNs."""

MOST_SEARCHED: Final = 16_384
"""Characters of a text to search if only its start is shown. A choice."""

_MARGIN: Final = 8_192
"""Characters left out before a cut, because a secret that spans the cut would not be recognized. A choice."""

_FEW: Final = 32
"""Up to this many known secrets are faster to replace one by one, with `str.replace`. Measured, 2026-11."""

_MOST_LENGTHS: Final = 16
"""If secrets with the same start have more lengths than this, the rest of the text is dropped. A choice."""

# (lower-case texts of which one must occur before the pattern is tried, the pattern)
#
# Others write the searched text, so every pattern must take time in proportion to it. Repetitions are bounded or
# possessive (they give nothing back), and an unbounded one begins where the run that it takes begins, or its pattern
# matches for sure once a few characters fit. tests/wire/test_redaction_cost.py checks this.
_TOKENS = tuple(
    (hints, re.compile(pattern, re.DOTALL))
    for hints, pattern in (
        (
            ("dapi", "dkea", "dsapi", "dose", "dcap"),
            r"\b(?:dapi|dkea|dsapi|dose|dcap)[0-9a-f]{24,}+(?:-\d++)?",
        ),  # Databricks
        (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{20,}+"),
        (("github_pat_",), r"\bgithub_pat_\w{20,}+"),
        (("gl",), r"\bgl(?:pat|cbt|ptt|dt|rt|ft|soat|imt|agent)-[\w.-]{16,}+"),  # GitLab
        (("pul-",), r"\bpul-[0-9a-f]{24,}+"),  # Pulumi
        (("hf_",), r"\bhf_[A-Za-z0-9]{20,}+"),  # Hugging Face
        (("sk-",), r"\bsk-[\w-]{16,}+"),  # OpenAI, Anthropic
        (("xox", "xapp-"), r"\b(?:xox[a-z]|xapp)-[\w-]{10,}+"),  # Slack
        (("gsk_", "r8_", "npm_"), r"\b(?:gsk|r8|npm)_[A-Za-z0-9]{20,}+"),  # Groq, Replicate, npm
        (("xai-", "pplx-", "nvapi-", "pypi-"), r"\b(?:xai|pplx|nvapi|pypi)-[\w-]{20,}+"),  # xAI, NVIDIA, ...
        (("ya29.", "gocspx-", "hvs."), r"\b(?:ya29\.|GOCSPX-|hvs\.)[\w-]{20,}+"),  # Google, Vault
        (("sig",), r"(?P<kept>[?&](?i:sig|x-amz-signature|x-goog-signature)=)[\w%+/=-]{16,}+"),  # signed addresses
        (("akia", "asia"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),  # AWS
        (("aiza",), r"\bAIza[\w-]{30,}+"),  # Google
        # JSON web token: the run before the first dot is scanned once, from its start
        (
            ("eyj",),
            r"(?<![\w-])(?=[\w-]{11,}+\.[\w-]{4})(?P<kept>(?:[\w-]*?\b)??)eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+){0,3}+",
        ),
        (
            ("private key",),
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)",
        ),
        (("://",), r"(?<=://)[^\s/@:]*+:[^\s/@]++(?=@)"),  # user:password@ of a URL
        (("bearer", "basic"), r"(?P<kept>\b(?i:bearer|basic)\s{1,3}+)[\w.~+/=-]{8,}+"),
        # name=value and name: value, unless the value is a number or a reference to a secret scope
        (
            _NAME_HINTS,
            rf"(?P<kept>(?i:(?:{_SECRET_NAME})[\w-]{{0,20}}+[\"']?+\s{{0,3}}+[:=]\s{{0,3}}+[\"']?+))"
            r"(?!\{\{)(?=[\d.,]*+[^\d\s.,\"'])[^\s\"',;]{4,}+",
        ),
    )
)


def redactor(secrets: Iterable[str], most: int | None = None, *, by_name: bool = True) -> Redact:
    """Return a function that replaces each of `secrets`, and anything that looks like a token, in a text.

    With `most`, a longer text is cut to about that length before it is searched. Without `by_name`, a value is not
    treated as a secret because of the name before it: in a log, `tokenizer: llama` is not one.
    """
    known = {value for value in secrets if len(value) >= LEAST_LENGTH and value not in REDACTED}
    known |= {quote(value, safe="") for value in known} | {json.dumps(value)[1:-1] for value in known}
    without_known = _without(known)
    patterns = _TOKENS if by_name else _TOKENS[:-1]  # the last one depends on the name
    longest = max(map(len, known), default=0)

    def redact(text: str) -> str:
        text = without_known(text)
        lowered = text.lower()
        for hints, pattern in patterns:
            if any(hint in lowered for hint in hints):
                text = pattern.sub(_without_value, text)
        return text

    redact_once = lru_cache(maxsize=10_000)(redact)

    def redact_start(text: str) -> str:
        if most is None or len(text) <= most + longest:
            return redact_once(text)
        searched = redact_once(text[: most + longest])
        return searched[: max(len(searched) - _MARGIN - longest, 0)] + CUT

    return redact_start


def _without(known: Collection[str]) -> Redact:
    """Return a function that replaces all of `known` in one pass; another document may hold thousands."""
    longest_first = sorted(known, key=lambda value: (-len(value), value))
    lengths: dict[str, list[int]] = {}
    for value in longest_first:
        of_start = lengths.setdefault(value[:LEAST_LENGTH], [])
        of_start += [len(value)] if len(value) not in of_start[-1:] else []

    def without_few(text: str) -> str:
        for value in longest_first:
            text = text.replace(value, REDACTED)
        return text

    def without_many(text: str) -> str:
        parts: list[str] = []
        done = place = 0
        while place <= len(text) - LEAST_LENGTH:
            of_start = lengths.get(text[place : place + LEAST_LENGTH], ())
            if len(of_start) > _MOST_LENGTHS:
                return "".join([*parts, text[done:place], REDACTED])
            length = next((length for length in of_start if text[place : place + length] in known), 0)
            if length:
                parts += [text[done:place], REDACTED]
                done = place + length
            place += length or 1
        return "".join([*parts, text[done:]])

    return without_few if len(known) <= _FEW else without_many


def is_secret_name(name: str) -> bool:
    """Report whether values under this name are secret."""
    return name not in _NOT_SECRET and _SECRET_VARIABLE.search(name) is not None


def secrets_of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of variables whose names mark them as secret."""
    for name, value in environ.items():
        if _SECRET_VARIABLE.search(name):
            yield value.strip()


def secrets_of_document(document: Any) -> Iterator[str]:
    """Yield the strings of a JSON document under a secret's name, or in a value that is marked secret."""
    is_secret = lru_cache(maxsize=None)(lambda name: name not in _NOT_SECRET and _SECRET_VARIABLE.search(name))
    left = [document]
    while left:
        value = left.pop()
        if not isinstance(value, dict):
            left += [item for item in value if isinstance(item, (dict, list))] if isinstance(value, list) else ()
        elif value.get(SIGNATURE) == SECRET:
            for name, item in value.items():
                yield from _texts(_parsed(item)) if name != SIGNATURE else ()
        else:
            for name, item in value.items():
                if isinstance(item, (dict, list)):
                    if name not in _PLACES:
                        left.append(item)
                elif isinstance(item, str) and is_secret(name):
                    yield from _texts(_parsed(item))


def _without_value(found: re.Match[str]) -> str:
    """Return `password=[redacted]` for a name with a value, else only the replaced word."""
    return (found.groupdict().get("kept") or "") + REDACTED


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        # A reference such as {{secrets/scope/key}} says where a secret is stored, which is not secret.
        if not value.startswith("{{"):
            yield value.strip()
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)


def _parsed(value: Any) -> Any:
    """Parse a secret's plain text, which is JSON within JSON."""
    if isinstance(value, str) and value[:1] in ('"', "{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
