"""Size capacity: turn an entry and its model's optimization info into a sizing or a list of problems.

Belongs here: chunks, bands, model units, headroom, legacy workloads, waivers, rules about models and tasks.
Does not belong here: HTTP, Pulumi, MLflow, clocks; the day is an argument, answers are values.
May import: bandplan.serving.spec.
"""
