"""`bandplan`, the command line: parse the arguments, hand the work to the other rooms, print the results.

Here: one module per command (`commands/`), one per engine (`engines/`), and what they share: the project's folders, the
workspace of a run, the table of endpoints, the queries. Not here: rules of models.yaml, HTTP, Pulumi resources, the
plan. May import every room except the tests; a module is imported by the command that needs it, never at the top of
`main`, so that `bandplan --help` and `bandplan preview` stay light.
"""
