"""What changed, shown: words, a text for terminals, one HTML page, our JSON, and the text form that git diffs.

Values in, text out. Every form says the same things in the same words, which live in `words`; none of them compares
anything that `NotebookDiff` does not hold, but for lines and words inside texts.
"""
