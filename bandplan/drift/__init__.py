"""What models.yaml, the state of a stack and its workspace say about the same endpoints, held against one another.

Here: what a state records (`recorded`), the comparison field by field with a verdict each, and the result as text and
as JSON. Pure: nothing is read or written here; a command reads all three sides and hands them over. May import
`serving` (`endpoint` says what counts as a difference) and `wire`; never an engine, Pulumi, or anything that speaks
HTTP.
"""
