"""The process that kernels are forked from: it has imported what every kernel imports, and is none itself.

Run by the interpreter of a kernelspec, in whose environment there is nothing of nb2flow: `python zygote.py FD GIVEN`
needs the standard library (Python 3.9 or newer) and what the kernel needs. GIVEN is a JSON object: its `command` is
what the kernelspec runs (the interpreter, its options, and last the module). On the socket with descriptor FD comes
first what the notebook imports before it does anything else (JSON, after its length), unless `imports` of GIVEN says
so; then other sockets, one for each kernel that is to be. On each of these a request comes (JSON, after its length)
with the file for what the kernel prints, and the kernel's process id and its end are told, a line of JSON each. The
side that asked closes its end to have what is left of the kernel killed; until then its process id stays its own. Both
other ends: `zygotes.py`, `forked.py`.

What a kernel could tell from one that was started by itself is put right in the forked process: environment, folder,
standard streams, signals, session, `sys.argv`. Imported here is what ipykernel imports by itself, what the first cell
of a step does, and of the notebook's libraries those that do not show it (`Libraries`). Nothing is forked when
ipykernel has started a thread.
"""

from __future__ import annotations

import atexit
import builtins
import ctypes
import gc
import importlib
import json
import os
import re
import runpy
import selectors
import signal
import socket
import struct
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

HEADER = struct.Struct("!Q")
_SAFE_PATH = getattr(sys.flags, "safe_path", False)
_KERNEL = "ipykernel.kernelapp"
# What a kernel imports while it starts, one by one: a version that lacks one of these does without it.
_IMPORTED_AT_START = (
    _KERNEL,
    "ipykernel.debugger",
    "ipykernel.comm.manager",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "pdb",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
    "nb2flow_runtime",
)
Request = dict[str, Any]

_shared: set[str] = set()  # modules that kernels have from here


class Libraries:
    """What the notebook imports first of all, imported as a kernel would: once for all kernels."""

    def __init__(self) -> None:
        self.count = 0
        self._threads_of_numexpr = 0

    def load(self, imports: list[tuple[str, list[str]]]) -> bool:
        """Import them up to the first that a kernel had better import itself; `count` are before that.

        False when this was seen too late and the process must not go on: it wrote something, it left a thread that a
        forked process would lack, it failed.
        """
        if not imports or _has_start_up_of_its_own():
            return True
        usual, shell = os.environ.get("MPLBACKEND"), getattr(builtins, "get_ipython", None)
        os.environ["MPLBACKEND"] = usual or _INLINE
        builtins.get_ipython = _Shell  # type: ignore[attr-defined]  # pandas asks whether it is in a kernel
        with tempfile.TemporaryFile() as written, _all_output_to(written.fileno()):
            for module, names in imports:
                if not _is_installed(module.partition(".")[0]):
                    break
                if not self._import(module, names) or os.fstat(written.fileno()).st_size:
                    return False
                self.count += 1
        if shell is None:
            del builtins.get_ipython  # type: ignore[attr-defined]
        if usual is None:
            del os.environ["MPLBACKEND"]
        return True

    def _import(self, module: str, names: list[str]) -> bool:
        """Whether that left nothing that a kernel could notice."""
        try:
            __import__(module, {"__name__": "__main__"}, None, names)
        except Exception:  # noqa: BLE001 - the kernel will show it
            return False
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        return _DRAWS not in sys.modules and self._leaves_no_thread()

    def _leaves_no_thread(self) -> bool:
        """Whether what was imported has only threads that it starts anew in a forked process."""
        numexpr: Any = sys.modules.get("numexpr")
        if numexpr is not None and hasattr(numexpr, "set_num_threads"):
            self._threads_of_numexpr = max(self._threads_of_numexpr, numexpr.set_num_threads(1))
        if len(_threads()) > 1:
            process = _fork()  # before which OpenBLAS ends its threads
            if process == 0:
                os._exit(0)
            os.waitpid(process, 0)
        return len(_threads() - _MAY_BE_GONE) <= 1

    def settle(self) -> None:
        """In the forked process: what must not be the same in all of them."""
        random: Any = sys.modules.get("numpy.random")
        if random is not None:
            random.seed()
        if self._threads_of_numexpr > 1:
            sys.modules["numexpr"].set_num_threads(self._threads_of_numexpr)


