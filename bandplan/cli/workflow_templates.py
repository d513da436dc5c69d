"""The workflows that `bandplan init` writes, made from those of this repository: a fix there reaches every team."""

import re
from pathlib import Path

AS_INSTALLED = (
    ("make install-run", "pip install --no-compile -r requirements.txt"),
    ("make install-plugin", "bandplan install-plugin"),
    (".venv/bin/bandplan", "bandplan"),
    ("docs/gitops.md", "README.md"),
    (", preferably by its digest", ""),
)
"""What a workflow of this repository says, and what it says where bandplan is installed as a package."""

CHECK_OF_GITHUB = """\
# Checks everything that needs no workspace and no secret: the models file of every stack, its policies, these
# workflows, and the tests of your own rules. The same as `bandplan check` on a laptop.
name: check
on:
  pull_request:
  push:
    branches: [main]
permissions:
  contents: read
concurrency:
  group: check-${{ github.ref }}
  cancel-in-progress: true
jobs:
  check:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: CHECKOUT
        with:
          persist-credentials: false
      - uses: SETUP_PYTHON
        with:
          python-version: "3.12"
      - name: install
        run: pip install --no-compile -r requirements.txt
      - name: check
        run: bandplan check --format github
"""

CHECK_OF_GITLAB = """\
# Everything that needs no workspace and no variable, as `bandplan check` on a laptop.
check:
  stage: preview
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - bandplan check
"""

SYSTEM_PYTHON = """\
  # Some distributions' own Python takes packages only if told so.
  PIP_BREAK_SYSTEM_PACKAGES: "1"
"""


def workflow_templates(root: Path) -> dict[str, str]:
    """Return the templates of a team's workflows, by their path below `templates/`; `root` is this repository."""
    found = {}
    for path in sorted((root / ".github" / "workflows").glob("*.yml")):
        if path.stem == "ci":
            continue  # this repository's own test run
        text = as_installed(path.read_text(encoding="utf-8"))
        found[f"github/{path.name}.txt"] = text.replace('["dev", "prod"]', "<<stacks>>")
    found["github/check.yml.txt"] = check_workflow(found["github/preview.yml.txt"])
    text = as_installed((root / "examples" / "gitlab-ci.yml").read_text(encoding="utf-8"))
    text = text.replace("# GitLab CI for a repository like this one; copy it to .gitlab-ci.yml. ", "# ")
    text = text.replace("AUTH_TYPE: env-oidc\n", "AUTH_TYPE: env-oidc\n" + SYSTEM_PYTHON)
    text = text.replace("[dev, prod]", "<<stacks>>").replace("environments prod and dev", "environments")
    jobs = re.compile(r"^deploy-dev:.*?(?=^# )", re.MULTILINE | re.DOTALL)
    text = text.replace("\n.deploy:\n", f"\n{CHECK_OF_GITLAB}\n.deploy:\n", 1)
    found["gitlab/gitlab-ci.yml.txt"] = jobs.sub("<<deployments>>\n\n", text)
    return found


def check_workflow(preview: str) -> str:
    """Return the workflow that runs `bandplan check`, with the releases of the actions in another one."""

    def release(action: str) -> str:
        (found,) = set(re.findall(rf"uses: (actions/{action}@.*)", preview))
        return str(found)

    return CHECK_OF_GITHUB.replace("CHECKOUT", release("checkout")).replace("SETUP_PYTHON", release("setup-python"))


def as_installed(text: str) -> str:
    """Return a workflow of this repository as it is where bandplan is installed as a package."""
    for here, there in AS_INSTALLED:
        text = text.replace(here, there)
    return text
