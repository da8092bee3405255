"""What keeps a notebook's environment from travelling, each with its place and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from nb2flow.environment.lock import Lack, is_local, is_sound
from nb2flow.environment.model import Install, Installed, Need, Pin, StepNeeds
from nb2flow.environment.model import Place as Where
from nb2flow.errors import Diagnostic, Place, Severity
from nb2flow.notebook.model import Notebook


def of_needs(steps: Sequence[StepNeeds], notebook: Notebook, installed: Installed) -> Iterator[Diagnostic]:
    """Modules that are not installed, and local ones that lie elsewhere; each once, where it is first imported."""
    told: dict[str, tuple[Need, list[str]]] = {}
    for step in steps:
        for need in step.needs:
            earlier = told.get(need.module)
            if earlier is None:
                told[need.module] = (need, [step.step])
                continue
            first = need if earlier[0].optional and not need.optional else earlier[0]
            told[need.module] = (first, [*earlier[1], step.step])
    for need, used in told.values():
        place, where = _place(need.place, notebook), _where(need, used)
        if need.kind == "missing" and need.optional:
            yield Diagnostic(
                "NB502",
                Severity.INFO,
                f"'{need.module}' is not installed; {where} goes on without it",
                place,
                "nothing need be done, unless it should be there",
            )
        elif need.kind == "missing":
            yield Diagnostic(
                "NB501",
                Severity.ERROR,
                f"'{need.module}' is not installed in the kernel's environment; needed by {where}",
                place,
                f"install the package that holds it: {installed.program} -m pip install {_guess(need.module)}; "
                "or put the module beside the notebook",
            )
        elif need.kind == "local" and not need.via and (need.file.startswith(("../", "/")) or _is_absolute(need.file)):
            yield Diagnostic(
                "NB505",
                Severity.WARNING,
                f"the module '{need.module}' lies outside the notebook's folder and does not travel; needed by {where}",
                place,
                "move it below the notebook's folder, or make it a package that can be installed",
            )


def of_installs(
    installs: Sequence[Install], notebook: Notebook, names: Mapping[Install, Sequence[str]], installed: Installed
) -> Iterator[Diagnostic]:
    """Lines that install packages: in a pod, whose file system is read-only, they fail."""
    for one in installs:
        there = [n for n in names[one] if n in installed.distributions]
        lacking = [n for n in names[one] if n not in installed.distributions]
        words = f"{', '.join(there)}: in the lock already" if there else ""
        words += ("; " if there and lacking else "") + (f"{', '.join(lacking)}: not installed" if lacking else "")
        hint = "tag the cell `skip` for pods, where nothing can be installed"
        if lacking:
            hint = f"install it beforehand: {installed.program} -m pip install {' '.join(lacking)}; then {hint}"
        yield Diagnostic(
            "NB508",
            Severity.WARNING,
            f"packages are installed by the notebook itself{' (' + words + ')' if words else ''}",
            _place(one.place, notebook),
            hint,
        )


def of_pins(pins: Sequence[Pin], lacks: Iterable[Lack], installed: Installed) -> Iterator[Diagnostic]:
    """Packages that no index has, and requirements that are not met."""
    for pin in pins:
        if installed.distributions[pin.name].folder or not is_sound(pin):
            yield Diagnostic(
                "NB503",
                Severity.WARNING,
                f"'{pin.name}' is installed from a folder, so no index can give it to others; it is not in the lock",
                hint="install a released version, or put its package beside the notebook",
            )
        elif is_local(pin.version) and not pin.url:
            yield Diagnostic(
                "NB504",
                Severity.INFO,
                f"'{pin.line}' is a version of a private index or a special build",
                hint="let the image's build know the index it came from: PIP_EXTRA_INDEX_URL",
            )
    for lack in lacks:
        there = f", and {lack.version} is installed" if lack.version else ", which is not installed"
        yield Diagnostic(
            "NB507",
            Severity.INFO,
            f"'{lack.by}' requires {lack.requirement}{there}",
            hint="the lock says what is installed; install what is required if a step fails for it",
        )


def of_files(steps: Sequence[StepNeeds]) -> Iterator[Diagnostic]:
    """Files that steps open and that pods will not have."""
    told: dict[str, list[str]] = {}
    for step in steps:
        for file in step.files:
            if not file.travels:
                told.setdefault(file.path, []).append(step.step)
    for path, used in told.items():
        yield Diagnostic(
            "NB506",
            Severity.WARNING,
            f"the file '{path}' does not travel with a run; opened by {', '.join(used)}",
            hint="put it below the notebook's folder (and into the profile's `include`), on a volume, or behind a URL",
        )


def _place(where: Where, notebook: Notebook) -> Place:
    if where.cell is None:
        return Place()
    cell = notebook.cells[where.cell]
    lines = cell.source.splitlines()
    text = lines[where.line - 1] if 1 <= where.line <= len(lines) else None
    return Place(where.cell, cell.id, where.line, text=text)


def _where(need: Need, used: Sequence[str]) -> str:
    steps = ", ".join(dict.fromkeys(used))
    return f"{need.via} (line {need.place.line}; {steps})" if need.via else steps


def _guess(module: str) -> str:
    """The distribution that most likely holds a module that is not here."""
    return _USUAL.get(module.split(".")[0], module.split(".")[0].replace("_", "-"))


def _is_absolute(path: str) -> bool:
    return path[1:3] in (":\\", ":/")


# Names of distributions that differ from the module's, for a hint alone: what is installed is asked, never guessed.
_USUAL = {
    "sklearn": "scikit-learn", "skimage": "scikit-image", "cv2": "opencv-python-headless", "PIL": "pillow",
    "yaml": "pyyaml", "bs4": "beautifulsoup4", "dateutil": "python-dateutil", "dotenv": "python-dotenv",
    "tables": "tables", "Bio": "biopython", "OpenSSL": "pyopenssl", "serial": "pyserial", "git": "gitpython",
    "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient", "attr": "attrs", "jwt": "pyjwt", "fitz": "pymupdf",
    "mpl_toolkits": "matplotlib", "pylab": "matplotlib", "umap": "umap-learn", "imblearn": "imbalanced-learn",
    "osgeo": "gdal", "igraph": "igraph", "community": "python-louvain", "pywt": "pywavelets", "faiss": "faiss-cpu",
    "hydra": "hydra-core", "docx": "python-docx", "pptx": "python-pptx", "zmq": "pyzmq", "magic": "python-magic",
    "rdkit": "rdkit", "sentence_transformers": "sentence-transformers", "pytorch_lightning": "pytorch-lightning",
    "surprise": "scikit-surprise", "Levenshtein": "levenshtein", "slugify": "python-slugify", "ruamel": "ruamel.yaml",
}  # fmt: skip
