"""Read the host and profile of a stack's workspace from its configuration file, as Pulumi's provider does."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bandplan.serving.spec.document import read
from bandplan.serving.workspace.errors import NotConfigured
from bandplan.serving.workspace.identity import HOST, has_login, value
from bandplan.serving.workspace.login_choice import StackLogin, login_environment


def stack_login(root: Path, stack: str) -> StackLogin:
    """Return `databricks:host` and `databricks:profile` of the stack's own file. Errors: NotConfigured."""
    place = f"stacks/Pulumi.{stack}.yaml"
    try:
        text = (root / place).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return StackLogin(place)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise NotConfigured(f"{place}: cannot be read: {reason}") from error
    if all(line.lstrip()[:1] in ("", "#") for line in text.splitlines()):
        return StackLogin(place)
    document = read(text, place)
    if document.data is None and document.problems:
        raise NotConfigured("\n".join(problem.render() for problem in document.problems))
    config = document.data.get("config") if isinstance(document.data, dict) else None
    keys: Mapping[str, Any] = config if isinstance(config, dict) else {}
    return StackLogin(place, _text(keys, "host").rstrip("/") or None, _text(keys, "profile") or None)


def environment_of_stack(environ: Mapping[str, str], root: Callable[[], Path], stack: str) -> Mapping[str, str]:
    """Return `environ`, with the stack's own login if it lacks one: in a run of `bandplan` it never does.

    For a provider, which starts after the program has compared the two.

    Errors: NotConfigured.
    """
    if value(environ, HOST) and has_login(environ):
        return environ
    return login_environment(environ, stack_login(root(), stack), is_shared=True)


def _text(config: Mapping[str, Any], key: str) -> str:
    found = config.get(f"databricks:{key}")
    return found.strip() if isinstance(found, str) else ""
