"""URNs as they are written are read again."""

import pytest

from bandplan.wire.urn import Urn, name_of, parse_urn, type_of, write_urn

PARENT, OWN = "bandplan:index:Fleet", "bandplan:index:Endpoint"


@pytest.mark.parametrize("name", ["support-chat", "a::b", "ml.chat.tuned@champion", "x$y"])
@pytest.mark.parametrize("types", [(OWN,), (PARENT, OWN)])
def test_what_is_written_is_read(types: tuple[str, ...], name: str) -> None:
    urn = write_urn("dev", "fleet", types, name)

    assert parse_urn(urn) == Urn("dev", "fleet", OWN, name)
    assert (type_of(urn), name_of(urn)) == (OWN, name)


def test_the_written_form_is_that_of_pulumi() -> None:
    # pulumi.com/docs, "Resource names", urns (read 2026-11): urn:pulumi:stack::project::parent$type::name
    assert write_urn("dev", "fleet", (PARENT, OWN), "chat") == (
        "urn:pulumi:dev::fleet::bandplan:index:Fleet$bandplan:index:Endpoint::chat"
    )


@pytest.mark.parametrize("text", ["", "urn:pulumi:dev::fleet::type", "dev::fleet::type::name"])
def test_what_is_no_urn_is_none(text: str) -> None:
    assert parse_urn(text) is None
