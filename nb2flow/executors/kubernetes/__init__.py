"""Steps as Jobs of a Kubernetes cluster: nothing is installed there, one Job for each step, the store between.

`manifests` and `words` are pure (what is asked of the cluster; what it answers, in words); `cluster` is the one file
that knows the official client; `following` keeps in memory what is in the cluster; `backend` joins them into a
`StepBackend`. What a pod does is not known here (`executors.pods`).
"""
