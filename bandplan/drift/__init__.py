"""Compare what models.yaml, a stack's state and its workspace say about the same endpoints.

Here: what a state records (`recorded`), the comparison field by field with a verdict each, and the result as text and
as JSON. Pure: nothing is read or written here; a command reads all three sides and passes them in. May import `serving`
(`endpoint` defines what counts as a difference) and `wire`; never an engine, Pulumi, or anything that speaks HTTP.
"""
