"""`bandplan:models` of a stack, as Pulumi finds it: in the stack's configuration file, else in Pulumi.yaml."""

import json
from collections.abc import Callable
from typing import Any

import yaml

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import PROJECT_FILE, Project
from bandplan.embedded.yaml_text import parse_yaml, unreadable
from bandplan.serving.spec.models_file import KEY, NAMESPACE


def configured_models(project: Project, stack: str) -> str | None:
    """Return the models file that the configuration names. Errors: UsageProblem, CommandError."""

    return configured_in(lambda file: _text(project, file), project, stack)


def configured_value(project: Project, stack: str, key: str) -> Any:
    """Return the value of `bandplan:KEY` in the stack's own file, or None. Errors: UsageProblem, CommandError."""
    file = f"stacks/Pulumi.{stack}.yaml"
    return _value(_config(_text(project, file), file), project, key)


def configured_in(text_of: Callable[[str], bytes | None], project: Project, stack: str) -> str | None:
    """Return the models file configured in another version of the project; `text_of` returns a file of it, or None.

    Errors: UsageProblem for what the files say, CommandError if one cannot be read.
    """
    file = f"stacks/Pulumi.{stack}.yaml"
    in_stack = _value(_config(text_of(file), file), project)
    in_project = _value(_config(text_of(PROJECT_FILE), PROJECT_FILE), project) if in_stack is None else None
    if isinstance(in_project, dict):
        in_project = in_project.get("value", in_project.get("default"))
    found = in_project if in_stack is None else in_stack
    if isinstance(found, dict):
        raise UsageProblem(
            f"{file}: {NAMESPACE}:{KEY} is a secret or a mapping; it must be a plain path: "
            f"run `pulumi config set {NAMESPACE}:{KEY} FILE --stack {stack}`"
        )
    return found if found is None or isinstance(found, str) else json.dumps(found)


def _text(project: Project, file: str) -> bytes | None:
    try:
        return (project.root / file).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CommandError(f"{file}: cannot be read: {error.strerror}") from error


def _config(text: bytes | None, file: str) -> dict[str, Any]:
    """Return the `config` of a file's text; empty if there is no file or no `config`."""
    if text is None:
        return {}
    try:
        document = parse_yaml(text.decode("utf-8"))
    except (ValueError, yaml.YAMLError) as error:
        raise UsageProblem(unreadable(file, error)) from error
    config = document.get("config") if isinstance(document, dict) else None
    return config if isinstance(config, dict) else {}


def _value(config: dict[str, Any], project: Project, key: str = KEY) -> Any:
    """Return the key's value; a key without a namespace belongs to that of the project's name."""
    if f"{NAMESPACE}:{key}" in config:
        return config[f"{NAMESPACE}:{key}"]
    return config.get(key) if key in config and project.name == NAMESPACE else None
