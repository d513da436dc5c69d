"""`bandplan upgrade`: move the pin to another version, and the generated files that nobody has edited."""

import argparse
import re
import tempfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import find_project
from bandplan.cli.requirement_file import NAME as REQUIREMENTS

if TYPE_CHECKING:
    from bandplan.cli.requirement_file import KeptPin
    from bandplan.cli.starter_files import Generation
    from bandplan.starter.changes import Change
    from bandplan.starter.files import File
    from bandplan.starter.manifest import Manifest


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", metavar="VERSION", help="version to move to (default: the newest that pip finds)")
    parser.add_argument(
        "--register",
        action="store_true",
        help="require bandplan[register] from now on, for entries that register model versions (without --to: in the "
        "version that is pinned)",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the pin and the generated files, with your edits kept (default: only show what would change)",
    )


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.generated_files import manifest_of, merged, texts_of, without_outside
    from bandplan.cli.package_index import fetch
    from bandplan.cli.requirement_file import read_pin
    from bandplan.cli.starter_files import generated_by
    from bandplan.starter.changes import merged_where_possible
    from bandplan.starter.manifest import NAME

    if arguments.to is not None and not re.fullmatch(r"[0-9][0-9A-Za-z.]*", arguments.to):
        raise UsageProblem(f"--to {arguments.to}: must be a version, such as 0.2.0")
    root = find_project(Path.cwd()).root
    manifest = manifest_of(root)
    if manifest is None:
        raise UsageProblem(
            f"{root}: has no {NAME}, so `bandplan init` did not write these files; move the version in {REQUIREMENTS} "
            "by hand"
        )
    pin = read_pin(root)
    registers = arguments.register or (pin is not None and "register" in pin.extras)
    answers = replace(manifest.answers, registers=registers or manifest.answers.registers)
    version = arguments.to or (manifest.version if arguments.register else None)
    with tempfile.TemporaryDirectory(prefix="bandplan-upgrade-") as folder:
        wheel = fetch(version, Path(folder))
        package = unpacked(wheel.path, Path(folder) / "new")
        after = generated_by(package, answers, [wheel.hash])
        here = texts_of(root, {*manifest.files, *after.files})
        before = generated_before(manifest, here, Path(folder))
    files, kept = with_own_pins(before, after.files, here)
    changes = without_outside(root, changes_between(manifest, before, files, here))
    changes = merged_where_possible(changes, here, merged)
    show(manifest, after, changes)
    for one in kept:
        print(f"\n{REQUIREMENTS}: {one.name} stays at {one.here}, as you pinned it; that version has {one.after}")
    if not arguments.write:
        print("\nnothing was written; add --write" if changes else "\nnothing to change")
        return 0
    write(root, replace(manifest, answers=answers), after, files, changes)
    if not changes:
        print("\nnothing to change")
        return 0
    step = f"`pip install -r {REQUIREMENTS}`, `bandplan check`, a preview of each stack; then commit it"
    print(f"\nwritten. Next: {step}")
    return 0


def unpacked(wheel: Path, folder: Path) -> Path:
    """Unpack the package of a wheel, and return the folder that it can be imported from. Errors: CommandError."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise CommandError(f"{wheel.name}: cannot be unpacked: {error}") from error
    if not (folder / "bandplan" / "cli" / "starter_files.py").is_file():
        raise CommandError(f"{wheel.name}: that version has no `bandplan init`; choose a later one")
    return folder


def generated_before(manifest: "Manifest", here: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return what the recorded version generated, as far as it can be known.

    What nobody has edited is in the repository. For the rest that version generates it again: this installation, or its
    wheel; without either, an edited file has no diff. A change that was refused before is from an older version.
    """
    from bandplan.starter.manifest import digest

    untouched = {path: text for path, text in here.items() if manifest.files.get(path) == digest(text)}
    edited = manifest.files.keys() - untouched.keys()
    found = dict(untouched)
    for number, version in enumerate(sorted({manifest.source_of(path) for path in edited})):
        again = generated_again(version, manifest, folder / f"old-{number}")
        found |= {path: text for path, text in again.items() if path in edited and manifest.source_of(path) == version}
    return found


