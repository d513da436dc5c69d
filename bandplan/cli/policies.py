"""The project's policy pack, and a stack's configuration of it."""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import Project
from bandplan.cli.stack_choice import own_name
from bandplan.wire.types import ENDPOINT

if TYPE_CHECKING:
    from bandplan.policies.analyzer import Analyzer
    from bandplan.policies.configuration import Configured

FOLDER = "policies"
PACK_FILE = "PulumiPolicy.yaml"

MOST_NAMES = 5
"""Most files named in a warning; an arbitrary choice."""

JUDGED = ENDPOINT
"""The type that the rules judge; a run that declares none was not judged."""


def pack_folder(project: Project) -> Path | None:
    """Return the folder of the project's pack; None if it has none, and the rules that bandplan ships are used."""
    folder = project.root / FOLDER
    return folder if (folder / PACK_FILE).is_file() else None


def configuration_file(project: Project, stack: str) -> Path:
    """Return the path of a stack's configuration of the pack; it need not exist."""
    return project.root / "stacks" / f"policies.{own_name(stack)}.json"


def pulumi_arguments(project: Project, stack: str) -> list[str]:
    """Return the arguments that make the `pulumi` CLI run the project's pack, or else the one that bandplan ships.

    Errors: UsageProblem if the project's own rules cannot be used; Pulumi would report that its pack did not start.
    """
    folder = pack_folder(project)
    if (project.root / FOLDER / "own").is_dir():
        configured_rules(project, stack)
    if folder is not None:
        warn_of_unused_modules(project, folder)
    pack = shipped_pack(project) if folder is None else Path(FOLDER)
    configuration = configuration_file(project, stack)
    configured = ["--policy-pack-config", str(configuration.relative_to(project.root))]
    return ["--policy-pack", str(pack), *(configured if configuration.is_file() else [])]


def shipped_pack(project: Project) -> Path:
    """Write a pack that runs the rules of this installation; return its folder, relative to the project."""
    folder = project.make_private(project.own_folder / FOLDER)
    # An environment of its own is named, so that Pulumi starts the Python that bandplan is installed in; the toolchain,
    # because Pulumi otherwise follows a uv.lock or poetry.lock in any folder above.
    here = f", virtualenv: {json.dumps(sys.prefix)}" if sys.prefix != sys.base_prefix else ""
    from bandplan.policies.pack import VERSION
    from bandplan.serving.private_file import replace_private_file

    files = {
        PACK_FILE: "description: The rules of the installed bandplan\n"
        f"version: {VERSION}\nruntime: {{name: python, options: {{toolchain: pip{here}}}}}\n",
        "__main__.py": "from pathlib import Path\n\nfrom bandplan.policies.server import serve\n\n"
        "serve(Path(__file__).absolute().parent)\n",
    }
    for name, text in files.items():
        if text_of(folder / name) != text:
            replace_private_file(folder / name, text)
    return folder.relative_to(project.root)


def analyzer_of(project: Project, stack: str) -> "Analyzer":
    """Load the rules to judge in this process: bandplan's, and the project's own.

    Errors: UsageProblem if the project has another pack, or its own rules or the stack's configuration are invalid.
    """
    from bandplan.policies.analyzer import Analyzer

    folder = pack_folder(project)
    if folder is not None:
        require_ours(folder)
        warn_of_unused_modules(project, folder)
    place = "shipped with bandplan: the project has no policies/" if folder is None else f"local: {FOLDER}"
    return Analyzer(configured_rules(project, stack), project.root, date.today(), place)


def require_ours(folder: Path) -> None:
    """Raise UsageProblem unless the pack serves the rules of bandplan, with or without more."""
    import ast

    main = folder / "__main__.py"
    try:
        statements = list(ast.walk(ast.parse(text_of(main))))
    except (SyntaxError, ValueError):
        statements = []
    modules = [one.module or "" for one in statements if isinstance(one, ast.ImportFrom)]
    modules += [name.name for one in statements if isinstance(one, ast.Import) for name in one.names]
    if not any(f"{name}.".startswith("bandplan.policies.") for name in modules):
        raise UsageProblem(
            f"{folder}: only bandplan's policy pack, and rules in policies/own/, run without Pulumi; install the "
            "Pulumi CLI and add --engine pulumi"
        )


def warn_of_unused_modules(project: Project, folder: Path) -> None:
    """Name the modules in a copy of bandplan's pack that differ from the installed ones, which are what runs."""
    from bandplan import policies

    installed = Path(policies.__file__).resolve().parent
    if folder.resolve() == installed:
        return
    changed = []
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder)
        if inside.parts[0] in ("own", "__main__.py") or any(part.startswith((".", "__pyc")) for part in inside.parts):
            continue
        if text_of(path) != text_of(installed / inside):
            changed.append(project.shown(path))
    if changed:
        more = f" and {len(changed) - MOST_NAMES} more" if len(changed) > MOST_NAMES else ""
        print(
            f"warning: {', '.join(changed[:MOST_NAMES])}{more}: not used, because the rules are those of the installed "
            "bandplan; move rules of your own to policies/own/",
            file=sys.stderr,
        )


def configured_rules(project: Project, stack: str) -> "tuple[Configured, ...]":
    """Return every rule of bandplan and of the project as the stack configures it.

    Errors: UsageProblem with every problem of the project's own rules, else of the stack's configuration.
    """
    from bandplan.policies.configuration import configured
    from bandplan.policies.errors import BadConfiguration
    from bandplan.policies.own import rules_of

    try:
        rules = rules_of(project.root)
    except BadConfiguration as error:
        raise UsageProblem(str(error)) from error
    path = configuration_file(project, stack)
    try:
        return configured(rules, read_configuration(path))
    except BadConfiguration as error:
        shown = project.shown(path)
        raise UsageProblem("\n".join(f"{shown}: {line}" for line in str(error).splitlines())) from error


def read_configuration(path: Path) -> Any:
    """Read the JSON document; None if the file is missing or empty.

    Errors: CommandError, UsageProblem.
    """
    text = text_of(path)
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageProblem(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise UsageProblem(f"{path}: cannot be parsed as JSON: {' '.join(str(error).split())[:200]}") from error


def text_of(path: Path) -> str:
    """Read a file; return "" if it does not exist. Errors: CommandError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: cannot be read: not UTF-8 at byte {error.start:,}") from error


def baseline_file(stack: str) -> str:
    """Return where what is deployed is recorded for the rule `change-too-large`, relative to the project."""
    return f".bandplan/deployed/{own_name(stack)}.json"


def keep_baseline(project: Project, stack: str, outputs: Callable[[], Mapping[str, Any]]) -> None:
    """Write the stack's current output `endpoints` if a rule of its configuration reads it.

    `outputs` is called only then: under Pulumi it takes a second.
    """
    configuration = configuration_file(project, stack)
    if not configuration.is_file():
        return
    if baseline_file(stack) not in text_of(configuration):
        return
    from bandplan.serving.private_file import replace_private_file

    path = project.root / baseline_file(stack)
    project.make_private(path.parent)
    replace_private_file(path, json.dumps(outputs().get("endpoints") or []))
