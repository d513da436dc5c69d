"""Property values made without the SDK's checks are those that the SDK makes."""

from types import MappingProxyType
from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue

from bandplan.plugin.values import UNKNOWN, plain, property_value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, PropertyValue.null()),
        (True, PropertyValue(True)),
        (3, PropertyValue(3.0)),
        (2.5, PropertyValue(2.5)),
        ("é", PropertyValue("é")),
        ([1, "x"], PropertyValue([PropertyValue(1.0), PropertyValue("x")])),
        ((), PropertyValue([])),
        ({"a": {"b": None}}, PropertyValue({"a": PropertyValue({"b": PropertyValue.null()})})),
        (MappingProxyType({"a": 1}), PropertyValue({"a": PropertyValue(1.0)})),
    ],
)
def test_value_is_what_the_sdks_own_constructor_makes(value: Any, expected: PropertyValue) -> None:
    made = property_value(value)

    assert made == expected
    assert (type(made.value), made.type) == (type(expected.value), expected.type)
    assert (made.is_secret, made.dependencies) == (False, frozenset())
    assert str(made) == str(expected)


def test_unknown_is_a_computed_value() -> None:
    # The SDK's own comparison of computed values raises.
    made = property_value({"a": UNKNOWN})

    assert type(made.value["a"].value) is type(PropertyValue.computed().value)
    assert plain(made) == {"a": UNKNOWN}


def test_secret_inside_a_plain_value_stays_one() -> None:
    value = property_value({"a": [PropertyValue("x", is_secret=True)]})

    assert value.contains_secret()
    assert plain(value) == {"a": ["x"]}
    assert value.with_secret(True).is_secret and not value.is_secret


def test_value_of_a_type_that_no_property_has_is_refused() -> None:
    with pytest.raises(TypeError):
        property_value({"a": {1, 2}})
