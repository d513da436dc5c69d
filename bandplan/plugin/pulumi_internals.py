"""What the plugin room relies on in the Pulumi SDK beyond its public API, checked against the version named here.

- Protobuf messages of the provider protocol, and the options that the SDK's own gRPC channels have.
- Signatures of special values (secret, output, resource reference) and the text that stands for an unknown one.
- A `PropertyValue` has its `value` in its `__dict__`, with secrecy and dependencies as defaults of the class.

`pulumi.provider.experimental`, whose classes a provider is written in, is public; `lean_sdk.py` names modules only.
"""

from typing import Any, Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import proto as proto
from pulumi.runtime import rpc as sdk_rpc
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc as provider_pb2_grpc
from pulumi.runtime.proto import status_pb2 as status_pb2

CHECKED_AGAINST: Final = "3.272.0"

CHANNEL_OPTIONS: Final = _GRPC_CHANNEL_OPTIONS

SIGNATURE: Final = sdk_rpc._special_sig_key
SECRET: Final = sdk_rpc._special_secret_sig
OUTPUT: Final = sdk_rpc._special_output_value_sig
REFERENCE: Final = sdk_rpc._special_resource_sig
UNKNOWN: Final = sdk_rpc.UNKNOWN

_new = object.__new__


def unchecked(value: Any) -> PropertyValue:
    """Return what `PropertyValue(value)` returns, without its checks, which are most of its cost.

    `value` is None, a bool, float or str, `Computed`, a `MappingProxyType` of values by name, or a tuple of values.
    """
    made = _new(PropertyValue)
    made.__dict__["value"] = value  # frozen; secrecy and dependencies are the class's own defaults
    return made
