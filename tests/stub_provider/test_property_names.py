"""The table against the classes of the installed package; the only module that imports it (it takes seconds)."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args

import pulumi_databricks
import pytest

from bandplan.stub.provider.field import Field, Shape
from bandplan.stub.provider.fields import RESOURCES

# What every resource class has besides its properties.
GENERAL = {"id", "urn", "pulumi_resource_name", "pulumi_resource_type"}


def properties_of(cls: type) -> dict[str, Any]:
    """Pulumi name -> annotation of each property of an args or resource class."""
    found = inspect.getmembers(cls, lambda member: isinstance(member, property))
    return {
        getattr(member.fget, "_pulumi_name", name): member.fget.__annotations__.get("return")
        for name, member in found
        if name not in GENERAL or cls.__name__.endswith("Args")
    }


def nested_class(annotation: Any) -> type | None:
    name = re.search(r"'(\w+Args)'", str(annotation))
    return getattr(pulumi_databricks, name[1]) if name else None


def mismatches(fields: tuple[Field, ...], cls: type, place: str) -> Iterator[str]:
    declared = {field.name: field for field in fields if not field.is_output}
    actual = properties_of(cls)
    if set(declared) != set(actual):
        yield f"{place}: {sorted(set(declared) ^ set(actual))}"
    for name in set(declared) & set(actual):
        inner = nested_class(actual[name])
        if (inner is not None) != bool(declared[name].fields) and declared[name].shape is not Shape.MAP:
            yield f"{place}.{name}: object or value"
        elif inner is not None:
            yield from mismatches(declared[name].fields, inner, f"{place}.{name}")
        is_optional = type(None) in get_args(actual[name])
        if is_optional == declared[name].is_required and (place, name) not in STRICTER:
            yield f"{place}.{name}: required or optional"


# The schema leaves these optional, the API needs them.
STRICTER = {("RegisteredModel", "catalogName"), ("RegisteredModel", "schemaName")}


@pytest.mark.parametrize("token", RESOURCES)
def test_inputs_are_those_of_the_package(token: str) -> None:
    name = token.rpartition(":")[2]
    assert list(mismatches(RESOURCES[token].fields, getattr(pulumi_databricks, f"{name}Args"), name)) == []


@pytest.mark.parametrize("token", RESOURCES)
def test_outputs_are_those_of_the_package(token: str) -> None:
    cls = getattr(pulumi_databricks, token.rpartition(":")[2])
    assert {field.name for field in RESOURCES[token].fields} == set(properties_of(cls))
    assert cls.pulumi_resource_type.fget is not None


def test_wire_names_follow_the_rule_or_a_known_exception() -> None:
    exceptions: dict[str, str] = {}

    def collect(fields: tuple[Field, ...]) -> None:
        for field in fields:
            if field.wire_name:
                exceptions[field.name] = field.wire
            collect(field.fields)

    for resource in RESOURCES.values():
        collect(resource.fields)
    assert exceptions == {
        "servingEndpointId": "id",
        "onUpdateFailures": "on_update_failure",
        "onUpdateSuccesses": "on_update_success",
    }


def test_every_row_has_a_reason() -> None:
    def reasons(fields: tuple[Field, ...]) -> Iterator[str]:
        for field in fields:
            yield field.reason
            yield from reasons(field.fields)

    assert all(reason for resource in RESOURCES.values() for reason in reasons(resource.fields))
