import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.contents import contents, file_digest
from bandplan.serving.registration.sources.digest import digest
from bandplan.serving.registration.sources.folder import File, files
from bandplan.serving.registration.sources.source import Source, parse
from bandplan.serving.workspace.client import WorkspaceClient
from tests.checkpoints import write_llama
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply

OLD_NS = 1_700_000_000_000_000_000
"""A modification time long ago, in nanoseconds since 1970."""


@dataclass
class Reader:
    """Reads a folder's contents an hour from now, when no file counts as new, and notes which files it opened."""

    cache: Path
    names: list[str] = field(default_factory=list)
    hours_ahead: int = 1

    def read(self, folder: Path) -> tuple[dict[str, str], list[str]]:
        """Name -> digest of each file, and the names of those that were opened for it."""
        self.names = []
        source = Source("checkpoint", folder.name, folder=folder)
        later = time.time_ns() + self.hours_ahead * 3600 * 10**9
        found = contents(source, self.cache, lambda text: None, read=self._noted, now_ns=lambda: later)
        return found, sorted(self.names)

    def _noted(self, file: File, shown: str) -> str:
        self.names.append(file.name)
        return file_digest(file, shown)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_llama(tmp_path / "project" / "llama")


def of(folder: Path, cache: Path, **changes: Any) -> str:
    source = parse(folder.name, folder.parent)
    return digest(source, None, cache, **{"task": "llm/v1/chat", "metadata": {}, **changes})


def test_digest_follows_content_and_not_place_or_time(folder: Path, tmp_path: Path) -> None:
    first = of(folder, tmp_path / "cache")
    copy = write_llama(tmp_path / "elsewhere" / "other-name")
    os.utime(copy / "config.json", ns=(OLD_NS, OLD_NS))
    assert first.startswith("sha256:") and len(first) == len("sha256:") + 64
    assert of(copy, tmp_path / "cache") == first


@pytest.mark.parametrize("change", ["content", "rename", "add", "remove", "move text from one file to the next"])
def test_digest_changes_with_every_file(folder: Path, tmp_path: Path, change: str) -> None:
    (folder / "a").write_text("one")
    (folder / "b").write_text("two")
    first = of(folder, tmp_path / "cache")
    match change:
        case "content":
            (folder / "a").write_text("ONE")
        case "rename":
            (folder / "a").rename(folder / "c")
        case "add":
            (folder / "sub").mkdir()
            (folder / "sub" / "new").write_text("")
        case "remove":
            (folder / "b").unlink()
        case _:
            (folder / "a").write_text("onet")
            (folder / "b").write_text("wo")
    assert of(folder, tmp_path / "cache") != first


def test_task_and_metadata_of_a_checkpoint_are_part_of_its_digest(folder: Path, tmp_path: Path) -> None:
    chat = of(folder, tmp_path)
    assert of(folder, tmp_path, task="llm/v1/completions") != chat
    assert of(folder, tmp_path, metadata={"model_type": "x"}) != chat
    assert of(folder, tmp_path, metadata={"b": "1", "a": "2"}) == of(folder, tmp_path, metadata={"a": "2", "b": "1"})


def test_task_and_metadata_are_no_part_of_a_logged_models_digest(folder: Path, tmp_path: Path) -> None:
    (folder / "MLmodel").write_text("flavors: {transformers: {}}")
    assert of(folder, tmp_path) == of(folder, tmp_path, task="llm/v1/completions", metadata={"a": "b"})


