"""The files of a team's own repository: what `bandplan init` writes, and how `bandplan upgrade` moves them on.

Belongs here: the answers that the files depend on, their templates, the locks with hashes that become a team's
requirements, the record of what was generated, and the decision what a newer version may change. Does not belong here:
asking, writing, package indexes (bandplan/cli/). Pure, standard library only; imports no other room.
"""
