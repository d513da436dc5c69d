"""The installer on a machine of its own: a copy of the project's requirements folder, and a Python as it finds it."""

import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def test_python_without_pip_and_ensurepip_is_told_what_to_install(tmp_path: Path) -> None:
    """As Debian's and Ubuntu's python3 is without the package python3-venv."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    (packages,) = bare.glob("lib/python3.*/site-packages")
    (packages / "without.pth").write_text("import sys; sys.modules['ensurepip'] = None\n")
    project = tmp_path / "project"
    shutil.copytree(REQUIREMENTS, project / "requirements")

    done = subprocess.run(
        [bare / "bin" / "python", project / "requirements" / "install.py", "run"],
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "neither pip nor ensurepip" in done.stderr
    assert "`apt install python3-venv`" in done.stderr
    assert "Traceback" not in done.stderr
