"""Per resource type and property: name on the wire, and whether a change is made in place, replaces, or is never sent.

The behaviour is that of pulumi-databricks 1.118.0 (terraform-provider-databricks 1.128.0, folders serving, catalog and
permissions), observed on the wire with a recording server. Deliberate differences are in docs/stub-provider.md.

Zero values: an optional 0, false or "" is left out of a request, as the published provider does; so "min 0" and "no
min" are the same here, in the state and in the plan.
"""

from dataclasses import replace

from bandplan.stub.provider.field import Absence, Change, Field, ResourceFields, Shape

CONFIG = "PUT .../config replaces the whole config"
TAGS = "PATCH .../tags adds and removes the tags that differ"
GATEWAY = "PUT .../ai-gateway replaces the whole object; removing the block sends {} (the published provider crashes)"
CREATE_ONLY = "only the create request sets it; there is no update request"
LEFT_OUT = "the published provider plans the update but sends nothing; EndpointReady sends it"
NO_CALL = "no API call changes it, but the published provider plans an update anyway"
LEFT_OUT_FOR_GOOD = "the published provider plans the update but sends nothing, and no other component sends it"
FILLED = "filled by the workspace"
ROUND_TRIP = "filled by the workspace when not set, then sent back with every config update"
SECRET = "never returned by the API"
IDENTITY = "part of the identity of the object"
WORKSPACE = "found by discovery; another workspace cannot hold the same object"
WORKSPACE_IN_PLACE = "found by discovery; the published provider updates here"
ACCESS = "PUT /permissions/... replaces all direct entries"
GRANTED = "PATCH .../permissions/... with the privileges to add and remove"
MODEL = "PATCH /models/{full name}"
NOT_LOCAL = "the local workspace has no such objects"


def values(names: str, reason: str, change: Change = Change.IN_PLACE) -> tuple[Field, ...]:
    """Return a plain value per name; `!` marks a required one, which the API client sends even if zero."""
    return tuple(
        Field(name.rstrip("!"), reason, change, is_required=name[-1] == "!", is_always_sent=name[-1] == "!")
        for name in names.split()
    )


def block(name: str, reason: str, *fields: Field, absence: Absence = Absence.REMOVES) -> Field:
    return Field(name, reason, shape=Shape.BLOCK, fields=fields, absence=absence)


def rows(name: str, reason: str, *fields: Field, keys: tuple[str, ...] = ()) -> Field:
    return Field(name, reason, shape=Shape.LIST, fields=fields, keys=keys)


def secrets(names: str) -> tuple[Field, ...]:
    return tuple(replace(field, is_secret=True, is_echoed=False) for field in values(names, SECRET))


def filled(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, ROUND_TRIP, absence=Absence.SERVER_FILLS) for name in names)


def workspace(change: Change, reason: str) -> Field:
    """Return the field for the workspace that holds the resource, filled from discovery and never sent."""
    workspace_id = Field("workspaceId", reason, change, Absence.SERVER_FILLS, is_echoed=False)
    return replace(block("providerConfig", reason, workspace_id, absence=Absence.SERVER_FILLS), is_echoed=False)


NAME = Field("name", CREATE_ONLY, Change.REPLACE, Absence.KEEPS)
SERVING_ENDPOINT_ID = Field("servingEndpointId", FILLED, is_output=True, wire_name="id")
TAG_ROWS = rows("tags", TAGS, *values("key! value", TAGS), keys=("key",))
RATE_LIMIT = values("key principal calls tokens renewalPeriod!", GATEWAY)
NOTIFICATIONS = replace(
    block(
        "emailNotifications",
        LEFT_OUT,
        Field("onUpdateFailures", LEFT_OUT, Change.NEVER_SENT, shape=Shape.LIST, wire_name="on_update_failure"),
        Field("onUpdateSuccesses", LEFT_OUT, Change.NEVER_SENT, shape=Shape.LIST, wire_name="on_update_success"),
    ),
    change=Change.NEVER_SENT,
)
BUDGET_POLICY = Field("budgetPolicyId", LEFT_OUT_FOR_GOOD, Change.NEVER_SENT, is_echoed=False)
WORKLOAD = (
    *values("workloadSize minProvisionedThroughput maxProvisionedThroughput", CONFIG),
    *values("minProvisionedConcurrency maxProvisionedConcurrency provisionedModelUnits burstScalingEnabled", CONFIG),
    *values("instanceProfileArn", CONFIG),
    *filled("name", "workloadType"),
    Field("environmentVars", CONFIG, shape=Shape.MAP),
)
ROUTES = rows("routes", CONFIG, *values("servedEntityName servedModelName trafficPercentage!", CONFIG))
TRAFFIC = block("trafficConfig", ROUND_TRIP, ROUTES, absence=Absence.SERVER_FILLS)


def _entities(name: str, *fields: Field) -> Field:
    """Return the field for served entities or models; their order does not matter, a renamed one counts as the same."""
    return replace(rows(name, CONFIG, *fields, keys=("name",)), pairs_rest=True)


