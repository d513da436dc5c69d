"""Which engine answers for a served entity, with which weights, and why others were passed over.

Belongs here: settings as people write them, what this machine has, the choice, the one place that makes engines, and
the engines that run. Does not belong here: what an engine does.
"""
