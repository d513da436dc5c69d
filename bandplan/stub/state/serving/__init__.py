"""Serving endpoints: configuration, rules, transitions, limits and load."""
