"""What the engine sends that the SDK's own conversion cannot read, and the way back."""

import pytest
from google.protobuf import struct_pb2
from pulumi.provider.experimental.property_value import PropertyValue, ResourceReference
from pulumi.runtime import rpc

from bandplan.plugin.values import UNKNOWN, plain, property_values
from bandplan.plugin.wire import from_struct, to_struct


def struct(**fields: object) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(fields)
    return message


def output(**fields: object) -> dict[str, object]:
    return {rpc._special_sig_key: rpc._special_output_value_sig, **fields}


def secret(value: object) -> dict[str, object]:
    return {rpc._special_sig_key: rpc._special_secret_sig, "value": value}


@pytest.mark.parametrize("sentinel", [rpc.UNKNOWN, "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"])
def test_unknown_sentinel_is_read_as_unknown(sentinel: str) -> None:
    assert plain(from_struct(struct(a=sentinel, b=[sentinel]))) == {"a": UNKNOWN, "b": [UNKNOWN]}


def test_output_value_without_value_is_unknown() -> None:
    assert plain(from_struct(struct(a=output()))) == {"a": UNKNOWN}


def test_output_value_without_dependencies_or_secret_flag_is_read() -> None:
    assert plain(from_struct(struct(a=output(value="x")))) == {"a": "x"}


def test_secret_output_value_stays_secret() -> None:
    value = from_struct(struct(a=output(value="x", secret=True, dependencies=["urn"])))["a"]
    assert (value.value, value.is_secret) == ("x", True)


def test_secret_survives_the_way_through() -> None:
    sent = struct(a=secret("x"), b={"c": [secret(1.0)]})
    assert to_struct(from_struct(sent)) == sent


def test_secret_unknown_survives_the_way_through() -> None:
    sent = struct(a=secret(rpc.UNKNOWN))
    value = from_struct(sent)["a"]
    assert value.is_secret
    assert plain(value) is UNKNOWN
    assert to_struct({"a": value}) == sent


def test_resource_reference_survives_the_way_through() -> None:
    sent = struct(
        a={rpc._special_sig_key: rpc._special_resource_sig, "urn": "urn:x", "id": "7", "packageVersion": "1.0.0"}
    )
    values = from_struct(sent)
    assert values["a"].value == ResourceReference("urn:x", PropertyValue("7"), "1.0.0")
    assert to_struct(values) == sent


def test_null_false_zero_and_empty_survive_the_way_through() -> None:
    sent = struct(a=None, b=False, c=0.0, d="", e=[], f={})
    assert to_struct(from_struct(sent)) == sent


def test_properties_that_are_not_given_are_an_empty_struct() -> None:
    assert to_struct(None) == struct_pb2.Struct()


def test_integral_numbers_become_int_and_others_stay() -> None:
    values = plain(from_struct(struct(a=980.0, b=0.5, c=True)))
    assert values == {"a": 980, "b": 0.5, "c": True}
    assert {name: type(value) for name, value in values.items()} == {"a": int, "b": float, "c": bool}


def test_plain_values_become_property_values_and_back() -> None:
    values = {"a": 980, "b": [1, {"c": UNKNOWN}], "d": None, "e": True, "f": PropertyValue("s", is_secret=True)}
    there = property_values(values)
    assert there["a"].value == 980.0
    assert isinstance(there["a"].value, float)
    assert there["f"].is_secret
    assert plain(there) == {"a": 980, "b": [1, {"c": UNKNOWN}], "d": None, "e": True, "f": "s"}
