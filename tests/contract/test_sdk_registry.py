"""databricks-sdk (Python): registered models and the grants on them."""

from typing import TYPE_CHECKING

import pytest

from tests.contract.commands import CATALOG, SCHEMA

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def test_grants_take_the_securable_type_in_the_sdks_own_spelling(sdk: "WorkspaceClient", name: str) -> None:
    from databricks.sdk.errors import InvalidParameterValue
    from databricks.sdk.service.catalog import PermissionsChange, Privilege, SecurableType

    model = sdk.registered_models.create(catalog_name=CATALOG, schema_name=SCHEMA, name=name)
    full_name, function = str(model.full_name), SecurableType.FUNCTION.value
    try:
        both = [PermissionsChange(principal="account users", add=[Privilege.EXECUTE], remove=[Privilege.EXECUTE])]
        with pytest.raises(InvalidParameterValue, match="Duplicate privileges to add and delete"):
            sdk.grants.update(function, full_name, changes=both)
        wanted = [PermissionsChange(principal="account users", add=[Privilege.EXECUTE, Privilege.APPLY_TAG])]
        sdk.grants.update(function, full_name, changes=wanted)
        for spelled in (function, function.lower()):
            (held,) = sdk.grants.get(spelled, full_name).privilege_assignments or []
            assert (held.principal, held.privileges) == ("account users", [Privilege.APPLY_TAG, Privilege.EXECUTE])
    finally:
        sdk.registered_models.delete(full_name)