class _Shell:
    """Stands for IPython's shell while libraries are imported that want to know whether they are in a kernel."""

    kernel = None


_INLINE = "module://matplotlib_inline.backend_inline"  # ipykernel says so when it starts
_DRAWS = "matplotlib_inline.backend_inline"  # which asks the shell of the kernel to show figures
_MAY_BE_GONE = frozenset(("jemalloc_bg_thd",))  # gives memory back in the background; jemalloc minds forks


_PACKAGES = re.compile(r"[/\\](site|dist)-packages[/\\]")


def _threads() -> set[str]:
    """The threads of this process, by number and name; the main one is called like others."""
    found = set()
    for number in os.listdir("/proc/self/task"):  # noqa: PTH208
        with suppress(OSError), open(f"/proc/self/task/{number}/comm") as file:  # noqa: PTH123
            name = file.read().strip()
            found.add(name if name in _MAY_BE_GONE else number)
    return found


def _is_installed(package: str) -> bool:
    """Whether a kernel would find this package among the installed ones, and not beside the notebook."""
    finder: Any = importlib.import_module("importlib.machinery").PathFinder
    beside = finder.find_spec(package, [os.getcwd()])  # noqa: PTH109
    if beside is not None and beside.loader is not None:
        return False
    found = finder.find_spec(package)
    return found is not None and _PACKAGES.search(str(found.origin)) is not None


def _has_start_up_of_its_own() -> bool:
    """Whether IPython is told, by a person's or a system's files, to do something before the notebook's first cell."""
    own = os.environ.get("IPYTHONDIR") or os.path.expanduser("~/.ipython")  # noqa: PTH111
    shared = [f"{place}/etc/ipython" for place in (sys.prefix, "/usr/local", "")]
    for folder in (os.path.join(own, "profile_default"), *shared):  # noqa: PTH118
        for name in ("ipython_config", "ipython_kernel_config"):
            if os.path.exists(f"{folder}/{name}.json") or _says_something(f"{folder}/{name}.py"):  # noqa: PTH110
                return True
        with suppress(OSError):
            if any(name.endswith((".py", ".ipy")) for name in os.listdir(f"{folder}/startup")):  # noqa: PTH208
                return True
    return False


def _says_something(path: str) -> bool:
    """Whether a file of settings has more than comments and what IPython writes into a new one."""
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        lines = [line.strip() for line in file]
        return any(line and not line.startswith("#") and line != "c = get_config()" for line in lines)
    return False


class _Stream:
    """What `sys.stdout` or `sys.stderr` is while libraries are imported: a library that keeps it writes to the kernel's
    own later on."""

    encoding = "UTF-8"  # as ipykernel spells it; pandas takes it for its own

    def __init__(self, name: str) -> None:
        self._name = name
        self._before = getattr(sys, name)

    def _now(self) -> Any:
        now = getattr(sys, self._name)
        return self._before if now is self else now

    def write(self, text: str) -> Any:
        """Also for who keeps this method alone."""
        return self._now().write(text)

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._now(), attribute)


@contextmanager
def _all_output_to(descriptor: int) -> Iterator[None]:
    before = sys.stdout, sys.stderr
    kept = [os.dup(output) for output in (1, 2)]
    for output, stream in zip((1, 2), before):
        stream.flush()
        os.dup2(descriptor, output)
    sys.stdout, sys.stderr = _Stream("stdout"), _Stream("stderr")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for output, copy in zip((1, 2), kept):
            os.dup2(copy, output)
            os.close(copy)


def preload() -> None:
    """Import what kernels import. Raises what importing ipykernel raises."""
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # kernels end when we do
    for name in _IMPORTED_AT_START:
        try:
            importlib.import_module(name)
        except Exception:
            if name == _KERNEL:
                raise
    _warm_up()