def _guardrails(side: str) -> Field:
    words = tuple(Field(name, GATEWAY, shape=Shape.LIST) for name in ("invalidKeywords", "validTopics"))
    pii = block("pii", GATEWAY, *values("behavior", GATEWAY))
    return block(side, GATEWAY, *words, pii, *values("safety", GATEWAY))


AI_GATEWAY = block(
    "aiGateway",
    GATEWAY,
    block("fallbackConfig", GATEWAY, *values("enabled!", GATEWAY)),
    block("guardrails", GATEWAY, _guardrails("input"), _guardrails("output")),
    block("inferenceTableConfig", GATEWAY, *values("catalogName enabled schemaName tableNamePrefix", GATEWAY)),
    rows("rateLimits", GATEWAY, *RATE_LIMIT),
    block("usageTrackingConfig", GATEWAY, *values("enabled", GATEWAY)),
)

BEDROCK = values("awsAccessKeyId awsRegion! awsSecretAccessKey bedrockProvider!", CONFIG) + values(
    "instanceProfileArn ucServiceCredentialName", CONFIG
)
OPENAI = values(
    "microsoftEntraClientId microsoftEntraClientSecret microsoftEntraTenantId openaiApiBase openaiApiKey openaiApiType "
    "openaiApiVersion openaiDeploymentName openaiOrganization",
    CONFIG,
)
EXTERNAL_MODEL = block(
    "externalModel",
    CONFIG,
    *values("name! provider! task!", CONFIG),
    block("ai21labsConfig", CONFIG, *values("ai21labsApiKey", CONFIG), *secrets("ai21labsApiKeyPlaintext")),
    block("amazonBedrockConfig", CONFIG, *BEDROCK, *secrets("awsAccessKeyIdPlaintext awsSecretAccessKeyPlaintext")),
    block("anthropicConfig", CONFIG, *values("anthropicApiKey", CONFIG), *secrets("anthropicApiKeyPlaintext")),
    block("cohereConfig", CONFIG, *values("cohereApiBase cohereApiKey", CONFIG), *secrets("cohereApiKeyPlaintext")),
    block(
        "customProviderConfig",
        CONFIG,
        *values("customProviderUrl!", CONFIG),
        block("apiKeyAuth", CONFIG, *values("key! value", CONFIG), *secrets("valuePlaintext")),
        block("bearerTokenAuth", CONFIG, *values("token", CONFIG), *secrets("tokenPlaintext")),
    ),
    block(
        "databricksModelServingConfig",
        CONFIG,
        *values("databricksApiToken databricksWorkspaceUrl!", CONFIG),
        *secrets("databricksApiTokenPlaintext"),
    ),
    block(
        "googleCloudVertexAiConfig",
        CONFIG,
        *values("privateKey projectId! region!", CONFIG),
        *secrets("privateKeyPlaintext"),
    ),
    block("openaiConfig", CONFIG, *OPENAI, *secrets("microsoftEntraClientSecretPlaintext openaiApiKeyPlaintext")),
    block("palmConfig", CONFIG, *values("palmApiKey", CONFIG), *secrets("palmApiKeyPlaintext")),
)

TELEMETRY = replace(
    block(
        "telemetryConfig",
        LEFT_OUT_FOR_GOOD,
        Field("enabledTelemetryFeatures", LEFT_OUT_FOR_GOOD, Change.NEVER_SENT, shape=Shape.LIST),
        block("inferenceTableConfig", LEFT_OUT_FOR_GOOD, *values("name samplingFraction", LEFT_OUT_FOR_GOOD)),
        block(
            "tableNames",
            LEFT_OUT_FOR_GOOD,
            *values("annotationsTable logsTable metricsTable tracesTable", LEFT_OUT_FOR_GOOD),
        ),
        *values("telemetryProfileId", LEFT_OUT_FOR_GOOD),
    ),
    change=Change.NEVER_SENT,
)

MODEL_SERVING = ResourceFields(
    "databricks:index/modelServing:ModelServing",
    (
        NAME,
        block(
            "config",
            "depends on its properties; removing the whole block does nothing",
            _entities(
                "servedEntities",
                *WORKLOAD,
                *values("entityName entityVersion scaleToZeroEnabled", CONFIG),
                EXTERNAL_MODEL,
            ),
            _entities(
                "servedModels",
                *WORKLOAD,
                *values("modelName! modelVersion!", CONFIG),
                Field("scaleToZeroEnabled", CONFIG, is_always_sent=True, default=True),
            ),
            TRAFFIC,
            block(
                "autoCaptureConfig",
                CONFIG,
                *values("catalogName schemaName", "payload tables cannot be moved", Change.REPLACE),
                Field("tableNamePrefix", ROUND_TRIP, Change.REPLACE, Absence.SERVER_FILLS),
                *filled("enabled"),
            ),
            absence=Absence.KEEPS,
        ),
        TAG_ROWS,
        AI_GATEWAY,
        Field("routeOptimized", CREATE_ONLY, Change.REPLACE),
        Field("description", NO_CALL, Change.NEVER_SENT),
        NOTIFICATIONS,
        replace(
            rows("rateLimits", LEFT_OUT, *values("calls! key renewalPeriod!", LEFT_OUT)),
            change=Change.NEVER_SENT,
            is_echoed=False,
        ),
        BUDGET_POLICY,
        TELEMETRY,
        workspace(Change.REPLACE, WORKSPACE),
        SERVING_ENDPOINT_ID,
        Field("endpointUrl", FILLED, is_output=True),
    ),
    named=True,
)

