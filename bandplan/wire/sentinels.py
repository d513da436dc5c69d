"""Texts that Pulumi uses in place of a value that is not known yet, or not shown.

Source: sdk/go/common/resource/plugin/rpc.go and sdk/go/common/resource/sig in github.com/pulumi/pulumi (read 2026-11).
"""

from collections.abc import Mapping
from typing import Any, Final

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Stands in a preview for a value that only the update can determine."""

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""Key of an object that stands for a special value, such as a secret."""

SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
"""Value of `SIGNATURE` in an object that stands for a secret."""


def is_unknown(value: Any) -> bool:
    """Report whether a value, or a part of it, is unknown until the update."""
    if isinstance(value, Mapping):
        return any(map(is_unknown, value.values()))
    if isinstance(value, list | tuple):
        return any(map(is_unknown, value))
    return bool(value == UNKNOWN)


def is_special(value: Any) -> bool:
    """Report whether a value, or a part of it, stands for another one that only the stack's own key can decrypt."""
    if isinstance(value, Mapping):
        return SIGNATURE in value or any(map(is_special, value.values()))
    return isinstance(value, list | tuple) and any(map(is_special, value))
