"""Token engines, which turn a prompt into tokens and texts into vectors.

Belongs here: the engine protocol, the simulated engine, how tokens are counted.
Does not belong here: wire formats (`bandplan.stub.api`) and what is served where (`bandplan.stub.state`).
May import: the standard library; none of our other packages.
"""
