"""A file that a forge keeps for a run of a pull request's job."""

import io
import zipfile

from bandplan.forge.client import Client
from bandplan.forge.errors import ForgeError, NoPlan, Refused


def fetched(client: Client, path: str, most_bytes: int, next_step: str) -> bytes:
    """Download a file of at most `most_bytes`. Errors: NoPlan."""
    try:
        return client.download(path, most_bytes)
    except Refused as error:
        raise NoPlan(f"no plan: the artifact could not be fetched ({error}); {next_step}") from error
    except ForgeError as error:
        raise NoPlan(f"no plan: the artifact could not be fetched: {error}") from error


def only_file(archive: bytes, name: str, most_bytes: int, next_step: str) -> bytes:
    """Return the content of the archive's only file, which is not trusted: it comes from a pull request's job."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            entries = [entry for entry in files.infolist() if not entry.is_dir()]
            if len(entries) != 1 or entries[0].file_size > most_bytes:
                raise NoPlan(f"artifact {name}: holds more than one plan; {next_step}")
            with files.open(entries[0]) as file:
                return file.read(most_bytes + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise NoPlan(f"artifact {name}: is not a readable archive; {next_step}") from error
