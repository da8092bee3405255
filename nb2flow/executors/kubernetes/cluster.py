"""The edge to the cluster: requests and answers as plain JSON values, faults in words.

The official client finds the configuration, holds the connections and renews credentials; its generated models are left
aside, since manifests are values here. Requests are throttled so that a run never floods an API server.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from nb2flow.errors import EnvironmentFault

PER_SECOND = 50.0
BURST = 100
_CONNECT, _READ = 10.0, 60.0  # seconds
_WATCH = 50  # seconds after which a watch is begun anew: a connection that died silently is noticed

ARGO = "apis/argoproj.io/v1alpha1"
GROUPS = {"jobs": "apis/batch/v1", "pods": "api/v1", "events": "api/v1", "workflows": ARGO}
_UNCOUNTED = "status unknown for quota"  # of a quota that is so new that nobody has counted what there is
_IN_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")
Value = dict[str, Any]


class ClusterFault(EnvironmentFault):
    """The cluster cannot be used as it should be. `status` is the HTTP status (0: no answer), `body` the server's own
    words; `again`: the same request may do later; `quota`: it will do when there is room."""

    def __init__(self, message: str, *, hint: str = "", status: int = 0, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.body = dict(body or {})
        self.again = status in (0, 401, 408, 429) or status >= 500  # 401: somebody, or something, logs in again
        said = str(self.body.get("message", ""))
        self.quota = status == 403 and ("exceeded quota" in said or _UNCOUNTED in said)


class Cluster:
    """One namespace of one cluster: that of `context` (default: the kubeconfig's current one, or the pod's own)."""

    def __init__(self, context: str = "", namespace: str = "") -> None:
        self._context = context
        self._throttle = _Throttle(PER_SECOND, BURST)
        self._lock = threading.Lock()
        self._client, found = self._load()
        self.namespace = namespace or found or "default"
        self.server = str(self._client.configuration.host)

    def create(self, kind: str, manifest: Mapping[str, Any]) -> Value:
        """Create an object; the server refuses fields that it does not know."""
        return self.request("POST", self._path(kind), {"fieldValidation": "Strict"}, manifest)

    def try_out(self, kind: str, manifest: Mapping[str, Any]) -> None:
        """Have the cluster check an object without creating it: namespace, rights, quota and rules of admission."""
        self.request("POST", self._path(kind), {"dryRun": "All", "fieldValidation": "Strict"}, manifest)

    def get(self, kind: str, name: str) -> Value | None:
        """An object, None when there is none."""
        try:
            return self.request("GET", self._path(kind, name))
        except ClusterFault as fault:
            if fault.status == 404:
                return None
            raise

    def delete(self, kind: str, name: str, *, grace: int | None = None, propagation: str = "Background") -> None:
        """Have an object deleted; no fault when it is gone already."""
        options: Value = {"propagationPolicy": propagation}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self.request("DELETE", self._path(kind, name), {}, options)
        except ClusterFault as fault:
            if fault.status != 404:
                raise

    def patch(self, kind: str, name: str, changes: Mapping[str, Any]) -> None:
        """Change an object: what stands in `changes` takes the place of what was there."""
        self.request("PATCH", self._path(kind, name), {"fieldValidation": "Strict"}, changes)

    def list(self, kind: str, selector: str = "", fields: str = "") -> tuple[list[Value], str]:
        """All objects of a kind and the version of that state."""
        found: list[Value] = []
        query = {"limit": "500"} | ({"labelSelector": selector} if selector else {})
        query |= {"fieldSelector": fields} if fields else {}
        while True:
            answer = self.request("GET", self._path(kind), query)
            found += answer.get("items") or []
            metadata = answer.get("metadata") or {}
            if not metadata.get("continue"):
                return found, str(metadata.get("resourceVersion", ""))
            query = {**query, "continue": metadata["continue"]}

    def watch(self, kind: str, selector: str, version: str) -> Iterator[Value]:
        """What changes after `version`, for a while: `{"type": …, "object": …}`. ClusterFault with status 410 when that
        version is too old."""
        query = {"watch": "1", "labelSelector": selector, "resourceVersion": version}
        query |= {"allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH)}
        answer = self._send("GET", self._path(kind), query, None, _WATCH + 15.0)
        urllib3: Any = import_module("urllib3.exceptions")
        rest = b""
        try:
            for data in answer.stream(1 << 16):
                *lines, rest = (rest + data).split(b"\n")
                for line in filter(None, lines):
                    change: Value = json.loads(line)
                    if change["type"] == "ERROR":
                        status = change["object"]
                        raise in_words(int(status.get("code", 500)), status, "watch", self._path(kind), self.server)
                    yield change
        except (urllib3.HTTPError, ValueError, KeyError, TypeError) as error:  # or what came was no change at all
            raise ClusterFault(f"the watch of {kind} broke off: {error}") from error
        finally:
            answer.close()

    def forward(self, pod: str, port: int) -> socket.socket:
        """A connection to a port of a pod. ClusterFault when it cannot be had."""
        api: Any = import_module("kubernetes.client").CoreV1Api(
            self._load()[0]
        )  # one of its own: it is changed for this
        stream: Any = import_module("kubernetes.stream")
        fault: Any = import_module("kubernetes.client.exceptions").ApiException
        path = f"{self._path('pods', pod)}/portforward"
        try:
            opened = stream.portforward(
                api.connect_get_namespaced_pod_portforward, pod, self.namespace, ports=str(port)
            )
        except fault as error:
            body = _json(error.body if isinstance(error.body, bytes) else str(error.body or "{}").encode())
            raise in_words(int(error.status or 0), body, "create", path, self.server) from error
        made: socket.socket = opened.socket(port)
        made.setblocking(True)
        return made

    def request(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Value:
        """One request. Credentials that have expired are loaded anew, once. ClusterFault when it is refused."""
        answer = self._send(method, path, query or {}, body, _READ)
        try:
            value: Value = json.loads(answer.data or b"{}")
        except ValueError as error:
            said = " ".join(answer.data[:80].decode(errors="replace").split())
            raise ClusterFault(
                f"what answers at {self.server} is no Kubernetes API: {said}…",
                hint="is a proxy, or the page of a login, in between? `kubectl get pods` should work in this terminal",
            ) from error
        return value

    def _send(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None, read: float
    ) -> Any:
        urllib3: Any = import_module("urllib3")
        for fresh in (False, True):
            self._throttle.wait()
            client = self._client
            content = "application/merge-patch+json" if method == "PATCH" else "application/json"
            headers = {"Accept": "application/json", "Content-Type": content, **_authorization(client)}
            try:
                answer = client.rest_client.pool_manager.request(
                    method,
                    f"{self.server}/{path}" + (f"?{urlencode(query)}" if query else ""),
                    body=None if body is None else json.dumps(body).encode(),
                    headers=headers,
                    timeout=urllib3.Timeout(connect=_CONNECT, read=read),
                    preload_content=not query.get("watch"),
                )
            except urllib3.exceptions.HTTPError as error:
                raise _no_answer(self.server, error) from error
            if answer.status != 401 or fresh or not self._reload():
                break
        if answer.status >= 400:
            raise in_words(answer.status, _json(answer.data), _verb(method, query), path, self.server)
        return answer

    def _path(self, kind: str, name: str = "") -> str:
        path = f"{GROUPS[kind]}/namespaces/{quote(self.namespace, safe='')}/{kind}"
        return f"{path}/{quote(name, safe='')}" if name else path

    def _reload(self) -> bool:
        """Load the credentials anew; whether that was possible. A kubeconfig may be half written just now."""
        with self._lock:
            try:
                self._client, _ = self._load()
            except EnvironmentFault:
                return False
        return True

    def _load(self) -> tuple[Any, str]:
        try:
            config: Any = import_module("kubernetes.config")
            client: Any = import_module("kubernetes.client")
        except ImportError as error:
            raise EnvironmentFault(
                f"the engine kubernetes needs a library that is missing: {error}",
                hint='pip install "nb2flow[kubernetes]"',
            ) from error
        configuration = client.Configuration()
        kube_config: Any = import_module("kubernetes.config.kube_config")
        broken: Any = import_module("yaml").YAMLError
        there = any(Path(p).expanduser().is_file() for p in kube_config.KUBE_CONFIG_DEFAULT_LOCATION.split(":") if p)
        try:
            if not there and not self._context and (_IN_POD / "token").is_file():
                config.load_incluster_config(client_configuration=configuration)
                return client.ApiClient(configuration), (_IN_POD / "namespace").read_text().strip()
            config.load_kube_config(context=self._context or None, client_configuration=configuration)
            contexts, active = config.list_kube_config_contexts()
            chosen = next((c for c in contexts if c["name"] == self._context), active)
            return client.ApiClient(configuration), str(chosen["context"].get("namespace", ""))
        except (config.ConfigException, broken, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            where = kube_config.KUBE_CONFIG_DEFAULT_LOCATION
            raise EnvironmentFault(
                f"there is no usable configuration for a cluster ({where}): {' '.join(str(error).split())}",
                hint="set KUBECONFIG, or `context` in the profile; `kubectl get pods` should work in this terminal",
            ) from error


def _authorization(client: Any) -> dict[str, str]:
    """Headers that say who we are; the client's own hooks renew tokens here."""
    settings = client.configuration.auth_settings()
    return {setting["key"]: setting["value"] for setting in settings.values() if setting["in"] == "header"}


