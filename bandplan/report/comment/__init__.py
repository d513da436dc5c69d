"""One comment on a pull request for all stacks, found again and rewritten in place.

Belongs here: what the comment's body holds beside the sections (markers), and the read-merge-write that several jobs
may do at once. Does not belong here: what a section says (`markdown`), how a forge is asked (`bandplan.forge`).
"""
