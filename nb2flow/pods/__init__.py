"""Pods as values: the contract between a step's pod and whoever watches it, and the specification of that pod. Pure.

Stands below the engines, so that those who start pods (`executors`) and those who only write manifests (`exports`) say
the same: docs/decisions/pods-as-values.md.
"""
