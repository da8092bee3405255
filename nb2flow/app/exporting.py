"""A notebook's pipeline for somebody else's engine: what its steps need goes into the store, the rest is text."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from nb2flow import engine
from nb2flow.app import remote
from nb2flow.app.analysis import Analysis
from nb2flow.app.compiling import compiled
from nb2flow.app.engines import travelling
from nb2flow.engine import RunRequest
from nb2flow.engine.request import ancestors
from nb2flow.engine.workspace import Workspace
from nb2flow.errors import UsageError
from nb2flow.executors.kubernetes.backend import KubernetesBackend
from nb2flow.executors.pods.profiled import check_profile, stager_of, store_of
from nb2flow.executors.pods.store import Store
from nb2flow.exports import argo, kubernetes
from nb2flow.exports.argo import Kind
from nb2flow.exports.manifest import HEAD, Schedule
from nb2flow.plan.model import CompiledPlan
from nb2flow.pods.contract import ANY_RUN, CREATED, DriverOrder, encode
from nb2flow.profiles import Profile, choose
from nb2flow.runs.events import RunCreated
from nb2flow.runs.events import encode as encode_event
from nb2flow.runs.folders import Home, disk_faults, replace_file
from nb2flow.runs.store import RunStore
from nb2flow.runtime.bundle import runtime_digest, runtime_files


@dataclass(frozen=True, slots=True)
class Exported:
    """The manifest's text, its kind, how many steps it has, the store that holds the rest and what is worth telling."""

    text: str
    kind: str
    steps: int
    store: str
    notes: tuple[str, ...]


def to_argo(
    analysis: Analysis,
    profile_name: str | None = None,
    *,
    kind: Kind = "Workflow",
    schedule: Schedule | None = None,
    upload: bool = True,
) -> Exported:
    """The manifest for Argo; with `upload`, all that it names is in the profile's store when this returns.

    NotebookError when the notebook has errors, UsageError for a profile or schedule that is none, PlanError for what
    Argo cannot have, EnvironmentFault when the store cannot be used.
    """
    made = compiled(analysis)
    profile = choose(analysis.settings.profiles, profile_name or analysis.settings.profile or None)
    check_profile(profile)
    if schedule is not None:
        _check_timezone(schedule.timezone)
    argo.workflow(made.plan, profile, "", kind=kind, schedule=schedule)  # refused before anything is sent
    with tempfile.TemporaryDirectory(prefix="nb2flow-export-") as scratch:
        store = store_of(profile) if upload else Store(f"{scratch}/store")
        if upload:
            store.examine()
        tasks = _stage(analysis, made, profile, store, Path(scratch))
    manifest = argo.workflow(made.plan, profile, tasks, kind=kind, schedule=schedule)
    text = argo.text(manifest)
    return Exported(text, manifest["kind"], len(made.plan.steps), profile.store, argo.left_out(made.plan))


def to_kubernetes(
    analysis: Analysis, profile_name: str | None = None, *, schedule: Schedule | None = None, upload: bool = True
) -> Exported:
    """The manifest of a Job, or CronJob, that drives a run of its own each time. As `to_argo` for the rest."""
    made = compiled(analysis)
    profile = choose(analysis.settings.profiles, profile_name or analysis.settings.profile or None)
    check_profile(profile)
    if schedule is not None:
        _check_timezone(schedule.timezone)
    kubernetes.manifest(made.plan, profile, "", schedule=schedule)  # refused before anything is sent
    with tempfile.TemporaryDirectory(prefix="nb2flow-export-") as scratch:
        store = store_of(profile) if upload else Store(f"{scratch}/store")
        if upload:
            store.examine()
        order = _stage_order(analysis, made, profile, store, Path(scratch))
    manifest = kubernetes.manifest(made.plan, profile, order, schedule=schedule)
    return Exported(kubernetes.text(manifest), manifest["kind"], len(made.plan.steps), profile.store, ())


def write(text: str, path: Path) -> None:
    """Write a manifest into a file, in place of an older one. UsageError, EnvironmentFault."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"name a file: -o {path / 'workflow.yaml'}")
    with disk_faults(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(f"there is no time zone '{name}'", hint="such as Europe/Berlin, or UTC") from error


def _stage(analysis: Analysis, made: CompiledPlan, profile: Profile, store: Store, scratch: Path) -> str:
    """Put the steps' tasks and all that they name into the store; returns the folder of the tasks, named by content."""
    request = _request(analysis, made, scratch / "home")
    space = Workspace(request)
    space.home.create()
    space.folder.create()
    space.lay_out(made)
    stager = stager_of(profile, store, _travelling(analysis, profile))
    tasks = [space.task(step, 1, "", ancestors(made.plan, step.name)) for step in made.plan.steps]
    try:
        return stager.stage_plan(made.plan, tasks)
    finally:
        stager.close()


def _stage_order(analysis: Analysis, made: CompiledPlan, profile: Profile, store: Store, scratch: Path) -> str:
    """Put what a driver needs for a run into the store, and its order, named by content; returns the order's path."""
    home = Home(scratch / "home")
    backend = KubernetesBackend(profile, {})
    try:
        with RunStore(home.path) as kept:
            engine.begin(_request(analysis, made, home.path), backend, kept)
            (created,) = (event for _, event in kept.events(ANY_RUN) if isinstance(event, RunCreated))
    finally:
        backend.close()
    # As it would be on any machine, at any time.
    created = msgspec.structs.replace(created, notebook=analysis.path.name, at=0.0, versions={}, profile=profile.name)
    folder = home.run(ANY_RUN)
    (folder.path / CREATED).write_bytes(encode_event(created))
    sent = {path for path in folder.path.rglob("*") if path.is_file() and path != folder.lock}
    order = DriverOrder(
        run_id=ANY_RUN,
        profile=replace(profile, context=""),
        notebook=analysis.path.name,
        files=remote.sent(store, _travelling(analysis, profile)),
        kept=remote.sent(store, {path.relative_to(home.path).as_posix(): path for path in sorted(sent)}),
        jobs=profile.jobs,
        output_limit=analysis.settings.output_limit,
    )
    data = encode(order)
    path = f"plans/{hashlib.blake2b(data, digest_size=16).hexdigest()}/order.json"
    store.write(path, data)
    return path


def _request(analysis: Analysis, made: CompiledPlan, home: Path) -> RunRequest:
    return RunRequest(
        run_id=ANY_RUN,
        compiled=made,
        notebook=analysis.path.resolve(),
        home=home,
        kernel=analysis.notebook.kernel,
        runtime=runtime_files(),
        runtime_digest=runtime_digest(),
        environ={},
        jobs=1,
        output_limit=analysis.settings.output_limit,
    )


def _travelling(analysis: Analysis, profile: Profile) -> dict[str, Path]:
    found = travelling(analysis.path.resolve().parent, profile)
    return {name: path for name, path in found.items() if not _is_manifest(path)}


def _is_manifest(path: Path) -> bool:
    """A manifest of an earlier conversion: were it sent along, a conversion would change the next one."""
    if path.suffix not in (".yaml", ".yml"):
        return False
    with path.open("rb") as file:
        return file.read(len(HEAD)) == HEAD.encode()
