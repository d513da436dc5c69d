"""Serves our Pulumi providers over gRPC, and converts property values.

Belongs here: the gRPC servicer, the errors a provider may raise, conversion between wire values, `PropertyValue` and
plain Python. Does not belong: anything that knows a workspace, a resource type or models.yaml.
May import: the Pulumi SDK (and the gRPC and protobuf packages it depends on), nothing else of ours.
"""
