"""The papermill engine called `nb2flow`: what `papermill.execute_notebook(engine_name="nb2flow")` finds.

`import papermill` loads this module for everybody who has nb2flow installed, so it imports nothing: the work is in
`nb2flow.executors.notebook_engine`, imported when a notebook is executed. The class therefore does not inherit from
papermill's `Engine` (papermill is only half imported when it asks for us); it offers the three methods papermill calls.
"""

from __future__ import annotations

from typing import Any


class Nb2flowEngine:
    """Executes a notebook as papermill's own engine does, with less waiting and with bounded, atomically saved output.

    Usable on its own: `papermill --engine nb2flow in.ipynb out.ipynb`.
    """

    @classmethod
    def execute_notebook(cls, nb: Any, kernel_name: str, output_path: str | None = None, **options: Any) -> Any:
        """Execute `nb` (a notebook node, changed in place) with the kernel `kernel_name`; returns it.

        `options` are papermill's; `nb2flow_session` (a `Session` of notebook_engine) carries ours.
        """
        from nb2flow.executors import notebook_engine

        return notebook_engine.execute(nb, kernel_name, output_path, **options)

    @classmethod
    def nb_kernel_name(cls, nb: Any, name: str | None = None) -> str:
        """The kernel's name: `name`, else what the notebook's metadata says. ValueError when neither says."""
        kernel = name or nb.metadata.get("kernelspec", {}).get("name")
        if not kernel:
            raise ValueError("No kernel name found in notebook and no override provided.")
        return str(kernel)

    @classmethod
    def nb_language(cls, nb: Any, language: str | None = None) -> str:
        """The language: `language`, else what the notebook's metadata says. ValueError when neither says."""
        name = language or nb.metadata.get("language_info", {}).get("name")
        name = name or nb.metadata.get("kernelspec", {}).get("language")
        if not name:
            raise ValueError("No language found in notebook and no override provided.")
        return str(name)
