"""Errors a provider raises on purpose.

ProviderError            the operation failed; the message is for the user
└── InitFailed           the resource exists but is not initialised; the engine keeps it in the state
"""

from pulumi.provider.experimental.property_value import PropertyValue


class ProviderError(Exception):
    """An expected failure; the message is shown to the user unchanged, without a traceback."""


class InitFailed(ProviderError):
    """A resource was created or updated but did not become usable.

    The engine keeps it in the state with `reasons` as its init errors, and the next `up` updates it. `properties` is
    the state to keep; `inputs` replaces the inputs in the state if a read raises this.
    """

    def __init__(
        self,
        resource_id: str,
        properties: dict[str, PropertyValue],
        reasons: list[str],
        inputs: dict[str, PropertyValue] | None = None,
    ) -> None:
        super().__init__("; ".join(reasons))
        self.resource_id = resource_id
        self.properties = properties
        self.inputs = inputs
        self.reasons = reasons
