"""A further stack of a project: its own files, and its place in the generated workflows and README."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bandplan.cli.errors import UsageProblem
from bandplan.cli.project import LOCAL, Project
from bandplan.starter.answers import Stack

if TYPE_CHECKING:
    from bandplan.starter.changes import Change
    from bandplan.starter.manifest import Manifest


@dataclass(frozen=True)
class NewStack:
    """What a new stack adds and changes.

    `files` are its own, by path. `changes` are those of generated files, and `manifest` their new record, None in a
    project that `bandplan init` did not write. `order` are the stacks as they are deployed.
    """

    stack: Stack
    files: dict[str, str]
    changes: "Sequence[Change]" = ()
    manifest: "Manifest | None" = None
    order: Sequence[str] = ()

    @property
    def refused(self) -> "list[Change]":
        """The changes that the team has to make by hand."""
        return [one for one in self.changes if not one.is_written]


def plan_stack(project: Project, stack: Stack, before: str | None) -> NewStack:
    """Find what a new stack adds and changes, with the team's edits kept. Errors: UsageProblem."""
    from bandplan.cli.generated_files import manifest_of
    from bandplan.starter.files import stack_files

    files = stack_files(stack)
    if stack.name in project.configured_stacks:
        raise UsageProblem(f"stack {stack.name}: stacks/Pulumi.{stack.name}.yaml is there already; choose another name")
    if there := [path for path in files if (project.root / path).exists() or (project.root / path).is_symlink()]:
        raise UsageProblem(f"stack {stack.name}: {there[0]} is there already; move it away, or choose another name")
    manifest = manifest_of(project.root)
    if manifest is None:
        if before is not None:
            raise UsageProblem("--before: `bandplan init` did not write these files; edit the order in your workflows")
        return NewStack(stack, files)
    return with_generated(project, NewStack(stack, files), manifest, before)


def with_generated(project: Project, new: NewStack, manifest: "Manifest", before: str | None) -> NewStack:
    """Add what becomes of the generated files."""
    from bandplan.cli.generated_files import merged, texts_of, without_outside
    from bandplan.cli.main import installed_version
    from bandplan.cli.starter_files import generated_here
    from bandplan.starter.changes import changes_of, merged_where_possible
    from bandplan.starter.manifest import digest

    names = [one.name for one in manifest.answers.stacks]
    if before is not None and before not in names:
        raise UsageProblem(f"--before {before}: no such stack in .bandplan-init.json; use one of: {', '.join(names)}")
    if manifest.version != installed_version():
        raise UsageProblem(
            f"bandplan {manifest.version} generated these files, and {installed_version()} is installed; run "
            "`pip install -r requirements.txt`, or `bandplan upgrade --write` first"
        )
    recorded = {one.name: one for one in manifest.answers.stacks}
    answers = manifest.answers
    if new.stack.name in recorded:  # its files were removed by hand
        answers = replace(answers, stacks=tuple(one for one in answers.stacks if one.name != new.stack.name))
    answers = answers.with_stack(new.stack, before)
    old = {path: file.text for path, file in generated_here(manifest.answers, ()).files.items()}
    texts = {path: file.text for path, file in generated_here(answers, ()).files.items()}
    texts = {path: text for path, text in texts.items() if old.get(path) != text}
    here = texts_of(project.root, texts)
    generated = {path: manifest.files[path] for path in texts if path in manifest.files}
    changes = without_outside(project.root, changes_of(generated, old, texts, here))
    changes = merged_where_possible([one for one in changes if one.path in here], here, merged)
    # A change that has to be made by hand counts as made; until it is, `bandplan check` fails.
    digests = {path: digest(text) for path, text in texts.items() if path in generated and path not in manifest.older}
    return replace(
        new,
        changes=changes,
        manifest=replace(manifest, answers=answers, files={**manifest.files, **digests}),
        order=[one.name for one in answers.stacks],
    )


def write_stack(project: Project, new: NewStack) -> None:
    """Write its files, the changed ones and their record, or nothing. Errors: UsageProblem."""
    from bandplan.cli.generated_files import write_together
    from bandplan.starter.manifest import NAME, render

    texts: dict[str, str | None] = {**new.files, **{one.path: one.after for one in new.changes if one.is_written}}
    if new.manifest is not None:
        texts[NAME] = render(new.manifest)
    write_together(project.root, texts)


def tell(new: NewStack) -> None:
    """Print what was written, what is left to do by hand, and the next steps."""
    name = new.stack.name
    print(f"wrote {' and '.join(new.files)}")
    for one in new.changes:
        if one.is_written:
            print(f"changed {one.path}")
    if len(new.order) > 1:
        print(f"order of deployment: {', '.join(new.order)}")
    for one in new.refused:
        print(f"\n{one.path}: edited here where the stack belongs, so it is kept; make this change in it:")
        print(one.diff(), end="")
    if new.manifest is None:
        print("name the stack in your workflows, if there are any: `bandplan check` says where it is missing")
    workspace = "" if new.stack.host else f"; name its workspace in stacks/Pulumi.{name}.yaml as databricks:host"
    steps = [
        ("bandplan check", "everything that a pull request has to pass"),
        (f"pulumi stack init {name}", f"once, with the secrets provider that README.md names{workspace}"),
        (f"bandplan preview --stack {name}", "what it would deploy"),
    ]
    width = max(len(command) for command, _ in steps)
    print("\nnext:\n" + "\n".join(f"  {command:{width}}   # {purpose}" for command, purpose in steps))
    ci = new.manifest.answers.ci if new.manifest is not None else "none"
    if ci == "github":
        print(f"  on GitHub: the environments {name} and {name}-preview, with their variables (README.md)")
    elif ci == "gitlab":
        print(f"  on GitLab: protect the environment {name}, and name its workspace (README.md)")
    if new.stack.is_production and name != LOCAL:
        print("its policies stop a deployment, as the name begins with `prod`")
