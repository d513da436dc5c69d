"""Findings for other programs than a terminal: annotations of a GitHub Actions job, and SARIF.

What belongs here: the parts of a finding that such a program needs, and one module per format.
"""
