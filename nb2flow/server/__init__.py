"""The Jupyter server extension: what JupyterLab asks for, over HTTP, below `/nb2flow/v1/`.

A shell like the command line: a handler decodes a request, calls `nb2flow.app`, encodes the answer. `api` says what
goes over the wire, `routes` which routes there are; the OpenAPI document and the front end's types are made of these,
and none of them needs Jupyter. Tornado and Jupyter Server are imported by `extension` and the handlers, nowhere else.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Where Jupyter Server finds the extension."""
    from nb2flow.server.extension import Nb2flowExtension

    return [{"module": "nb2flow.server", "app": Nb2flowExtension}]
