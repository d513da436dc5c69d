"""`python -m bandplan.stub.provider <engine address>`: the command behind `pulumi-resource-databricks` of the local
stack.
"""

import sys

from bandplan.plugin.lean_sdk import import_late

# The version that the plugin reports; the behaviour is that of this release of the published provider.
VERSION = "1.118.0"


def main(argv: list[str]) -> None:
    """Serve until the engine stops the process."""
    import_late()
    from bandplan.plugin.server import serve
    from bandplan.stub.provider.databricks import DatabricksProvider

    serve(DatabricksProvider(), VERSION, argv)


if __name__ == "__main__":
    main(sys.argv[1:])
