"""One comment on a pull request for all stacks, found again and rewritten in place.

Belongs here: what the comment's body holds besides the sections (markers), and the read-merge-write that several jobs
may do concurrently. Does not belong here: the contents of a section (`markdown`), requests to a forge
(`bandplan.forge`).
"""