def _warm_up() -> None:
    """Have IPython compile the regular expressions that it reads cells with."""
    with suppress(Exception):
        transformers: Any = importlib.import_module("IPython.core.inputtransformer2")
        transformers.TransformerManager().transform_cell("x = [1]\n")


class Kernels:
    """The kernels that are wanted and those that run, each with the socket on which it was asked for; all are of one
    `command`. With `refusal` there are to be none, for that reason."""

    def __init__(self, channel: socket.socket, command: list[str], refusal: str) -> None:
        self._channel = channel
        self._command = command
        self._refusal = refusal
        self._selector = selectors.DefaultSelector()
        self._running: dict[socket.socket, int] = {}  # process ids; 0 before it is forked
        self._ended: set[int] = set()  # not waited for: nobody else may get such a number while it may get a signal
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        os.set_blocking(self._reading, False)

    def serve(self) -> tuple[Request, list[int]]:
        """Fork kernels until the other end closes the channel. Returns only in a forked process, what it is to be."""
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._selector.register(self._reading, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                ready = key.fileobj
                if ready is self._channel:
                    self._accept()
                elif ready == self._reading:
                    self._see_who_ended()
                elif isinstance(ready, socket.socket) and ready in self._running:
                    wanted = self._hear(ready)
                    if wanted is not None:
                        return wanted

    def _accept(self) -> None:
        told, descriptors = _received(self._channel, 1)
        if not told:
            for process in filter(None, self._running.values()):
                _kill(process)
            os._exit(0)
        for descriptor in descriptors:
            line = socket.socket(fileno=descriptor)
            self._running[line] = 0
            self._selector.register(line, selectors.EVENT_READ)

    def _hear(self, line: socket.socket) -> tuple[Request, list[int]] | None:
        """What a request asks for, in the forked process; None in this one."""
        header, descriptors = _received(line, HEADER.size)
        size = HEADER.unpack(header)[0] if len(header) == HEADER.size and not self._running[line] else 0
        body = _exactly(line, size)
        if not size or len(body) < size:  # who asked is gone
            self._let_go(line, descriptors)
            return None
        request: Request = json.loads(body)
        refusal = self._refusal or ("it is another kernel" if request["command"] != self._command else "")
        process = -1
        if not refusal:
            try:
                process = _fork()
            except OSError as error:
                refusal = f"no process can be forked: {error.strerror}"
        if process == 0:
            self._leave()
            return request, descriptors
        if refusal:
            _say(line, {"refused": refusal})
            self._let_go(line, descriptors)
            return None
        for descriptor in descriptors:
            os.close(descriptor)
        self._running[line] = process
        _say(line, {"pid": process})
        return None

    def _see_who_ended(self) -> None:
        os.read(self._reading, 4096)
        for line, process in self._running.items():
            if process and process not in self._ended:
                ended = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if ended is not None:
                    self._ended.add(process)
                    status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
                    _say(line, {"status": status})

    def _let_go(self, line: socket.socket, descriptors: Iterable[int] = ()) -> None:
        """Nobody asks for this kernel any more."""
        for descriptor in descriptors:
            os.close(descriptor)
        self._selector.unregister(line)
        process = self._running.pop(line)
        line.close()
        if process:
            _kill(process)
            os.waitpid(process, 0)
            self._ended.discard(process)

    def _leave(self) -> None:
        """In the forked process: have nothing of this one's left."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for line in (self._channel, *self._running):
            line.close()
        os.close(self._reading)
        os.close(self._writing)


def _fork() -> int:
    """Fork, without the warning of Python that there may be threads: it is seen to that there are none that matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return os.fork()


def _received(line: socket.socket, size: int) -> tuple[bytes, list[int]]:
    """Bytes and descriptors; none at the end."""
    try:
        data, descriptors, _, _ = socket.recv_fds(line, size, 1)
    except OSError:
        return b"", []
    return data, descriptors


def _exactly(line: socket.socket, size: int) -> bytes:
    pieces = []
    while size:
        try:
            piece = line.recv(min(size, 1 << 20))
        except OSError:
            piece = b""
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _told_imports(channel: socket.socket) -> list[tuple[str, list[str]]]:
    """What comes first; the process leaves when nothing does: nobody wants it any more."""
    header = _exactly(channel, HEADER.size)
    body = _exactly(channel, HEADER.unpack(header)[0]) if len(header) == HEADER.size else b""
    if not body:
        os._exit(0)
    imports: list[tuple[str, list[str]]] = json.loads(body)
    return imports


def _say(line: socket.socket, what: dict[str, Any]) -> None:
    with suppress(OSError):  # who asked is gone: the end of the line tells
        line.sendall(json.dumps(what).encode() + b"\n")


def _kill(process: int) -> None:
    for send in (os.killpg, os.kill):  # it may not lead its group yet
        with suppress(ProcessLookupError, PermissionError):
            send(process, signal.SIGKILL)


def be_kernel(request: Request, descriptors: list[int], imported: dict[str, str | None]) -> None:
    """In the forked process: become what was asked for, as far as that is not the kernel's own work."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reading, writing = os.pipe()  # of which nothing can be read
    os.dup2(reading, 0)
    for output in (1, 2):
        if descriptors:
            os.dup2(descriptors[0], output)
    for descriptor in (reading, writing, *descriptors):
        os.close(descriptor)
    environ = {**request["env"], "JPY_PARENT_PID": os.environ["JPY_PARENT_PID"], **imported}
    os.environ.clear()
    os.environ.update((name, value) for name, value in environ.items() if value is not None)
    os.chdir(request["cwd"])
    for folder in [f for f in sys.path_importer_cache if not f.startswith((sys.prefix, sys.base_prefix))]:
        del sys.path_importer_cache[folder]  # what was seen there may be older than the kernel
    if not _SAFE_PATH:
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as `-m` does; the launcher takes it away
    *python, module = request["command"]
    sys.argv[1:] = request["arguments"]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = [*python, "-m", module, *request["arguments"]]
    _shared.update(sys.modules.keys() - {"__main__", "builtins", "sys"})


def _leave_alone(modules: Iterable[str]) -> None:
    """At the very end, leave the modules that were there before the fork as they are: taking these apart would write to
    all pages of memory that are shared with other kernels, which takes as long as a start."""
    kept = [sys.modules.pop(name) for name in modules if name in sys.modules]
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))


def serve() -> tuple[Any, Any]:
    """Serve on the socket that the command line names. Returns, in a forked process, the code that it is to run and the
    specification of its module."""
    channel, given = socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2])
    command, at_first = given["command"], dict(os.environ)
    if not _SAFE_PATH:
        del sys.path[0]  # this file's folder
    atexit.register(_leave_alone, _shared)  # the first: so it runs last
    libraries = Libraries()
    before, refusal = at_first, ""
    try:
        preload()
        before = {**at_first, "JPY_PARENT_PID": os.environ["JPY_PARENT_PID"]}
    except Exception as error:  # noqa: BLE001 - whatever it is, kernels can still be started one by one
        refusal = f"ipykernel cannot be imported ({type(error).__name__}: {error})"
    imports = given["imports"] if "imports" in given else _told_imports(channel)
    if not refusal and len(_threads()) > 1:
        refusal = "importing ipykernel starts threads in this environment"
    elif not refusal and not libraries.load(imports):
        rest = json.dumps({**given, "imports": imports[: libraries.count]})
        os.execvpe(command[0], [*command[:-1], sys.argv[0], sys.argv[1], rest], at_first)  # noqa: S606
    gc.collect()
    gc.freeze()  # what is here is not looked through again, in no kernel
    after = dict(os.environ)
    changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
    request, descriptors = Kernels(channel, command, refusal).serve()
    be_kernel(request, descriptors, {name: after.get(name) for name in changed})
    libraries.settle()
    details: Any = runpy
    _, specification, code = details._get_module_details(command[-1])
    sys.argv[0] = specification.origin
    return code, specification


if __name__ == "__main__":
    # what `python -m` does, from the same depth of calls: how deep a function may call itself can be seen
    _code, _specification = serve()
    runpy._run_code(_code, globals(), None, "__main__", _specification)  # type: ignore[attr-defined]
