"""One module per rule: a pure function of an endpoint or a fleet, and the `RULE` that names it.

Every message has the finding, its arithmetic and the next step. A rule that lacks a number reports that it waits.
"""
