"""Right size: a workload and a latency target become the smallest capacity that holds, with its evidence.

Belongs here: the law of a chunk, its fit to a curve, the simulation, the search, the documentation's arithmetic.
Does not belong here: files, YAML, HTTP, clocks, printing; what is known of a model is an argument, answers are values.
May import: the standard library alone. So the rules of throughput can use it at a preview.
"""
