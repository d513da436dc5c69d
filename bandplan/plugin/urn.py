"""What a URN says about a resource."""


def resource_type(urn: str) -> str:
    """Return the type token of the resource itself, without the types of its parents that precede it in a URN.

    The SDK's `request.type` keeps them (`Fleet$Endpoint$databricks:index/modelServing:ModelServing`).
    """
    return urn.split("::")[2].rsplit("$", 1)[-1]


def stack_of(urn: str) -> str:
    """Return the name of the stack that the resource is in."""
    return urn.split("::")[0].removeprefix("urn:pulumi:")
