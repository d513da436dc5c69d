"""The CI files of a project, as far as they concern bandplan: every command exists, and every stack is among them."""

import contextlib
import io
import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bandplan.cli.errors import CommandError
from bandplan.cli.main import COMMANDS, command_parser, load_command
from bandplan.cli.project import LOCAL

_SCRIPTS = ("run", "script", "before_script", "after_script")
_STACKS_OF_GITHUB = re.compile(r"BANDPLAN_STACKS \|\| '(\[[^']*\])'")
_COMMAND = re.compile(r"(?:^|[\s;&|(])(?:[\w./-]*/)?bandplan\s+([^;&|>\n)]*)")
_EXPANSION = re.compile(r"\$\{\w+:?[+-](?:[^{}]|\{[^{}]*\})*\}")


class Tagged(yaml.SafeLoader):
    """Reads values of GitLab's own tags, such as `!reference`, as if they had none."""

    def untagged(self, _suffix: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        return self.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else node.value


Tagged.add_multi_constructor("!", Tagged.untagged)


@dataclass(frozen=True)
class Checked:
    """What was looked at, and every problem with its place."""

    files: int
    commands: int
    problems: tuple[str, ...]


def check_workflows(root: Path, stacks: Sequence[str], show: Callable[[Path], str] | None = None) -> Checked:
    """Check the files of GitHub and GitLab in the project; `stacks` are those that it configures.

    `show` names a file in messages, by default relative to `root`.
    """
    paths = [*sorted((root / ".github" / "workflows").glob("*.y*ml")), root / ".gitlab-ci.yml"]
    problems: list[str] = []
    named: set[str] = set()
    files = commands = 0
    for path in paths:
        if not path.is_file():
            continue
        shown = str(path.relative_to(root)) if show is None else show(path)
        try:
            text = path.read_text(encoding="utf-8")
            document = yaml.load(text, Tagged)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            problems.append(f"{shown}: cannot be read: {' '.join(str(error).split())[:200]}")
            continue
        calls = [call for script in scripts_of(document) for call in calls_of(script)]
        if not calls:
            continue
        files, commands = files + 1, commands + len(calls)
        problems += [
            f"{shown}{_line(text, call)}: `bandplan {call}`: {said}" for call in calls if (said := wrong(call))
        ]
        found = stacks_in(text, document)
        named |= found
        unknown = sorted(found - set(stacks))
        problems += [f"{shown}: stack {one}: no such stack; add it with `bandplan stack new {one}`" for one in unknown]
    missing = [one for one in stacks if one != LOCAL and one not in named] if files and named else []
    problems += [
        f"stack {one}: no workflow previews or deploys it; add it to the stacks of the workflows" for one in missing
    ]
    return Checked(files, commands, tuple(problems))


def scripts_of(document: Any) -> Iterator[str]:
    """Yield the text of every step, wherever it is in the document."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in _SCRIPTS and isinstance(value, (str, list)):
                yield from [value] if isinstance(value, str) else [line for line in value if isinstance(line, str)]
            else:
                yield from scripts_of(value)
    elif isinstance(document, list):
        for item in document:
            yield from scripts_of(item)


def calls_of(script: str) -> list[str]:
    """Return the arguments of every call of bandplan in a script, as written."""
    joined = _EXPANSION.sub("", script.replace("\\\n", " "))
    return [found[1].strip() for found in _COMMAND.finditer(joined)]


def wrong(call: str) -> str:
    """Return what is wrong with the arguments of a call; "" if nothing is."""
    try:
        arguments = shlex.split(call)
    except ValueError as error:
        return str(error)
    name = next((one for one in arguments if not one.startswith("-")), "")
    if name not in COMMANDS:
        return "" if arguments[:1] in (["--version"], ["--help"]) else f"no such command as {name or 'none'}"
    parser, parsers = command_parser()
    load_command(name).configure(parsers[name])
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            parser.parse_args(arguments)
    except SystemExit as end:
        found = said.getvalue().strip().rpartition("error: ")[2] if end.code else ""
    except CommandError as error:
        found = str(error)
    else:
        return ""
    # A variable's value is not known here.
    return "" if "$" in found else found


def stacks_in(text: str, document: Any) -> set[str]:
    """Return the stacks that a file names: GitHub's default matrix, or GitLab's variables."""
    found: set[str] = set()
    for listed in _STACKS_OF_GITHUB.findall(text):
        with contextlib.suppress(ValueError):
            found |= {str(one) for one in json.loads(listed)}
    return found | set(_values(document, "STACK"))


def _values(document: Any, key: str) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            if name == key and isinstance(value, (str, list)):
                texts = [value] if isinstance(value, str) else [str(one) for one in value]
                yield from (one for one in texts if "$" not in one)
            else:
                yield from _values(value, key)
    elif isinstance(document, list):
        for item in document:
            yield from _values(item, key)


def _line(text: str, call: str) -> str:
    """Return `:LINE` of a call in the file's text, if it is found there as written."""
    number = next((at for at, line in enumerate(text.splitlines(), 1) if call and call in line), None)
    return "" if number is None else f":{number}"
