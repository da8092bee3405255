"""Executors run steps: each one hides a place (this machine, later a cluster) behind the ports of `nb2flow.engine`.

What may live here: processes, kernels, papermill. What must not: the run store and the plan's meaning; an executor
gets a `StepTask` and reports what happened. Heavy libraries are imported in the worker processes only.
"""
