"""The answers to `bandplan init`: from its flags, and from questions for those that are missing."""

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bandplan.cli.errors import UsageProblem
from bandplan.cli.progress import always, doing
from bandplan.starter.answers import CI_SYSTEMS, CLOUDS, LOCAL, Answers, Model, Stack

FIRST_MODEL = "support-chat=system.ai.llama_v3_3_70b_instruct"
STACKS = "dev prod"

Ask = Callable[[str, str], str]
"""Asks a question with a default, and returns the answer."""

Wrong = Callable[[str], list[str]]
"""Returns what is wrong with an answer: nothing, or a line for each problem."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_PROJECT = re.compile(r"[A-Za-z0-9_.-]+")


def answers_of(arguments: argparse.Namespace, folder: Path, ask: Ask | None) -> tuple[Answers, tuple[Model, ...]]:
    """Return the answers and the first entries; `ask` is None if nobody can be asked.

    Errors: UsageProblem with every problem of the answers.
    """
    problems: list[str] = []

    def chosen(flag: str | None, question: str, default: str, wrong: Wrong) -> str:
        """Return the flag, the default, or the first right answer; add what is wrong with a flag to `problems`."""
        if flag is None and ask is not None:
            while found := wrong(answer := ask(question, default)):
                # The option is not what was typed.
                print("\n".join(re.sub("^--[a-z]+ ", "", line) for line in found), file=sys.stderr)
            return answer
        answer = default if flag is None else flag
        problems.extend(wrong(answer))
        return answer

    project = chosen(arguments.project, "Name of the project", project_name(folder), wrong_project)
    team = chosen(arguments.team, "Name of the team, for the tags", project, wrong_team)
    cloud = chosen(arguments.cloud, f"Cloud ({', '.join(CLOUDS)})", CLOUDS[0], one_of("--cloud", CLOUDS))
    stacks: Sequence[str] = arguments.stack or ()
    if not stacks:
        question = "Stacks, in the order of deployment, each NAME or NAME=URL of its workspace"
        stacks = chosen(None, question, STACKS, lambda text: wrong_stacks(text.split())).split()
    ci = chosen(arguments.ci, f"CI system ({', '.join(CI_SYSTEMS)})", CI_SYSTEMS[0], one_of("--ci", CI_SYSTEMS))
    models: Sequence[str] = arguments.model or ()
    if not models and not arguments.from_workspace:
        question = "First models, each ENDPOINT=MODEL"
        models = chosen(None, question, FIRST_MODEL, lambda text: wrong_models(text.split())).split()
    problems += wrong_stacks(arguments.stack or ()) + wrong_models(arguments.model or ())
    read_stacks = [stack_of(text, []) for text in stacks]
    read_models = [model_of(text, []) for text in models]
    if arguments.from_workspace and not read_stacks:
        problems.append("--from-workspace: name the stack of that workspace with --stack NAME=URL")
    if problems:
        raise UsageProblem("\n".join(problems))
    answers = Answers(project, team.strip(), cloud, ci, tuple(read_stacks), arguments.register)  # type: ignore[arg-type]
    return answers, tuple(read_models)


def wrong_project(project: str) -> list[str]:
    """Return what is wrong with the name of a project."""
    if _PROJECT.fullmatch(project):
        return []
    return [f"--project {project}: may contain letters, digits, hyphens, underscores and periods"]


def wrong_team(team: str) -> list[str]:
    """Return what is wrong with the name of a team."""
    return [f"--team {team!r}: must be one line of text"] if not team.strip() or "\n" in team else []


def one_of(option: str, values: Sequence[str]) -> Wrong:
    """Return what checks that a text is one of these values."""

    def wrong(text: str) -> list[str]:
        return [] if text in values else [f"{option} {text}: must be one of: {', '.join(values)}"]

    return wrong


def wrong_stacks(texts: Sequence[str]) -> list[str]:
    """Return what is wrong with stacks, each NAME or NAME=URL."""
    problems: list[str] = []
    names = [stack_of(text, problems).name for text in texts]
    return problems + twice("--stack", names)


def wrong_models(texts: Sequence[str]) -> list[str]:
    """Return what is wrong with first models, each ENDPOINT=MODEL."""
    problems: list[str] = []
    names = [model_of(text, problems).name for text in texts]
    return problems + twice("--model", names)


def project_name(folder: Path) -> str:
    """Return a project's name made from its folder's."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.resolve().name).strip("-.") or "llm-serving"


def stack_of(text: str, problems: list[str], option: str = "--stack") -> Stack:
    """Return the stack in NAME or NAME=URL; `option` is what it was given with."""
    name, _, host = text.partition("=")
    if not _NAME.fullmatch(name):
        problems.append(f"{option} {text}: write NAME or NAME=URL, such as dev=https://dev.cloud.databricks.com")
    elif name == LOCAL:
        problems.append(f"{option} {LOCAL}: every project has it; leave it out")
    if host and not _is_workspace(host):
        problems.append(f"{option} {text}: the workspace's URL has the form https://HOST, without a path")
    return Stack(name, host.rstrip("/"))


def _is_workspace(url: str) -> bool:
    """Return whether a URL is one that a login may be sent to: encrypted, or on this machine."""
    from bandplan.rest.address import is_loopback

    form = re.fullmatch(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?/?", url)
    return form is not None and (form[1] == "https" or is_loopback(form[2].strip("[]").lower()))


def model_of(text: str, problems: list[str]) -> Model:
    """Return the entry in ENDPOINT=MODEL; the kind and the task follow from the model's name."""
    from bandplan.serving.spec.suggestion import did_you_mean
    from bandplan.serving.spec.tasks import CHAT, EMBEDDINGS
    from bandplan.serving.throughput.families import SYSTEM_AI_MODELS, family_of

    name, _, model = text.partition("=")
    if not _NAME.fullmatch(name) or len(name) > 63 or not model:
        problems.append(f"--model {text}: write ENDPOINT=MODEL, such as {FIRST_MODEL}")
    elif model.count(".") != 2 or not all(model.split(".")):
        step = did_you_mean(model, SYSTEM_AI_MODELS, "write CATALOG.SCHEMA.MODEL")
        problems.append(f"--model {text}: {model} is not a model's name of three levels; {step}")
    family = family_of(model)
    if family is None and model.startswith("system.ai."):
        step = did_you_mean(model, SYSTEM_AI_MODELS, f"the models are {', '.join(SYSTEM_AI_MODELS[:4])}, ...")
        problems.append(f"--model {text}: {model} belongs to no known family; {step}")
    task = EMBEDDINGS if family is not None and family.embeds else CHAT
    return Model(name, model, task, "bands" if family is None else family.kind)


def twice(option: str, names: Sequence[str]) -> list[str]:
    return [f"{option} {name}: given twice" for name in sorted({one for one in names if names.count(one) > 1})]


def asking() -> Ask | None:
    """Return a function that asks on the terminal, None without one. At the end of input it raises UsageProblem."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        return None

    def ask(question: str, default: str) -> str:
        try:
            with doing("", always):
                return input(f"{question} [{default}]: ").strip() or default
        except EOFError:
            print()
            raise UsageProblem("no answer, and nothing was written; --yes takes the defaults") from None

    return ask
