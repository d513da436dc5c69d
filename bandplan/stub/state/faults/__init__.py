"""Faults to inject: in deployments, in registrations and in requests."""