def _verb(method: str, query: Mapping[str, str]) -> str:
    if method == "GET":
        return "watch" if query.get("watch") else "read"
    return {"POST": "create", "DELETE": "delete"}.get(method, "change")


def _json(data: bytes | None) -> Value:
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        value = {"message": (data or b"").decode(errors="replace")[:300]}
    return value if isinstance(value, dict) else {}


def _no_answer(server: str, error: BaseException) -> ClusterFault:
    text = str(getattr(error, "reason", error))
    if "certificate" in text.lower():
        return ClusterFault(
            f"the cluster at {server} is not the one that the kubeconfig knows: {text}",
            hint="the kubeconfig is of another cluster, or outdated: get a new one",
        )
    return ClusterFault(
        f"the cluster at {server} cannot be reached: {text}",
        hint="is the kubeconfig right, and the network (VPN) up? `kubectl get pods` should work in this terminal",
    )


def rights_hint(extra: str = "") -> str:
    """How to come by the rights that a run needs, or what is done beside it: `argo`, `hold`."""
    command = "nb2flow cluster manifests" + (f" --{extra}" if extra else "")
    return f"`{command}` prints the least rights, for whoever administers the namespace"


def _room_hint(path: str) -> str:
    if "argoproj.io/" in path:
        return "run it again when there is room; Workflows that are over count for `keep` seconds (set in the profile)"
    return "it starts when there is room; finished Jobs count for `keep` seconds (a setting of the profile)"


