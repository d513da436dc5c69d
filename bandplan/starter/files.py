"""The files of a team's repository, from its answers and the version of bandplan."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bandplan.starter.answers import LOCAL, Answers, Model, Stack
from bandplan.starter.models_text import models_text
from bandplan.starter.template import filled, lock, names_in

_CLOUD: Final = {
    "aws": ("s3://<bucket>", '"awskms://<key>?region=<region>"', "https://<workspace>.cloud.databricks.com"),
    "azure": (
        "azblob://<container>",
        '"azurekeyvault://<vault>.vault.azure.net/keys/<key>"',
        "https://adb-<number>.azuredatabricks.net",
    ),
    "gcp": ("gs://<bucket>", '"gcpkms://<key>"', "https://<number>.gcp.databricks.com"),
}
"""Cloud -> the form of Pulumi's backend in a bucket, of its secrets provider, and of a workspace's URL."""

_SEVERAL_PER_LINE: Final = 4


@dataclass(frozen=True)
class File:
    """A file to write. `is_generated`: later versions may change it; otherwise it is the team's from the start."""

    text: str
    is_generated: bool = True
    is_executable: bool = False


@dataclass(frozen=True)
class Release:
    """The version of bandplan that the files are for.

    `hashes` are those of its wheel and sdist (`sha256:...`); without them the requirements have no hashes at all, as
    pip refuses a mixture. `policy_version` is the policy pack's, `schema` the JSON Schema of models.yaml.
    """

    version: str
    hashes: Sequence[str]
    policy_version: str
    schema: str


def generated_files(answers: Answers, release: Release) -> dict[str, File]:
    """Return the files that later versions may change, by their path in the repository."""
    return {
        "Pulumi.yaml": File(filled("Pulumi.yaml", project=answers.project)),
        "stacks/__main__.py": File(filled("program.py")),
        "policies/PulumiPolicy.yaml": File(filled("PulumiPolicy.yaml", policy_version=release.policy_version)),
        "policies/__main__.py": File(filled("policies.py")),
        "provider/pulumi-resource-bandplan": File(filled("provider.sh"), is_executable=True),
        "schemas/models.schema.json": File(release.schema),
        "requirements.txt": File(requirements(answers, release)),
        ".gitignore": File(filled("gitignore")),
        "README.md": File(_readme(answers)),
        **{path: File(text) for path, text in _workflows(answers).items()},
    }


def first_files(answers: Answers, models: Sequence[Model]) -> dict[str, File]:
    """Return the files that are the team's own from the start."""
    stacks = {f"stacks/Pulumi.{LOCAL}.yaml": filled("stack_local.yaml")}
    stacks[f"stacks/policies.{LOCAL}.json"] = filled("policies_advisory.json")
    for stack in answers.stacks:
        stacks |= stack_files(stack)
    return {
        "models.yaml": File(models_text(answers, models), is_generated=False),
        **{path: File(text, is_generated=False) for path, text in stacks.items()},
        "policies/own/floor_too_high.py": File(filled("own_rule.py"), is_generated=False),
        "policies/own/test_floor_too_high.py": File(filled("own_rule_test.py"), is_generated=False),
    }


def stack_files(stack: Stack) -> dict[str, str]:
    """Return the texts of a stack's own files: its configuration, and the levels of its policies."""
    levels = "policies_production.json" if stack.is_production else "policies_advisory.json"
    values = {"stack": stack.name} if stack.is_production else {}
    return {
        f"stacks/Pulumi.{stack.name}.yaml": _stack(stack),
        f"stacks/policies.{stack.name}.json": filled(levels, **values),
    }


def requirements(answers: Answers, release: Release) -> str:
    """Return requirements.txt: bandplan itself, then everything that it needs."""
    name = "bandplan[register]" if answers.registers else "bandplan"
    hashes = "".join(f" \\\n    --hash={one}" for one in sorted(release.hashes))
    locked = lock("run" if answers.registers else "core")
    if not release.hashes:
        locked = re.sub(r" \\\n    --hash=\S+", "", locked)
    heading = "# Written by `bandplan init`; `bandplan upgrade` moves it to another version.\n"
    return f"{heading}{name}=={release.version}{hashes}\n{locked}"


def _stack(stack: Stack) -> str:
    login = "" if stack.host else " DATABRICKS_HOST names its workspace."
    host = f"\n  databricks:host: {stack.host}" if stack.host else ""
    retry = "120" if stack.is_production else "30"
    return filled("stack.yaml", stack=stack.name, login=login, host=host, retry=retry)


def _workflows(answers: Answers) -> dict[str, str]:
    stacks = [stack.name for stack in answers.stacks]
    match answers.ci:
        case "github":
            return {
                f".github/workflows/{name}": filled(f"github/{name}", stacks=json.dumps(stacks))
                for name in names_in("github")
            }
        case "gitlab":
            text = filled("gitlab/gitlab-ci.yml", stacks=f"[{', '.join(stacks)}]", deployments=_deployments(stacks))
            return {".gitlab-ci.yml": text}
    return {}


def _deployments(stacks: Sequence[str]) -> str:
    """Return one job per stack, each after the one before it."""
    jobs = []
    for before, stack in zip([None, *stacks], stacks, strict=False):
        needs = f"  needs: [deploy-{before}]\n" if before else ""
        jobs.append(f"deploy-{stack}:\n  extends: .deploy\n{needs}  variables: {{STACK: {stack}}}\n")
    return "\n".join(jobs).rstrip("\n")


def _readme(answers: Answers) -> str:
    backend, secrets, url = _CLOUD[answers.cloud]
    names = [stack.name for stack in answers.stacks] or ["dev"]
    rows = [f"| `{stack.name}` | {stack.host or url} |" for stack in answers.stacks]
    table = "\n".join(["| stack | workspace |", "|---|---|", *rows]) if rows else "No stack yet: add one as below."
    common = {"first": names[0], "last": names[-1], "backend": backend}
    listed = {
        "deployed": _and(names),
        "environments": _and([*names, *(f"{name}-preview" for name in names)]),
    }
    login = [
        *([] if answers.stacks and answers.stacks[0].host else [f"export DATABRICKS_HOST={url}"]),
        "export DATABRICKS_TOKEN=...            # from your secret store; or any other login: `bandplan docs login`",
    ]
    ci_text, ci_row = "", ""
    if answers.ci == "github":
        ci_text = filled("ci_github.md", **common, **listed)
        ci_row = "\n| `.github/workflows/` | preview on a pull request, deployment on merge, drift every morning |"
    elif answers.ci == "gitlab":
        ci_text = filled("ci_gitlab.md", backend=backend, deployed=listed["deployed"])
        ci_row = "\n| `.gitlab-ci.yml` | preview on a merge request, deployment on merge, drift by schedule |"
    return filled(
        "README.md",
        project=answers.project,
        ci_row=ci_row,
        ci_text=ci_text,
        stacks_table=table,
        login_lines="\n".join(login),
        backend=backend,
        secrets=secrets,
        first=names[0],
    )


def _and(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def modes(files: Mapping[str, File]) -> dict[str, int]:
    """Return the permissions of each file."""
    return {path: 0o755 if file.is_executable else 0o644 for path, file in files.items()}