def test_what_version_control_downloads_and_desktops_leave_does_not_count(folder: Path, tmp_path: Path) -> None:
    first = of(folder, tmp_path / "cache")
    for name in (".git/config", ".cache/huggingface/x", "__pycache__/m.pyc", ".DS_Store", "sub/._x", ".gitattributes"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("noise")
    assert of(folder, tmp_path / "cache") == first


def test_files_are_read_once_and_again_only_when_they_changed(folder: Path, reader: Reader) -> None:
    first, opened = reader.read(folder)
    assert opened == sorted(first) and "model.safetensors" in opened
    assert reader.read(folder) == (first, [])
    (folder / "config.json").write_text("{}")
    second, opened = reader.read(folder)
    assert (second != first, opened) == (True, ["config.json"])


def test_a_file_put_in_anothers_place_with_its_size_and_time_is_read(folder: Path, reader: Reader) -> None:
    path = folder / "model.safetensors"
    os.utime(path, ns=(OLD_NS, OLD_NS))
    first, _ = reader.read(folder)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    other = folder.parent / "other"
    other.write_bytes(data)
    os.utime(other, ns=(OLD_NS, OLD_NS))
    other.replace(path)
    second, opened = reader.read(folder)
    assert (second != first, opened) == (True, ["model.safetensors"])


def test_a_file_changed_just_now_is_not_taken_from_the_record(folder: Path, reader: Reader) -> None:
    """A second change within one tick of the file system's clock would show in nothing but the content."""
    reader.hours_ahead = 0
    reader.read(folder)
    _, opened = reader.read(folder)
    assert "model.safetensors" in opened


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1, "files": 3}', '{"format": 1, "files": {"a": [1]}}'])
def test_a_damaged_record_is_written_anew(folder: Path, reader: Reader, content: str) -> None:
    first, _ = reader.read(folder)
    (record,) = reader.cache.iterdir()
    record.write_text(content)
    assert reader.read(folder) == (first, sorted(first))
    assert reader.read(folder) == (first, [])


def test_a_record_that_cannot_be_written_costs_time_only(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert of(folder, tmp_path / "file" / "cache") == of(folder, tmp_path / "cache")


def test_links_out_of_the_folder_are_refused_all_at_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("text")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "nowhere").symlink_to(tmp_path / "nothing")
    (folder / "parent").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    with pytest.raises(RegistrationError) as refused:
        of(folder, tmp_path / "cache")
    lines = str(refused.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["llama/nowhere", "llama/out", "llama/parent", "llama/pipe"]
    assert "cp -rL" in lines[1]


def test_a_link_within_the_folder_counts_as_what_it_points_to(folder: Path, tmp_path: Path) -> None:
    (folder / "copy").write_bytes((folder / "config.json").read_bytes())
    first = of(folder, tmp_path / "cache")
    (folder / "copy").unlink()
    (folder / "copy").symlink_to(folder / "config.json")
    assert of(folder, tmp_path / "cache") == first


def test_run_and_version_are_their_uri(tmp_path: Path) -> None:
    one = digest(parse("runs:/abc/model", tmp_path), None, tmp_path)
    assert one == digest(parse("runs:/abc/model", tmp_path), None, tmp_path, task="llm/v1/chat")
    assert one != digest(parse("runs:/abd/model", tmp_path), None, tmp_path)
    assert one != digest(parse("models:/a.b.c/1", tmp_path), None, tmp_path)


class Aliases:
    """A workspace in which `ml.search.gte@champion` is a version, or nothing."""

    def __init__(self, workspace: FakeWorkspace) -> None:
        self.version: int | None = 3
        self.client = WorkspaceClient(workspace.host, TOKEN)
        workspace.answer = lambda request: (
            Reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no alias"})
            if self.version is None
            else Reply(200, {"version": self.version})
        )


@pytest.fixture
def aliases() -> Iterator[Aliases]:
    workspace = FakeWorkspace()
    yield Aliases(workspace)
    workspace.close()


def test_alias_is_the_version_that_it_points_to(tmp_path: Path, aliases: Aliases) -> None:
    champion = parse("models:/ml.search.gte@champion", tmp_path)
    third = digest(parse("models:/ml.search.gte/3", tmp_path), None, tmp_path)
    assert digest(champion, aliases.client, tmp_path) == third
    aliases.version = 4
    assert digest(champion, aliases.client, tmp_path) != third


def test_alias_that_points_nowhere_or_cannot_be_asked_is_an_error(tmp_path: Path, aliases: Aliases) -> None:
    champion = parse("models:/ml.search.gte@champion", tmp_path)
    aliases.version = None
    for client, said in ((aliases.client, "has no alias champion"), (None, "set DATABRICKS_HOST")):
        with pytest.raises(RegistrationError, match=said):
            digest(champion, client, tmp_path)


def test_a_file_that_changed_since_it_was_listed_is_an_error(folder: Path) -> None:
    listed = {file.name: file for file in files(folder, "llama")}
    (folder / "config.json").write_text("{}")
    with pytest.raises(RegistrationError, match=r"llama/config\.json: changed while it was read"):
        file_digest(listed["config.json"], "llama")


def test_source_without_a_folder_has_no_path() -> None:
    with pytest.raises(ValueError, match="is not a folder"):
        _ = Source("run", "runs:/a/b").path
