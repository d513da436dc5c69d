"""Makes `.venv` match a lock file, quickly, and does nothing if it already does. Standard library only.

Usage: PYTHON requirements/install.py run|dev, or torch, for an environment of its own: `.venv-torch`

`uv` does the work if it is available; otherwise pip first installs the locked `uv` into `.venv` (which then takes
seconds instead of minutes). INSTALLER=pip in the environment uses only pip. Every file is checked against the hashes of
the lock. Registries, mirrors and proxies are those configured for pip or uv on this machine.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
# Torch with its CUDA libraries takes 5 GB, and belongs to one engine of the local workspace alone.
APART = "torch"
VENV = ROOT / (".venv-torch" if sys.argv[1:] == [APART] else ".venv")
PYTHON = VENV / "bin" / "python"
LEAST_PYTHON = (3, 11)

# The first is the whole of what `make up` needs, the second all of that and the tools of `make test` and `make check`.
LEVELS = ("run", "dev")

ON_EVERY_PATH = (
    "annotated_types",
    "anyio",
    "click",
    "google",
    "grpc",
    "h11",
    "httptools",
    "opentelemetry",
    "packaging",
    "pip",
    "pulumi",
    "pydantic",
    "rich",
    "semver",
    "starlette",
    "typing_extensions.py",
    "typing_inspection",
    "urllib3",
    "uvicorn",
    "yaml",
)
"""Packages or modules that a preview, a deployment or the local workspace imports; Pulumi starts pip twice per run."""

ON_REGISTRATION = "import databricks.sdk, mlflow.transformers; from transformers import AutoTokenizer, pipelines"
"""Imports of the process that registers a model version: a few modules each of large packages."""

ON_GENERATION = (
    "import torch; from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, GenerationConfig"
)
"""Imports of the process that generates with torch."""

ROOMS = ("bandplan", "components", "policies")
"""Our own packages; compileall does not follow the links to the last two."""

FROM_PIP = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
"""Maps a setting of pip to the variable with the same meaning for uv, which does not read pip's files."""


def main(level: str) -> int:
    """Install `level` of LEVELS; return the exit status."""
    if sys.version_info < LEAST_PYTHON:
        return failed(f"Python {sys.version.split()[0]} is too old; 3.11 or later is needed: make PYTHON=python3.12")
    if level != APART:
        level = LEVELS[max(LEVELS.index(level), LEVELS.index(installed_level()))]
    wanted = fingerprint(level)
    if is_current(level, wanted):
        return 0
    started = time.monotonic()
    print(f"installing the locked dependencies into {VENV.name} ...", flush=True)
    try:
        install(level)
    except NoPip:
        return failed(
            f"{sys.executable} has neither pip nor ensurepip to start from; install one of them (Debian, Ubuntu: "
            "`apt install python3-venv`) or uv, then run this again"
        )
    except subprocess.CalledProcessError as error:
        return failed(
            f"`{Path(error.cmd[0]).name}` ended with {error.returncode}; see its message above. The index, mirror or "
            "proxy is that of pip's or uv's own configuration; INSTALLER=pip skips uv"
        )
    compile_bytecode()
    write_path_file()
    write_script()
    for other in (*LEVELS, APART):
        stamp(other).unlink(missing_ok=True)
    stamp(level).write_text(wanted)
    print(f"installed in {time.monotonic() - started:.1f} s", flush=True)
    return 0


def installed_level() -> str:
    """Return the level of the last install, current or not; the lower level if there was none."""
    return next((level for level in reversed(LEVELS) if stamp(level).is_file()), LEVELS[0])


def fingerprint(level: str) -> str:
    """Return a digest of the lock, this script, the Python version and the project's path."""
    parts = [
        lock(level).read_bytes(),
        Path(__file__).read_bytes(),
        str(ROOT).encode(),
        str(sys.version_info[:2]).encode(),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def is_current(level: str, wanted: str) -> bool:
    return PYTHON.exists() and stamp(level).is_file() and stamp(level).read_text() == wanted


def install(level: str) -> None:
    """Create the environment unless a working one exists, and install the lock into it."""
    environ = dict(os.environ)
    uses_uv = os.environ.get("INSTALLER") != "pip"
    if not is_usable():
        shutil.rmtree(VENV, ignore_errors=True)
        # Without pip: copying it in takes seconds, and uv or the pip of this Python can install from outside.
        run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], environ)
    # Looked for only now: an environment of another Python, with its uv, may just have gone.
    uv = shutil.which("uv") or shutil.which("uv", path=VENV / "bin")
    if uses_uv and uv is None:
        uv = str(bootstrapped_uv(environ))
        environ.update(pip_settings(environ))
    if uses_uv and uv is not None:
        command = [uv, "pip", "install", "--quiet", "--python", str(PYTHON), "--require-hashes"]
        run([*command, "-r", str(lock(level))], environ)
    else:
        pip_install(lock(level), environ)