PROVISIONED_THROUGHPUT = ResourceFields(
    "databricks:index/modelServingProvisionedThroughput:ModelServingProvisionedThroughput",
    (
        NAME,
        replace(
            block(
                "config",
                CONFIG,
                _entities(
                    "servedEntities",
                    *values("entityName! entityVersion! provisionedModelUnits! burstScalingEnabled", CONFIG),
                    *filled("name"),
                ),
                TRAFFIC,
            ),
            is_required=True,
        ),
        TAG_ROWS,
        AI_GATEWAY,
        NOTIFICATIONS,
        BUDGET_POLICY,
        workspace(Change.REPLACE, WORKSPACE),
        SERVING_ENDPOINT_ID,
    ),
    named=True,
)

LOCAL_OBJECT_IDS = ("servingEndpointId", "registeredModelId")
OTHER_OBJECT_IDS = (
    "alertV2Id appName authorization clusterId clusterPolicyId dashboardId databaseInstanceName databaseProjectName "
    "directoryId directoryPath experimentId instancePoolId jobId knowledgeAssistantId notebookId notebookPath "
    "pipelineId repoId repoPath sqlAlertId sqlDashboardId sqlEndpointId sqlQueryId supervisorAgentId "
    "vectorSearchEndpointId workspaceFileId workspaceFilePath"
)
PERMISSIONS = ResourceFields(
    "databricks:index/permissions:Permissions",
    (
        replace(
            rows(
                "accessControls",
                ACCESS,
                *(replace(f, ignores_case=True) for f in values("userName servicePrincipalName", ACCESS)),
                *values("groupName permissionLevel", ACCESS),
                keys=("userName", "groupName", "servicePrincipalName"),
            ),
            is_required=True,
        ),
        *values(" ".join(LOCAL_OBJECT_IDS), IDENTITY, Change.REPLACE),
        *(replace(field, is_supported=False) for field in values(OTHER_OBJECT_IDS, NOT_LOCAL, Change.REPLACE)),
        Field("objectType", FILLED, absence=Absence.SERVER_FILLS),
        workspace(Change.REPLACE, WORKSPACE),
    ),
    one_of=LOCAL_OBJECT_IDS,
)

SECURABLES = ("model", "function", "schema", "catalog")
OTHER_SECURABLES = (
    "credential externalLocation foreignConnection mcpService metastore modelProviderService modelService pipeline "
    "recipient secret share storageCredential table volume"
)
PRIVILEGES = Field("privileges", GRANTED, shape=Shape.LIST, is_required=True, ignores_order=True, ignores_case=True)
GRANTS = ResourceFields(
    "databricks:index/grants:Grants",
    (
        replace(
            rows("grants", GRANTED, *values("principal!", GRANTED), PRIVILEGES, keys=("principal",)), is_required=True
        ),
        *values(" ".join(SECURABLES), IDENTITY, Change.REPLACE),
        *(replace(field, is_supported=False) for field in values(OTHER_SECURABLES, NOT_LOCAL, Change.REPLACE)),
        workspace(Change.IN_PLACE, WORKSPACE_IN_PLACE),
    ),
    one_of=SECURABLES,
)

REGISTERED_MODEL = ResourceFields(
    "databricks:index/registeredModel:RegisteredModel",
    (
        Field("name", IDENTITY, Change.REPLACE, Absence.KEEPS, ignores_case=True),
        Field("catalogName", IDENTITY, Change.REPLACE, is_required=True, ignores_case=True),
        Field("schemaName", IDENTITY, Change.REPLACE, is_required=True, ignores_case=True),
        Field("storageLocation", IDENTITY, Change.REPLACE, Absence.SERVER_FILLS),
        Field("comment", MODEL),
        Field("owner", MODEL, absence=Absence.SERVER_FILLS),
        *(
            Field(name, FILLED, absence=Absence.SERVER_FILLS)
            for name in ("browseOnly", "createdAt", "createdBy", "fullName", "metastoreId", "updatedAt", "updatedBy")
        ),
        Field(
            "aliases",
            "set through the model registry; a read without include_aliases does not return them",
            Change.NEVER_SENT,
            Absence.KEEPS,
            Shape.LIST,
            values("aliasName catalogName id modelName schemaName versionNum", FILLED),
            is_echoed=False,
        ),
        workspace(Change.IN_PLACE, WORKSPACE_IN_PLACE),
    ),
    named=True,
)

RESOURCES = {
    resource.token: resource
    for resource in (MODEL_SERVING, PROVISIONED_THROUGHPUT, PERMISSIONS, GRANTS, REGISTERED_MODEL)
}
