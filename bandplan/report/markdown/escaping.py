"""Foreign text as Markdown that shows it and has no other effect.

Names, reasons and messages come from a pull request: they must not end a table cell, mention anybody, create a link,
hide a marker, or become markup. Characters with a meaning are written as entities, which CommonMark never treats as
markup. Mentions, references and hashes are detected in the rendered text, so an invisible word joiner is inserted into
them.
"""

import re
from typing import Final

WORD_JOINER: Final = "&#8288;"

_MEANINGFUL = re.compile(r"[&<>\"'\\`*_~|\[\]#@$!{}^]|(?<=www)\.|:(?=\0?/)", re.IGNORECASE)

# Where the joiner is inserted in what GitHub and GitLab link in a rendered text. Sources, read 2026-11: "Autolinked
# references and URLs" on docs.github.com; "GitLab-specific references" on docs.gitlab.com, and lib/banzai/filter/ of
# GitLab, which looks for references and `scheme://` in text that is already rendered.
_LINKED = re.compile(
    r"""
      [@#!~%$&*^](?=[\w"'{-])                    # @name, #1, !1, ~label, %"milestone", $1, &1, *iteration:1, ^alert
    | \[(?=\[|\w++:)                             # [issue:1], [[page]]
    | :(?=//)                                    # scheme://
    | (?<=www)\.
    | \b(?:GH|GL|(?-i:[A-Z][A-Z0-9_]*+))-(?=\d)  # GH-1, and tickets of other trackers, such as OPS-1
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HASH = re.compile(r"\b[0-9A-F]{7,}+(?!\w)", re.IGNORECASE)
_DIGITS_OF_A_HASH: Final = 6
"""Hex digits left together: fewer than the 7 that a platform needs to recognise a hash."""


def escaped(text: str) -> str:
    """Escape the text and put it on one line."""
    line = " ".join(text.replace("\0", "").split())
    joined = _HASH.sub(_in_pieces, _LINKED.sub(lambda found: f"{found[0]}\0", line))
    return _MEANINGFUL.sub(lambda sign: f"&#{ord(sign[0])};", joined).replace("\0", WORD_JOINER)


def code(text: str) -> str:
    """Format the text as code, where no platform looks for mentions."""
    return f"<code>{_MEANINGFUL.sub(lambda sign: f'&#{ord(sign[0])};', ' '.join(text.split()))}</code>"


def link(words: str, url: str) -> str:
    """Format a link to a checked URL; `words` are our own."""
    return f"[{words}](<{url}>)"


def _in_pieces(found: re.Match[str]) -> str:
    digits = found[0]
    starts = range(0, len(digits), _DIGITS_OF_A_HASH)
    return "\0".join(digits[start : start + _DIGITS_OF_A_HASH] for start in starts)
