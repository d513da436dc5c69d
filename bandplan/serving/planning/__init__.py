"""Plan a stack: from its models file and the answers of its workspace to the capacity of every endpoint.

Belongs here: the one order in which a stack is planned (`plan.plan_stack`), and what each command requests (`request`).
Does not belong here: the rules themselves (serving.throughput), requests to a workspace (serving.workspace), resources.
May import: serving.registration and everything below it. Never Pulumi.
"""
