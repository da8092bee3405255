"""A step in a pod: what is put into a store for it, what runs inside, what it leaves there. Knows no cluster.

Whoever starts pods (Jobs, Argo) *stages* a task in the store (`staging`), starts a container with
`nb2flow-step --store URL --task PATH` in it, and *watches* the objects that the step leaves (`watching`). `contract`
holds the values that both sides share; `store` alone knows fsspec; `step` is what runs in the container.
Why it is so: docs/decisions/a-pod-reads-its-task-from-the-store.md.
"""
