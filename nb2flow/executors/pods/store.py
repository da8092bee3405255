"""The store that pods and we share: a folder, a volume's path or `s3://bucket/prefix`, reached through fsspec.

The only file that knows fsspec. Artifacts are blobs named by the hash of their bytes: written once, and checked
whenever they are read. What goes wrong becomes a `StoreFault` that says what to do.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from nb2flow.errors import EnvironmentFault
from nb2flow.pods.contract import blob_path
from nb2flow.runs.folders import replace_file
from nb2flow.runtime.blob import hash_file

_TRIES = 5
_NO_ANSWER = ("endpointconnectionerror", "connecttimeouterror", "readtimeouterror", "connectionclosederror")
_FIRST_PAUSE = 0.3  # seconds, doubled with each try
_AT_ONCE = 16  # objects under way side by side
_Result = TypeVar("_Result")


class StoreFault(EnvironmentFault):
    """The store cannot be used as it should be. `again`: another try, later, may do."""

    def __init__(self, message: str, *, hint: str = "", again: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.again = again


class Store:
    """Objects by path below `url`."""

    def __init__(self, url: str, environ: Mapping[str, str] | None = None, *, patient: bool = True) -> None:
        self.url = url.rstrip("/")
        self._environ = dict(os.environ if environ is None else environ)
        self._tries = _TRIES if patient else 1
        fsspec: Any = import_module("fsspec.core")
        try:
            options = _options(self.url, self._environ, patient)
            self._fs, root = fsspec.url_to_fs(self.url, **options)
        except ImportError as error:
            raise StoreFault(
                f"the store {self.url} needs a library that is missing: {error}", hint=_extra(url)
            ) from error
        except ValueError as error:
            raise StoreFault(f"the store {self.url} is not understood: {error}", hint="a folder, or s3://…") from error
        if not patient and hasattr(self._fs, "retries"):
            self._fs.retries = 1
        self._root = str(root).rstrip("/")
        self._folder = Path(self._root) if "file" in _protocols(self._fs) else None

    # ---- small objects ----

    def read(self, path: str) -> bytes | None:
        """The object's bytes; None when there is none."""
        try:
            data: bytes = self._do(lambda: self._fs.cat_file(self._at(path)), f"read {path}")
        except FileNotFoundError:
            return None
        return data

    def write(self, path: str, data: bytes) -> None:
        """Put an object there, in place of an older one; a reader sees one of them, whole."""
        if self._folder is None:
            self._do(lambda: self._fs.pipe_file(self._at(path), data), f"write {path}")
            return
        with self._disk_faults(path):
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, data)

    def remove(self, path: str) -> None:
        """Remove an object, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._do(lambda: self._fs.rm_file(self._at(path)), f"remove {path}")

    def listing(self, folder: str) -> dict[str, str]:
        """All objects below a folder, each with what changes when it does (its tag, or size and time)."""
        try:
            found = self._do(lambda: self._fs.find(self._at(folder), detail=True), f"list {folder}")
        except FileNotFoundError:
            return {}
        return {name[len(self._root) + 1 :]: _stamp(info) for name, info in found.items()}

    # ---- blobs ----

    def has(self, digests: Iterable[str]) -> bool:
        """Whether all of these blobs are there."""
        paths = [blob_path(digest) for digest in dict.fromkeys(digests)]
        if self._folder is not None:
            return all((self._folder / path).is_file() for path in paths)
        if len(paths) == 1:
            return self._exists(paths[0])
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return all(pool.map(self._exists, paths))

    def _exists(self, path: str) -> bool:
        return bool(self._do(lambda: self._fs.exists(self._at(path)), f"look for {path}"))

    def put(self, files: Mapping[str, Path]) -> None:
        """Put files there as blobs of these names (their hashes), those left out that are there already."""
        new = {digest: path for digest, path in files.items() if not self.has([digest])}
        if self._folder is not None:
            for digest, path in new.items():
                self._copy_in(path, self._folder / blob_path(digest))
        elif new:
            targets = [self._at(blob_path(digest)) for digest in new]
            sources = [str(path) for path in new.values()]
            self._do(lambda: self._fs.put(sources, targets, batch_size=_AT_ONCE), f"write {len(new)} artifacts")

    def put_bytes(self, data: bytes, scratch: Path) -> str:
        """Put these bytes there as a blob; `scratch` is a folder for the way. Returns the blob's name."""
        passing = scratch / f"put-{os.getpid()}-{id(data)}"
        passing.write_bytes(data)
        try:
            digest = hash_file(passing)
            self.put({digest: passing})
        finally:
            passing.unlink()
        return digest

    def get(self, digests: Iterable[str], folder: Path) -> None:
        """Fetch blobs into a folder laid out as a store, and check each. StoreFault when one is missing or damaged."""
        targets = {digest: folder / blob_path(digest) for digest in dict.fromkeys(digests)}
        targets = {digest: path for digest, path in targets.items() if not path.is_file()}
        for path in targets.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        if not targets:
            return
        passing = {digest: path.with_name(f".{digest}-{secrets.token_hex(8)}") for digest, path in targets.items()}
        sources = [self._at(blob_path(digest)) for digest in targets]
        try:
            self._do(
                lambda: self._fs.get(sources, [str(p) for p in passing.values()], batch_size=_AT_ONCE), "read artifacts"
            )
            for digest, path in passing.items():
                if hash_file(path) != digest:
                    raise StoreFault(
                        f"the artifact {digest[:12]}… in {self.url} is damaged: its bytes have another hash",
                        hint=f"remove {blob_path(digest)} there; the step that made it runs again with --no-cache",
                    )
                path.replace(targets[digest])
        except FileNotFoundError as error:
            raise StoreFault(
                f"an artifact is missing in {self.url}: {error}", hint="run again with --no-cache: it is made anew"
            ) from error
        finally:
            for path in passing.values():
                path.unlink(missing_ok=True)

    # ---- is it there at all? ----

    def examine(self) -> None:
        """Write, read and remove a small object. StoreFault that says what is missing, soon: whoever has just begun is
        still looking, and a wrong address does not get better by waiting."""
        Store(self.url, self._environ, patient=False)._examine()

    def _examine(self) -> None:
        path = f"probe/{os.getpid()}-{time.time_ns()}"
        self.write(path, b"nb2flow")
        if self.read(path) != b"nb2flow":
            raise StoreFault(f"the store {self.url} does not give back what was written into it")
        self.remove(path)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _copy_in(self, source: Path, target: Path) -> None:
        with self._disk_faults(str(target)):
            target.parent.mkdir(parents=True, exist_ok=True)
            # Others may put the same one there just now: threads of ours, and pods, whose processes have few numbers.
            passing = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
            try:
                import shutil

                shutil.copyfile(source, passing)
                passing.replace(target)
            finally:
                passing.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _disk_faults(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _fault(self.url, f"write {path}", error) from error

    def _do(self, call: Callable[[], _Result], what: str) -> _Result:
        """Call, again after a while when that may help. FileNotFoundError passes, all else becomes a StoreFault."""
        pause = _FIRST_PAUSE
        for number in range(self._tries):
            try:
                return call()
            except FileNotFoundError as error:
                if "bucket does not exist" in str(error).lower():
                    raise _fault(self.url, what, error) from error
                raise
            except Exception as error:
                fault = _fault(self.url, what, error)
                if not fault.again or number + 1 == self._tries:
                    raise fault from error
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _options(url: str, environ: Mapping[str, str], patient: bool) -> dict[str, Any]:
    """Options of the file system; for S3 with patience, and with checksums only where a server asks for them (servers
    that are not Amazon's often know no other way)."""
    if not url.startswith(("s3://", "s3a://")):
        return {}
    own = {
        name.removeprefix("NB2FLOW_STORE_"): value for name, value in environ.items() if name[:14] == "NB2FLOW_STORE_"
    }
    config: dict[str, Any] = {
        "retries": {"max_attempts": 8 if patient else 4, "mode": "standard"},
        "connect_timeout": 10 if patient else 5,
        "read_timeout": 60 if patient else 20,
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    options: dict[str, Any] = {"config_kwargs": config, "use_listings_cache": False, "skip_instance_cache": True}
    endpoint = own.get("AWS_ENDPOINT_URL") or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        options["endpoint_url"] = endpoint
    if "AWS_ACCESS_KEY_ID" in own:
        options |= {"key": own["AWS_ACCESS_KEY_ID"], "secret": own.get("AWS_SECRET_ACCESS_KEY", "")}
        if "AWS_SESSION_TOKEN" in own:
            options["token"] = own["AWS_SESSION_TOKEN"]
    region = own.get("AWS_DEFAULT_REGION") or own.get("AWS_REGION")
    if region:
        options["client_kwargs"] = {"region_name": region}
    return options


def _extra(url: str) -> str:
    return 'pip install "nb2flow[s3]"' if url.startswith("s3") else "install the fsspec library for this kind of store"


def _stamp(info: Mapping[str, Any]) -> str:
    return f"{info.get('ETag', '')}/{info.get('size', '')}/{info.get('mtime', info.get('LastModified', ''))}"


def _fault(url: str, what: str, error: BaseException) -> StoreFault:
    """The fault in words. The libraries' messages are kept: they name the bucket, the key and the code."""
    text = f"{type(error).__name__}: {error}"
    low = text.lower()
    if isinstance(error, FileNotFoundError):
        return StoreFault(
            f"the store {url} does not exist: {error}", hint="create the bucket, or correct `store` in the profile"
        )
    if "nocredentials" in low or "unable to locate credentials" in low:
        return StoreFault(
            f"there are no credentials for the store {url}",
            hint="here: the usual AWS variables; in pods: `store_secret` of the profile, or workload identity",
        )
    if "invalidaccesskeyid" in low or "signaturedoesnotmatch" in low or "expiredtoken" in low:
        return StoreFault(f"the store {url} does not accept the credentials: {error}", hint="renew or correct them")
    if isinstance(error, PermissionError) or "accessdenied" in low or "forbidden" in low:
        return StoreFault(
            f"no permission to {what} in the store {url}: {error}",
            hint="what is needed are reading, writing, listing and deleting below the prefix",
        )
    if isinstance(error, OSError) and error.errno in (28, 122):
        return StoreFault(f"the store {url} is full: cannot {what}", hint="make room there; `nb2flow resume` goes on")
    if any(word in low for word in _NO_ANSWER):
        hint = "is it reachable from here, and `store_endpoint` in the profile right?"
        return StoreFault(f"the store {url} does not answer: {error}", hint=hint, again=True)
    return StoreFault(f"cannot {what} in the store {url}: {text}", hint="is it reachable from here?", again=True)
