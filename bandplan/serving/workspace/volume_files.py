"""Text files in Unity Catalog volumes, through the Files API (docs.databricks.com, Files API, read 2026-11)."""

from collections.abc import Iterator
from urllib.parse import quote

from bandplan.serving.workspace.client import WorkspaceClient

PREFIX = "/Volumes/"


def csv_texts(client: WorkspaceClient, path: str) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of a .csv file, or of every .csv file of a folder, in the order of their names.

    A folder is what a table written as CSV becomes. Errors: those of the client.
    """
    if path.lower().endswith(".csv"):
        yield path, client.text(f"/api/2.0/fs/files{quote(path)}")
        return
    for name in sorted(_names(client, path.rstrip("/"))):
        if name.lower().endswith(".csv"):
            yield name, client.text(f"/api/2.0/fs/files{quote(name)}")


def _names(client: WorkspaceClient, folder: str) -> Iterator[str]:
    token = ""
    while True:
        page = client.get(f"/api/2.0/fs/directories{quote(folder)}{f'?page_token={quote(token)}' if token else ''}")
        for one in page.get("contents") or []:
            if isinstance(one, dict) and one.get("is_directory") is not True and isinstance(one.get("path"), str):
                yield one["path"]
        token = str(page.get("next_page_token") or "")
        if not token:
            return
