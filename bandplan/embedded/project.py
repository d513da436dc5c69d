"""Pulumi.yaml and a stack's configuration file, as far as this engine needs them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from bandplan.embedded.errors import ProjectError, Unsupported
from bandplan.embedded.yaml_text import parse_yaml, unreadable

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""Valid project names; the name is part of the state's path.

Source: pkg/workspace/creds.go and sdk/go/common/tokens in github.com/pulumi/pulumi.
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A Pulumi project. `main` is the folder or file of the program."""

    name: str
    root: Path
    main: Path
    config: dict[str, str]
    encryption_salt: str = ""
    """Salt of the stack if its secrets provider is a passphrase; kept so that the CLI finds it in the checkpoint."""


def load(root: Path, stack: str) -> Project:
    """Read the project in `root` and the configuration of `stack`. ProjectError names the file and the problem."""
    file = root / "Pulumi.yaml"
    document = _mapping(file, is_needed=True)
    name = document.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ProjectError(
            f"{file}: has no project name that Pulumi accepts; add `name:`, of letters, digits, `_`, `.` and `-`"
        )
    runtime = document.get("runtime")
    language = runtime.get("name") if isinstance(runtime, dict) else runtime
    if language != "python":
        raise Unsupported(f"the runtime {language!r}", str(file))
    stack_file = root / str(document.get("stackConfigDir") or "") / f"Pulumi.{stack}.yaml"
    stack_document = _mapping(stack_file, is_needed=False)
    stack_config = stack_document.get("config")
    config = {
        **_config(document.get("config"), name, file, is_project=True),
        **_config(stack_config, name, stack_file, is_project=False),
    }
    return Project(
        name=name,
        root=root,
        main=root / str(document.get("main") or "."),
        config=dict(sorted(config.items())),
        encryption_salt=str(stack_document.get("encryptionsalt") or ""),
    )


def _mapping(file: Path, is_needed: bool) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if is_needed:
            raise ProjectError(f"{file}: is missing; run in the folder of a Pulumi project") from None
        return {}
    except OSError as error:
        raise ProjectError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"{file}: cannot be read: not UTF-8 at byte {error.start:,}") from error
    try:
        document = parse_yaml(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ProjectError(unreadable(file, error)) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ProjectError(f"{file}: must be a mapping")
    return document


def _config(values: Any, project: str, file: Path, is_project: bool) -> dict[str, str]:
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ProjectError(f"{file}: config: must be a mapping of keys to values")
    config = {}
    for key, value in values.items():
        if is_project and isinstance(value, dict):
            value = value.get("value", value.get("default"))
            if value is None:
                continue
        if isinstance(value, dict) and "secure" in value:
            raise Unsupported(f"the secret configuration value {key}", str(file))
        full_key = key if ":" in key else f"{project}:{key}"
        config[full_key] = value if isinstance(value, str) else json.dumps(value, default=str)
    return config
