"""Facts about libraries that no import statement tells: what a method, a text or a module makes them import as well.

They count only where the module is installed: a wrong guess makes a lock longer, a missing one makes a step fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from nb2flow.environment.model import Import, Place

MAGICS: Mapping[str, tuple[str, ...]] = {
    "matplotlib": ("matplotlib",),
    "pylab": ("numpy", "matplotlib"),
}
# Extensions that live in another module than their name says, or in IPython itself.
EXTENSIONS: Mapping[str, str] = {"autoreload": "IPython", "storemagic": "IPython", "sympyprinting": "sympy"}
# What a use implies: of an attribute, or of a call with a text.
_BY_USE: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys([".read_excel", ".to_excel", ".ExcelFile", ".ExcelWriter"], ("openpyxl", "xlrd")),
    **dict.fromkeys(
        [".read_parquet", ".to_parquet", ".read_feather", ".to_feather", ".read_orc", ".to_orc"], ("pyarrow",)
    ),
    **dict.fromkeys([".read_hdf", ".to_hdf", ".HDFStore"], ("tables",)),
    **dict.fromkeys([".read_html"], ("lxml", "html5lib", "bs4")),
    **dict.fromkeys([".read_xml", ".to_xml", "BeautifulSoup(lxml)", "BeautifulSoup(xml)"], ("lxml",)),
    "BeautifulSoup(html5lib)": ("html5lib",),
    ".to_markdown": ("tabulate",),
    ".style": ("jinja2",),
    **dict.fromkeys([".plot", ".hist", ".boxplot"], ("matplotlib",)),
    **dict.fromkeys([".to_xarray"], ("xarray",)),
}
# What importing a module, or all of a library below it, implies.
_BY_MODULE: Mapping[str, tuple[str, ...]] = {
    "pandas": ("numexpr", "bottleneck"),  # used when they are there: results differ in the last bits
    "keras": ("tensorflow",),
    "transformers": ("torch",),
    "plotly": ("nbformat", "numpy"),  # a figure is shown only where nbformat is
    "plotly.express": ("pandas", "numpy"),
    "tqdm.notebook": ("ipywidgets",),
    "tqdm.auto": ("ipywidgets",),
    "dask.array": ("numpy",),
    "dask.dataframe": ("pandas", "pyarrow"),
    "dask.distributed": ("distributed",),
    "xgboost": ("sklearn",),
    "lightgbm": ("sklearn",),
}
_BY_SCHEME: Mapping[str, str] = {
    "s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs",
    "postgresql": "psycopg2", "mysql": "MySQLdb",
}  # fmt: skip
_URL = re.compile(r"([a-z][a-z0-9]*)(?:\+([a-z_][a-z0-9_]*))?://")


def by_text(text: str) -> str:
    """The module that opening what `text` names takes (a file system, a database's driver); nothing if unknown."""
    found = _URL.match(text)
    if found is None:
        return ""
    if found[2] and found[1] in ("postgresql", "mysql", "mariadb", "oracle", "mssql", "sqlite"):
        return found[2]
    return _BY_SCHEME.get(found[1], "")


def implied(imports: Sequence[Import], seen: Mapping[str, Place]) -> Iterator[Import]:
    """The imports that libraries make because of these imports and uses (`.attribute`, `call(text)`)."""
    for use, place in seen.items():
        for module in _BY_USE.get(use, ()):
            yield Import(module, place, how="implied", because=use.lstrip("."))
        if use.startswith("text "):
            yield Import(use[5:], place, how="implied", because="an address")
    for told in imports:
        for name in told.candidates:
            for module in _BY_MODULE.get(name, ()):
                yield Import(module, told.place, how="implied", because=name)