def bootstrapped_uv(environ: Mapping[str, str]) -> Path:
    """Install the locked uv; return `.venv/bin/uv`."""
    pip_install(LOCKS / "uv.lock.txt", environ)
    return VENV / "bin" / "uv"


class NoPip(Exception):
    """This Python cannot install anything by itself: some distributions package pip and ensurepip separately."""


def pip_install(locked: Path, environ: Mapping[str, str]) -> None:
    """Install with this Python's pip or, if it has none (as in some distributions), with one put into `.venv`.

    Errors: NoPip.
    """
    asked = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False)
    if asked.returncode == 0:
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    elif importlib.util.find_spec("ensurepip") is None:
        raise NoPip
    else:
        run([str(PYTHON), "-m", "ensurepip", "--default-pip"], environ)
        pip = [str(PYTHON), "-m", "pip"]
    run([*pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(locked)], environ)


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return pip's configuration as variables for uv; the user's own settings for uv take precedence."""
    asking = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(asking, capture_output=True, text=True, check=False)
    found = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        variable = FROM_PIP.get(name.removeprefix("global.").removeprefix("install.").removeprefix(":env:.").strip())
        if variable and variable not in environ:
            found[variable] = value.strip().strip("'\"")
    return found


def is_usable() -> bool:
    """Report whether `.venv` has a working Python of the version that runs this script."""
    if not PYTHON.exists():
        return False
    asking = [str(PYTHON), "-c", "import sys; print(sys.version_info[:2])"]
    return subprocess.run(asking, capture_output=True, text=True, check=False).stdout.strip() == str(
        sys.version_info[:2]
    )


def compile_bytecode() -> None:
    """Compile what every command imports: uv writes no byte code, and compiling it in a command takes a second.

    Not everything is compiled: some packages have code that takes minutes to compile and that no command of ours
    imports. What registering a model version needs of them is imported once instead, which compiles just that.
    """
    names = {"base": str(VENV), "platbase": str(VENV)}
    packages = Path(sysconfig.get_path("purelib", "venv", names))
    there = [str(packages / name) for name in ON_EVERY_PATH if (packages / name).exists()]
    rooms = [str(ROOT / name) for name in ROOMS]
    writing = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    registering = subprocess.Popen(
        [str(PYTHON), "-c", ON_GENERATION if VENV.name.endswith(APART) else ON_REGISTRATION],
        env={**writing, "MLFLOW_DISABLE_TELEMETRY": "true"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    subprocess.run(
        [str(PYTHON), "-m", "compileall", "-q", "-j0", *there, *rooms], check=False, stdin=subprocess.DEVNULL
    )
    registering.wait()


def write_path_file() -> None:
    """Put the project on the path of `.venv`: works offline, needs no build, and follows every edit."""
    names = {"base": str(VENV), "platbase": str(VENV)}
    packages = Path(sysconfig.get_path("purelib", "venv", names))
    (packages / "bandplan.pth").write_text(f"{ROOT}\n", encoding="utf-8")


def write_script() -> None:
    """Write `.venv/bin/bandplan`; a shell line starts Python, because a `#!` line cannot hold a path with spaces."""
    script = VENV / "bin" / "bandplan"
    script.write_text(
        "#!/bin/sh\n"
        f"'''exec' '{PYTHON}' \"$0\" \"$@\"\n"
        "'''\n"
        "import sys\n\nfrom bandplan.cli.start import main\n\nsys.exit(main())\n",
        encoding="utf-8",
    )
    script.chmod(0o755)


def lock(level: str) -> Path:
    return LOCKS / f"{level}.lock.txt"


def stamp(level: str) -> Path:
    """Return the path of the file that records which lock of `level` was installed in `.venv`."""
    return VENV / f".installed-{level}"


def run(command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run a program that prints nothing, and say how long it has run. Errors: subprocess.CalledProcessError."""
    is_terminal = sys.stdout.isatty()
    began = time.monotonic()
    with subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL) as child:
        try:
            while True:
                try:
                    status = child.wait(1 if is_terminal else 10)
                    break
                except subprocess.TimeoutExpired:
                    seconds = f"  {Path(command[0]).name}: {time.monotonic() - began:.0f} s"
                    # The cursor stays at the beginning, so that a message of the program takes the place.
                    print(seconds, end="\r" if is_terminal else "\n", flush=True)
        except BaseException:
            child.kill()
            raise
    if status != 0:
        raise subprocess.CalledProcessError(status, command)


def failed(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in (*LEVELS, APART):
        sys.exit(f"usage: {Path(sys.argv[0]).name} {'|'.join((*LEVELS, APART))}")
    try:
        sys.exit(main(sys.argv[1]))
    except KeyboardInterrupt:
        print("interrupted; run it again to finish the installation", file=sys.stderr)
        sys.exit(130)
