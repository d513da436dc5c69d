import pytest

from bandplan.serving.workspace.address import parse_address
from bandplan.serving.workspace.errors import NotConfigured


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("my.cloud.databricks.com", "https://my.cloud.databricks.com"),
        ("https://adb-1.2.azuredatabricks.net/?o=12", "https://adb-1.2.azuredatabricks.net"),
        (" https://my.cloud.databricks.com/ ", "https://my.cloud.databricks.com"),
        ("https://my.cloud.databricks.com:443", "https://my.cloud.databricks.com"),
        ("my.cloud.databricks.com:8443", "https://my.cloud.databricks.com:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("HTTPS://MY.example.COM", "https://my.example.com"),
    ],
)
def test_a_host_is_brought_to_its_canonical_url(text: str, url: str) -> None:
    assert parse_address(text).url == url


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("http://my.cloud.databricks.com", "never sent unencrypted"),
        ("http://127.0.0.1.example.com", "never sent unencrypted"),
        ("http://10.0.0.1", "never sent unencrypted"),
        ("ftp://my.example.com", "neither https:// nor http://"),
        ("https://user:secret@my.example.com", "user name or password"),
        ("https://", "names no host"),
        ("https://my host", "names no host"),
        ("https://x:notaport", "not a URL"),
        ("https://[::1", "not a URL"),
    ],
)
def test_what_is_no_workspace_is_refused(text: str, finding: str) -> None:
    with pytest.raises(NotConfigured, match=finding) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)
