"""The profiles of `~/.databrickscfg`, the file of the Databricks CLI and SDKs; read and never written.

Which profile counts if none is named is the rule of the SDK for Python (`databricks.sdk.config`, read 2026-11): the
`default_profile` of `[__settings__]`, else `[DEFAULT]` if it has entries.
"""

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bandplan.serving.workspace.errors import NotConfigured

FILE: Final = "DATABRICKS_CONFIG_FILE"
_USUAL: Final = "~/.databrickscfg"
_SETTINGS: Final = "__settings__"
_DEFAULT: Final = "DEFAULT"


@dataclass(frozen=True)
class ConfigFile:
    """The file as it is called in messages, whether it exists, and its profiles: name -> key -> value.

    `default` is the profile that counts if none is named, or None. `is_open` says that other users may read the file.
    """

    shown: str
    exists: bool = False
    profiles: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    default: str | None = None
    is_open: bool = False

    def host(self, profile: str) -> str:
        """Return the host of a profile as it is written, or ""."""
        return self.profiles.get(profile, {}).get("host", "").strip()

    @property
    def listed(self) -> str:
        """What the file has, for a message."""
        if not self.exists:
            return f"{self.shown} does not exist"
        names = ", ".join(sorted(self.profiles))
        return f"{self.shown} has the profiles {names}" if names else f"{self.shown} has no profile"


def read_config_file(environ: Mapping[str, str]) -> ConfigFile:
    """Read the file that DATABRICKS_CONFIG_FILE names, else the usual one. No message quotes a line of it.

    Errors: NotConfigured if it cannot be read or parsed.
    """
    shown = environ.get(FILE, "").strip() or _USUAL
    path = Path(shown).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ConfigFile(shown)
    except OSError as error:
        raise NotConfigured(
            f"{shown}: cannot be read: {error.strerror}; make it a file that you may read (`chmod 600 {shown}`)"
        ) from error
    except UnicodeDecodeError as error:
        raise NotConfigured(f"{shown}: not UTF-8 at byte {error.start:,}; {_FIX}") from None
    # No section is the parser's own default, whose keys every other section would inherit.
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise NotConfigured(f"{shown}: {_finding(error)}; {_FIX}") from None
    sections = {name: dict(parser[name]) for name in parser.sections()}
    settings = sections.pop(_SETTINGS, {})
    if not sections.get(_DEFAULT):
        sections.pop(_DEFAULT, None)
    default = settings.get("default_profile", "").strip() or (_DEFAULT if _DEFAULT in sections else None)
    return ConfigFile(shown, True, sections, default, bool(mode & 0o077))


_FIX: Final = "fix the file, or log in again with `databricks auth login`"


def _finding(error: configparser.Error) -> str:
    """Describe an error of the parser without the line that it quotes, which may hold a token."""
    match error:
        case configparser.DuplicateSectionError():
            return f"line {error.lineno}: the profile {error.section} is there twice"
        case configparser.DuplicateOptionError():
            return f"line {error.lineno}: {error.option} is there twice in the profile {error.section}"
        case configparser.MissingSectionHeaderError():
            return f"line {error.lineno}: stands before the first [profile]"
        case configparser.ParsingError():
            return f"line {', '.join(str(number) for number, _ in error.errors)}: is not `key = value`"
    return "cannot be parsed"