def generated_again(version: str, manifest: "Manifest", folder: Path) -> dict[str, str]:
    """Return what a version generates from the recorded answers; empty if it cannot be had."""
    from bandplan.cli.main import installed_version
    from bandplan.cli.package_index import fetch
    from bandplan.cli.starter_files import generated_by, generated_here

    try:
        if version == installed_version():
            again = generated_here(manifest.answers, [])
        else:
            wheel = fetch(version, folder / "wheel")
            again = generated_by(unpacked(wheel.path, folder / "package"), manifest.answers, [wheel.hash])
    except CommandError:
        return {}
    return {path: file.text for path, file in again.files.items()}


def with_own_pins(
    before: Mapping[str, str], after: Mapping[str, "File"], here: Mapping[str, str]
) -> "tuple[dict[str, File], list[KeptPin]]":
    """Return the new files, with the requirements that the team has changed or added, and the pins that stay so."""
    from bandplan.cli.requirement_file import with_own_requirements

    files = dict(after)
    if REQUIREMENTS not in files or REQUIREMENTS not in here:
        return files, []
    new = files[REQUIREMENTS]
    text, kept = with_own_requirements(here[REQUIREMENTS], before.get(REQUIREMENTS, ""), new.text)
    files[REQUIREMENTS] = replace(new, text=text)
    return files, kept


def changes_between(
    manifest: "Manifest", before: Mapping[str, str], after: Mapping[str, "File"], here: Mapping[str, str]
) -> "list[Change]":
    from bandplan.starter.changes import Change, changes_of

    texts = {path: file.text for path, file in after.items()}
    changes = changes_of(manifest.files, before, texts, here)
    # The pin always moves: what the team added to the requirements is kept in the new text.
    pin, new = here.get(REQUIREMENTS), texts.get(REQUIREMENTS)
    if pin is not None and new is not None and pin != new and all(one.path != REQUIREMENTS for one in changes):
        # The recorded version generates the same, and the team has moved the pin away from it.
        changes = sorted([*changes, Change(REQUIREMENTS, "write", pin, new)], key=lambda one: one.path)
    return [replace(one, verdict="write", before=pin) if one.path == REQUIREMENTS else one for one in changes]


def show(manifest: "Manifest", after: "Generation", changes: "Sequence[Change]") -> None:
    """Print the versions, the formats that changed, and each file with what becomes of it."""
    from bandplan.cli.requirement_file import versions
    from bandplan.starter.formats import changed

    print(f"bandplan {manifest.version} -> {after.version}")
    for line in changed(manifest.formats, after.formats) or ["formats of states, plans and reports: unchanged"]:
        print(f"  {line}")
    words = {
        "write": "changed",
        "add": "new",
        "remove": "no longer generated: removed",
        "merge": "edited here; the change fits beside your edits",
        "edited": "edited here, so it is kept; that version changes",
        "linked": "a link that leads out of the repository, so it is kept; that version changes",
        "edited, gone": "edited here, so it is kept; no longer generated",
    }
    for change in changes:
        print(f"\n{change.path}: {words[change.verdict]}")
        if change.path == REQUIREMENTS:
            old, new = versions(change.before or ""), versions(change.after or "")
            for name in sorted({*old, *new}):
                if old.get(name) != new.get(name):
                    print(f"  {name} {old.get(name, '(none)')} -> {new.get(name, '(none)')}")
        else:
            print(change.diff() or "  (what the old version generated is not known, so there is no diff)\n", end="")


def write(
    root: Path, manifest: "Manifest", after: "Generation", files: Mapping[str, "File"], changes: "Sequence[Change]"
) -> None:
    """Write the unedited files, the pin, and last the record of what that version generates. Errors: CommandError."""
    from bandplan.cli.generated_files import write_together
    from bandplan.starter.manifest import NAME, render

    texts = {change.path: change.after for change in changes if change.is_written}
    # A file that the team removed is settled; one whose change was refused is not.
    refused = {one.path for one in changes if one.verdict in ("edited", "linked") and (root / one.path).exists()}
    record = render(recorded(manifest, after, refused))
    executables = {path for path, file in files.items() if file.is_executable}
    write_together(root, {**texts, NAME: record}, executables)


def recorded(manifest: "Manifest", after: "Generation", refused: Collection[str]) -> "Manifest":
    """Return the new record; a file whose change was refused stays recorded as the version before generated it."""
    from bandplan.starter.manifest import Manifest, digest

    kept = [path for path in refused if path in manifest.files]
    digests = {path: digest(file.text) for path, file in after.files.items()}
    digests |= {path: manifest.files[path] for path in kept}
    older = {path: manifest.source_of(path) for path in kept}
    return Manifest(after.version, manifest.answers, digests, after.formats, older)
