"""`python -m stub.provider <engine address>`: what `pulumi-resource-databricks` of the local stack runs."""

import sys

from plugin.server import serve
from stub.provider.databricks import DatabricksProvider

# The version that the plugin reports; the behaviour is that of this release of the published provider.
VERSION = "1.118.0"

if __name__ == "__main__":
    serve(DatabricksProvider(), VERSION, sys.argv[1:])
