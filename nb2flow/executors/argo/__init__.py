"""A run as a Workflow of Argo, which goes through the plan by itself; we watch, tell and take results over.

`status` is pure (what Argo reports of a Workflow, as what happened to steps); `backend` sends, follows and fetches: a
`StepBackend` with a `Pilot`. Why so: docs/decisions/argo-as-pilot.md.
"""
