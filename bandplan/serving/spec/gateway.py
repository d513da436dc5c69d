"""AI gateway settings, with the names of the Serving endpoints API."""

from typing import Annotated, Literal

from pydantic import Field

from bandplan.serving.spec.shape import CatalogName, Flag, IfGiven, Shape, Text, Whole


class Enabled(Shape):
    """A feature that is on or off."""

    enabled: Flag = Field(description="Whether it is on.", examples=[True])


class Pii(Shape):
    """How to treat personal data."""

    behavior: Literal["NONE", "BLOCK", "MASK"] = Field(description="How to treat personal data.", examples=["MASK"])


class GuardrailSide(Shape):
    """Guardrails for requests or for responses."""

    pii: IfGiven[Pii] = Field(default=None, description="Treatment of personal data.", examples=[{"behavior": "MASK"}])
    safety: IfGiven[Flag] = Field(default=None, description="Whether unsafe content is blocked.", examples=[True])
    invalid_keywords: IfGiven[tuple[Text, ...]] = Field(
        default=None, description="Words that block a request.", examples=[["secret"]]
    )
    valid_topics: IfGiven[tuple[Text, ...]] = Field(
        default=None, description="The only topics allowed.", examples=[["cooking"]]
    )


class Guardrails(Shape):
    """Guardrails of an endpoint."""

    input: IfGiven[GuardrailSide] = Field(
        default=None, description="Guardrails for requests.", examples=[{"safety": True}]
    )
    output: IfGiven[GuardrailSide] = Field(
        default=None, description="Guardrails for responses.", examples=[{"safety": True}]
    )


class InferenceTable(Shape):
    """The Unity Catalog table that requests and responses are logged to."""

    enabled: Flag = Field(description="Whether it is on.", examples=[True])
    catalog_name: IfGiven[CatalogName] = Field(default=None, description="Catalog of the table.", examples=["ml"])
    schema_name: IfGiven[CatalogName] = Field(default=None, description="Schema of the table.", examples=["logs"])
    table_name_prefix: IfGiven[CatalogName] = Field(
        default=None, description="Prefix of the table's name.", examples=["chat"]
    )


class GatewayRateLimit(Shape):
    """A limit on calls or tokens per minute."""

    calls: IfGiven[Annotated[Whole, Field(ge=0)]] = Field(default=None, description="Calls per minute.", examples=[100])
    tokens: IfGiven[Annotated[Whole, Field(ge=0)]] = Field(
        default=None, description="Tokens per minute.", examples=[100000]
    )
    key: Literal["user", "endpoint", "user_group", "service_principal"] = Field(
        default="endpoint", description="Scope of the limit: the endpoint, each user, or one principal."
    )
    principal: IfGiven[Text] = Field(
        default=None,
        description="The user, group or service principal that the limit applies to.",
        examples=["analysts"],
    )
    renewal_period: Literal["minute"] = Field(
        default="minute", description="Renewal period; the platform supports only minute."
    )


class AiGateway(Shape):
    """AI gateway of an endpoint."""

    usage_tracking_config: IfGiven[Enabled] = Field(
        default=None, description="Usage tracking in system tables.", examples=[{"enabled": True}]
    )
    inference_table_config: IfGiven[InferenceTable] = Field(
        default=None,
        description="Logging of requests and responses.",
        examples=[{"enabled": True, "catalog_name": "ml", "schema_name": "logs", "table_name_prefix": "chat"}],
    )
    guardrails: IfGiven[Guardrails] = Field(
        default=None,
        description="Restrictions on the content of requests and responses.",
        examples=[{"input": {"safety": True}}],
    )
    rate_limits: IfGiven[tuple[GatewayRateLimit, ...]] = Field(
        default=None, description="Limits per minute.", examples=[[{"calls": 100}]]
    )
    fallback_config: IfGiven[Enabled] = Field(
        default=None, description="Fallback to the other served entities.", examples=[{"enabled": True}]
    )
