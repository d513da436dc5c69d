"""Texts that others wrote, as Markdown that shows them and does nothing else.

Names, reasons and messages come from a pull request: they must not end a table's cell, ping anybody, link anywhere,
hide a marker, or turn into markup. Characters with a meaning are written as entities, which CommonMark never takes for
markup. Mentions and references are found in the rendered text, so there a word joiner (which cannot be seen) comes
after the sign that begins them.
"""

import re
from typing import Final

WORD_JOINER: Final = "&#8288;"

_MEANINGFUL = re.compile(r"[&<>\"'\\`*_~|\[\]#@$!{}^]|(?<=www)\.|:(?=/)", re.IGNORECASE)
_REFERENCES: Final = "@#!~%$&"
_WORDS_AFTER = re.compile(rf"[{re.escape(_REFERENCES)}](?=[\w\"'{{])")


def escaped(text: str) -> str:
    """The text on one line, as it was."""
    joined = _WORDS_AFTER.sub(lambda sign: f"{sign[0]}\0", " ".join(text.replace("\0", "").split()))
    return _MEANINGFUL.sub(lambda sign: f"&#{ord(sign[0])};", joined).replace("\0", WORD_JOINER)


def code(text: str) -> str:
    """The text in the style of code, where no platform looks for mentions."""
    return f"<code>{_MEANINGFUL.sub(lambda sign: f'&#{ord(sign[0])};', ' '.join(text.split()))}</code>"


def link(words: str, url: str) -> str:
    """A link to a URL that was checked; `words` are ours."""
    return f"[{words}](<{url}>)"
