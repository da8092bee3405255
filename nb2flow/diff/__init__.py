"""Notebook versions that people can read: compare, merge and patch notebooks.

This room takes bytes or parsed JSON and returns values; it reads no file, starts no process and prints nothing. It
knows the notebook format itself (all versions, however damaged), so that it starts in milliseconds and never depends
on a validating library; `orjson` and `rapidfuzz` are its only foreign imports. Start with `document.reads`, then
`compare.diff`; `edits`, `patching` and `merge` build on the same matching.
"""
