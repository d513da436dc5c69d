"""`bandplan init`: write the files of a team's own repository."""

import argparse
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.starter.answers import CI_SYSTEMS, CLOUDS, Answers, Model
from bandplan.starter.files import File
from bandplan.starter.manifest import NAME

ADOPTING = "version: 1\nmodels: []\n"
"""models.yaml before endpoints are taken over: defaults would change them."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "path", nargs="?", type=folder_named, default=Path(), metavar="FOLDER", help="folder (default: here)"
    )
    parser.add_argument("--project", metavar="NAME", help="name of the project (default: that of the folder)")
    parser.add_argument("--team", metavar="NAME", help="value of the tag `team` (default: the project's name)")
    parser.add_argument("--cloud", metavar="CLOUD", help=f"one of: {', '.join(CLOUDS)} (default: {CLOUDS[0]})")
    parser.add_argument(
        "--stack",
        action="append",
        metavar="NAME[=URL]",
        help="stack, and the URL of its workspace; repeat in the order of deployment (default: dev, prod)",
    )
    parser.add_argument("--ci", metavar="SYSTEM", help=f"one of: {', '.join(CI_SYSTEMS)} (default: {CI_SYSTEMS[0]})")
    parser.add_argument(
        "--model",
        action="append",
        metavar="ENDPOINT=MODEL",
        help="first endpoint, such as support-chat=system.ai.llama_v3_3_70b_instruct; repeat for more",
    )
    parser.add_argument(
        "--from-workspace",
        action="store_true",
        help="take over the endpoints of the first stack's workspace, instead of naming first models",
    )
    parser.add_argument(
        "--register", action="store_true", help="require bandplan[register], for entries that register model versions"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep files that are there already, such as README.md, and write the others (default: refuse)",
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing, and use the defaults for what is not given")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.starter_answers import answers_of, asking

    folder: Path = arguments.path
    if arguments.from_workspace and arguments.model:
        raise UsageProblem("--model and --from-workspace: give only one of them")
    # Before any question: these are what makes a folder a project.
    refuse_existing(
        folder,
        [Path(NAME), Path("Pulumi.yaml"), Path("models.yaml")],
        "name another folder (`bandplan upgrade` changes what an earlier `bandplan init` wrote)",
    )
    answers, models = answers_of(arguments, folder, None if arguments.yes else asking())
    files, hashes = files_of(answers, models, is_adopting=arguments.from_workspace)
    if arguments.keep:
        files = {path: file for path, file in files.items() if not is_there(folder / path)}
    refuse_existing(
        folder,
        [Path(path) for path in files],
        "name another folder, or add --keep to keep your own and write the others",
    )
    write_all(folder, files)
    tell(folder, answers, files, has_hashes=bool(hashes))
    return adopt_all(folder, answers) if arguments.from_workspace else 0


def folder_named(text: str) -> Path:
    """Read FOLDER; an empty one, as an unset variable gives it, is not meant to be the folder of work."""
    if not text:
        raise argparse.ArgumentTypeError("is empty; name a folder, or leave it out for this one")
    return Path(text)


def files_of(
    answers: Answers, models: Sequence[Model], *, is_adopting: bool
) -> tuple[dict[str, File], tuple[str, ...]]:
    """Return every file to write, the record of them included, and the hashes of bandplan's own requirement."""
    from bandplan.cli.main import installed_version
    from bandplan.cli.package_index import installed_hashes
    from bandplan.cli.starter_files import generated_here
    from bandplan.starter.files import first_files
    from bandplan.starter.manifest import manifest_of, render

    with tempfile.TemporaryDirectory(prefix="bandplan-init-") as fetched:
        try:
            hashes = installed_hashes(installed_version(), Path(fetched))
        except CommandError as error:
            print(f"warning: requirements.txt gets no hashes: {error}", file=sys.stderr)
            hashes = ()
    generated = dict(generated_here(answers, hashes).files)
    files = {**generated, **first_files(answers, models)}
    if is_adopting:
        schema = files["models.yaml"].text.partition("\n")[0]
        files["models.yaml"] = File(f"{schema}\n{ADOPTING}", is_generated=False)
    files[NAME] = File(render(manifest_of(installed_version(), answers, generated)), is_generated=False)
    return files, hashes


def refuse_existing(folder: Path, paths: Sequence[Path], step: str) -> None:
    """Raise UsageProblem if one of the files is there already: nothing of the user's is overwritten.

    `step` is what to do then.
    """
    there = [str(path) for path in paths if is_there(folder / path)]
    if there:
        raise UsageProblem(
            f"{folder.resolve()}: {', '.join(there)} {'is' if len(there) == 1 else 'are'} there already, and nothing "
            f"is overwritten; {step}"
        )


def is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def write_all(folder: Path, files: Mapping[str, File]) -> None:
    """Write every file, or none. Errors: CommandError."""
    from bandplan.starter.files import modes

    written: list[Path] = []
    made: list[Path] = []
    try:
        for path, file in files.items():
            target = folder / path
            missing = [parent for parent in [*reversed(target.parents)] if not parent.exists()]
            for parent in missing:
                parent.mkdir()
                made.append(parent)
            with target.open("x", encoding="utf-8") as out:
                written.append(target)  # only now is it ours, and may be removed again
                out.write(file.text)
            target.chmod(modes(files)[path])
    except OSError as error:
        for target in written:
            target.unlink(missing_ok=True)
        for parent in reversed(made):
            parent.rmdir()
        raise CommandError(f"{error.filename}: cannot be written: {error.strerror}; nothing was written") from error


def tell(folder: Path, answers: Answers, files: Mapping[str, File], *, has_hashes: bool) -> None:
    """Print what was written, and what to do next."""
    shown = sorted(files, key=lambda path: (path.count("/") > 0, path))
    print(f"wrote {len(files)} files in {folder.resolve()}:")
    for path in shown:
        print(f"  {path}")
    if not has_hashes:
        print(
            "requirements.txt has versions without hashes; `bandplan upgrade --write` adds them from your package index"
        )
    first = answers.stacks[0].name if answers.stacks else "NAME"
    steps = [
        (f"{entering(folder)}bandplan up", "deploys to a workspace on this machine"),
        ("bandplan check", "everything that a pull request has to pass"),
        ("README.md", f"real workspaces (stack {first}), pull requests, upgrades"),
    ]
    width = max(len(command) for command, _ in steps)
    print("\nnext:\n" + "\n".join(f"  {command:{width}}   # {purpose}" for command, purpose in steps))


def entering(folder: Path) -> str:
    """Return what a shell has to do before a command in the folder; nothing if it is there."""
    return "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "


def adopt_all(folder: Path, answers: Answers) -> int:
    """Take over what the first stack's workspace has; the files stay if that fails.

    With the embedded engine also into the state. Under Pulumi the stack does not exist yet.
    """
    from bandplan.cli.commands import adopt
    from bandplan.cli.stack_engine import engine_wanted

    stack = answers.stacks[0].name
    command = f"{entering(folder)}bandplan adopt --all --stack {stack} --write"
    is_embedded = engine_wanted(os.environ) == "embedded"
    print(f"\ntaking over the endpoints of the workspace of {stack}:", flush=True)
    os.chdir(folder)
    try:
        # By its own parser: it knows every option that the command has.
        parser = argparse.ArgumentParser()
        adopt.configure(parser)
        return adopt.run(parser.parse_args(["--all", "--stack", stack, "--write" if is_embedded else "--entries"]))
    except CommandError as error:
        raise CommandError(f"{error}\nthe files are complete, but nothing was taken over; run `{command}`") from error
