"""Makes text from others safe to show: it controls nothing."""

import re
from typing import Final

_UNSEEN: Final = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, except tab and line feed
    "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # zero-width or directional
    "\u2028\u2029"  # ends a line without a line feed
    "\ud800-\udfff"  # surrogates
    "\U000e0000-\U000e007f"  # tags, which are never displayed
    "]"
)

_SEQUENCE: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def without_sequences(text: str) -> str:
    """Remove the escape sequences of colours and of movements of the cursor."""
    return _SEQUENCE.sub("", text)


def visible(text: str, but: str = "") -> str:
    r"""Return the text with every invisible character written as in JSON, such as `\u202e`.

    So JSON stays JSON. Line feeds, tabs and the characters of `but` stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(lambda found: found[0] if found[0] in but else _escaped(found[0]), text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place] << 8 | units[place + 1]:04x}" for place in range(0, len(units), 2))
