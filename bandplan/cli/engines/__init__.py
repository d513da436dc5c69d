"""The engines that execute a command: the `pulumi` CLI as a child process, or the embedded engine in this process.

Here: starting an engine with the right state, plugins and environment. Not here: planning, display. May import
`bandplan.cli.project`, `bandplan.cli.errors`, and inside functions `embedded`, `plugin`, `provider` and
`bandplan.stub.provider`.
"""
