"""List artifacts as MLflow tracking does. They are uploaded and downloaded with the Files API
(`stub.state.files.places`).
"""

from bandplan.stub.json_object import Json
from bandplan.stub.state.files import remote_path
from bandplan.stub.state.files.stored_files import Place, StoredFiles
from bandplan.stub.state.refusals import NoSuchFile


def artifacts(files: StoredFiles, holder: str, root_uri: str, path: str | None) -> Json:
    """List the direct contents of an artifact directory; a file lists itself, a missing path gives an empty list."""
    segments = remote_path.parse(f"/{path}") if path else ()
    place = Place(holder, segments, path or "")
    beginning = f"{'/'.join(segments)}/" if segments else ""
    try:
        rows = [_row(f"{beginning}{entry.name}", entry.size) for entry in files.entries(place)]
    except NoSuchFile:
        rows = _file(files, place)
    return {"root_uri": root_uri, "files": rows}


def _file(files: StoredFiles, place: Place) -> list[Json]:
    try:
        return [_row("/".join(place.segments), files.file(place).size)]
    except NoSuchFile:
        return []


def _row(path: str, size: int | None) -> Json:
    return {"path": path, "is_dir": True} if size is None else {"path": path, "is_dir": False, "file_size": size}
