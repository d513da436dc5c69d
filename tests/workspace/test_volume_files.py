"""CSV files in a volume of a workspace."""

import pytest

from bandplan.serving.workspace.client import from_environment
from bandplan.serving.workspace.errors import NotFound
from bandplan.serving.workspace.volume_files import csv_texts
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply, Seen

FOLDER = "/Volumes/ops/bandplan/usage of all"


def answer(seen: Seen) -> Reply:
    """Two pages of a folder: one file each, a subfolder, and what a Spark job leaves beside its files."""
    path = seen.path.replace("%20", " ")
    if path.startswith("/api/2.0/fs/directories"):
        if path == f"/api/2.0/fs/directories{FOLDER}":
            rows = [("part-1.csv", False), ("_SUCCESS", False), ("old.csv", True)]
            return Reply(body={"contents": listed(rows), "next_page_token": "a b"})
        if path.endswith("?page_token=a b"):
            return Reply(body={"contents": listed([("part-0.CSV", False)])})
    if path.startswith("/api/2.0/fs/files/Volumes") and "part-" in path:
        return Reply(body=path.rsplit("/", 1)[-1].encode())
    return Reply(404, {"error_code": "NOT_FOUND", "message": "no such path"})


def listed(rows: list[tuple[str, bool]]) -> list[dict[str, object]]:
    return [{"path": f"{FOLDER}/{name}", "name": name, "is_directory": is_folder} for name, is_folder in rows]


@pytest.fixture
def texts() -> object:
    workspace = FakeWorkspace()
    workspace.answer = answer
    client = from_environment({"DATABRICKS_HOST": workspace.host, "DATABRICKS_TOKEN": TOKEN})
    yield lambda path: list(csv_texts(client, path))
    workspace.close()


def test_folder_is_its_csv_files_in_order(texts) -> None:  # type: ignore[no-untyped-def]
    assert texts(f"{FOLDER}/") == [(f"{FOLDER}/part-0.CSV", "part-0.CSV"), (f"{FOLDER}/part-1.csv", "part-1.csv")]


def test_file_is_itself(texts) -> None:  # type: ignore[no-untyped-def]
    assert texts(f"{FOLDER}/part-7.csv") == [(f"{FOLDER}/part-7.csv", "part-7.csv")]


def test_what_is_not_there_is_an_error(texts) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotFound):
        texts("/Volumes/ops/none")
