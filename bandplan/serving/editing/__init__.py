"""Change the text of a YAML file that people keep: comments, order and quotes stay, and nothing else changes.

`edits.edited` puts and removes values by path, `edits.with_entries` adds to a list, `entry_fields.with_fields` writes
fields of one entry where its stack has them. All say why if the text is laid out in a way that cannot be edited. Does
not belong here: what to change (adoption, rollback, sizes).
"""