def in_words(status: int, body: Mapping[str, Any], verb: str, path: str, server: str) -> ClusterFault:
    """The server's refusal as a fault that says what to do. Pure."""
    said = str(body.get("message") or body.get("reason") or f"status {status}")
    if status == 401:
        return ClusterFault(
            f"the cluster at {server} does not accept your credentials: they are wrong or have expired",
            hint="log in again (`kubectl get pods` should work in this terminal), then `nb2flow resume` goes on",
            status=status,
            body=body,
        )
    details = body.get("details") or {}
    if status == 404 and (details.get("kind") == "namespaces" or "namespaces " in said):
        return ClusterFault(
            f"the namespace does not exist: {said}",
            hint="create it, or correct `namespace` in the profile",
            status=status,
            body=body,
        )
    if status == 403 and "exceeded quota" in said:
        return ClusterFault(
            f"the namespace's quota is used up: {said}",
            hint=_room_hint(path),
            status=status,
            body=body,
        )
    if status == 403 and _UNCOUNTED in said:
        return ClusterFault(
            f"the namespace's quota is new and not counted yet: {said}",
            hint="try it again in a minute",
            status=status,
            body=body,
        )
    if status == 403:
        return ClusterFault(
            f"you have no right to {verb} what a run needs: {said}",
            hint=rights_hint("argo" if "/argoproj.io/" in path else "hold" if path.endswith("/portforward") else ""),
            status=status,
            body=body,
        )
    return ClusterFault(f"the cluster refuses to {verb} {path.rpartition('/')[2]}: {said}", status=status, body=body)


class _Throttle:
    """A bucket of tokens: `burst` at once, `rate` a second."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, float(burst)
        self._left = float(burst)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
            self._left -= 1.0
            pause = -self._left / self._rate
        if pause > 0:
            time.sleep(pause)
