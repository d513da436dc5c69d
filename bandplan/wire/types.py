"""Type tokens of the resources in a stack: ours, those of the `databricks` package, and Pulumi's own.

The `databricks` tokens are those of pulumi-databricks 1.118.0; `tests/components/test_resources.py` compares the
resources that are declared with the installed package.
"""

from typing import Final

STACK: Final = "pulumi:pulumi:Stack"
PROVIDER_PREFIX: Final = "pulumi:providers:"

FLEET: Final = "bandplan:index:Fleet"
ENDPOINT: Final = "bandplan:index:Endpoint"
ENDPOINT_READY: Final = "bandplan:index:EndpointReady"
REGISTERED_VERSIONS: Final = "bandplan:index:RegisteredVersions"
MODEL_VERSION: Final = "bandplan:index:ModelVersion"
MODEL_ALIAS: Final = "bandplan:index:ModelAlias"

MODEL_SERVING: Final = "databricks:index/modelServing:ModelServing"
MODEL_SERVING_PT: Final = "databricks:index/modelServingProvisionedThroughput:ModelServingProvisionedThroughput"
PERMISSIONS: Final = "databricks:index/permissions:Permissions"
REGISTERED_MODEL: Final = "databricks:index/registeredModel:RegisteredModel"
GRANTS: Final = "databricks:index/grants:Grants"

SERVING: Final = (MODEL_SERVING, MODEL_SERVING_PT)
"""The two resource types of a serving endpoint: one for the classic API, one for the `/pt` API."""
