"""Change the text of a YAML file that people maintain: keep comments, order and quotes, and change nothing else.

`edits.edited` puts and removes values by path, `edits.with_entries` adds to a list, and `entry_fields.with_fields`
writes fields of one entry where its stack has them. Each reports why a text is laid out in a way that cannot be edited.
Does not belong here: what to change (adoption, rollback, sizes).
"""
