"""`bandplan`, the command line: reads arguments, hands the work to the other rooms, prints what comes back.

Here: one module per command (`commands/`), one per engine (`engines/`), and what they share: the project's folders, the
workspace a run speaks to, the table of endpoints, the queries. Not here: rules of models.yaml, HTTP, Pulumi resources,
the plan. May import every room but the tests; modules are imported by the command that needs them, never at the top of
`main`, so that `bandplan --help` and `bandplan preview` stay light.
"""
