"""Use cases: what a person can ask of nb2flow, as functions that take plain arguments and return values.

Nothing here prints, parses arguments or knows a terminal; the command line, the Jupyter server and tests call the same
functions. This room wires the others together (reading, analysis, plan, engine, store) and owns no algorithm of its own
but the comparison that `verify` rests on.
"""
