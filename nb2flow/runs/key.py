"""The key of a project: what must not be guessed from a digest is digested with it.

Without one, whoever gets hold of results could try likely values of a weak secret until their digest is the one that
was kept. It is made by the first run and stays in the project's `.nb2flow`, for its owner only.
"""

from __future__ import annotations

import os
import secrets

from nb2flow.runs.folders import Home

_BYTES = 32


def project_key(home: Home) -> bytes:
    """32 bytes, the same in each run. Where they cannot be kept, others each time: then digests that were made with
    them are those of no other run."""
    path = home.path / "key"
    new = secrets.token_bytes(_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(new)
    except OSError:
        try:
            found = path.read_bytes()
        except OSError:
            return new
        return found if len(found) == _BYTES else new
    return new
