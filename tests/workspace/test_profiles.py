"""The file of profiles: which profile counts, and one line for a file that cannot be used, without its content."""

from pathlib import Path

import pytest

from bandplan.serving.workspace.errors import NotConfigured
from bandplan.serving.workspace.profiles import ConfigFile, read_config_file

SECRET = "dapi-secret-of-a-profile"


def read(path: Path, text: str) -> ConfigFile:
    file = path / "cfg"
    file.write_text(text)
    file.chmod(0o600)
    return read_config_file({"DATABRICKS_CONFIG_FILE": str(file)})


@pytest.mark.parametrize(
    ("text", "default", "names"),
    [
        ("[DEFAULT]\nhost = a\n[dev]\nhost = b\n", "DEFAULT", {"DEFAULT", "dev"}),
        ("[DEFAULT]\n[dev]\nhost = b\n", None, {"dev"}),
        ("[dev]\nhost = b\n[__settings__]\ndefault_profile = dev\n", "dev", {"dev"}),
        ("", None, set()),
    ],
)
def test_the_default_profile_is_that_of_the_sdk(
    tmp_path: Path, text: str, default: str | None, names: set[str]
) -> None:
    file = read(tmp_path, text)
    assert (file.default, set(file.profiles)) == (default, names)


def test_no_profile_inherits_from_the_default_one_and_no_value_is_interpolated(tmp_path: Path) -> None:
    file = read(tmp_path, "[DEFAULT]\ntoken = t\n[dev]\nhost = https://b/%s\n")
    assert file.profiles["dev"] == {"host": "https://b/%s"}
    assert not file.is_open


def test_a_file_that_others_may_read_is_noticed(tmp_path: Path) -> None:
    read(tmp_path, "[dev]\nhost = b\n")
    (tmp_path / "cfg").chmod(0o644)
    assert read_config_file({"DATABRICKS_CONFIG_FILE": str(tmp_path / "cfg")}).is_open


def test_no_file_is_no_error(tmp_path: Path) -> None:
    file = read_config_file({"DATABRICKS_CONFIG_FILE": str(tmp_path / "none")})
    assert not file.exists and file.listed.endswith("none does not exist")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (f"token = {SECRET}\n", "line 1: stands before the first [profile]"),
        (f"[dev]\n{SECRET}\n", "line 2: is not `key = value`"),
        (f"[dev]\ntoken={SECRET}\n[dev]\n", "line 3: the profile dev is there twice"),
        (f"[dev]\ntoken={SECRET}\ntoken={SECRET}\n", "line 3: token is there twice in the profile dev"),
    ],
)
def test_a_damaged_file_is_told_in_one_line_without_its_content(tmp_path: Path, text: str, finding: str) -> None:
    with pytest.raises(NotConfigured) as caught:
        read(tmp_path, text)
    assert f"cfg: {finding}; fix the file" in str(caught.value)
    assert SECRET not in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_no_file_or_no_text_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="cannot be read: Is a directory; make it a file that you may read"):
        read_config_file({"DATABRICKS_CONFIG_FILE": str(tmp_path)})
    (tmp_path / "cfg").write_bytes(b"[dev]\nhost=\xff\n")
    with pytest.raises(NotConfigured, match="cfg: not UTF-8 at byte 11; fix the file"):
        read_config_file({"DATABRICKS_CONFIG_FILE": str(tmp_path / "cfg")})
