"""Notebooks behind addresses: the raw file for the page of a file on GitHub, GitLab or Bitbucket."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.parse
import urllib.request

from nb2flow import __version__
from nb2flow.errors import EnvironmentFault

_LARGEST = 500_000_000
_PART_OF_ADDRESSES = "%/:=&?~#+!$,;'@()*[]"  # the rest (spaces, umlauts) is written as servers want it
_PAGES = (
    (re.compile(r"(https?://github\.com/[^/]+/[^/]+)/blob/"), r"\1/raw/"),
    (re.compile(r"(https?://[^/]+/.+?)/-/blob/"), r"\1/-/raw/"),
    (re.compile(r"(https?://bitbucket\.org/[^/]+/[^/]+)/src/"), r"\1/raw/"),
)


def raw_address(address: str) -> str:
    """Where the file itself is, for the address of a page that shows it."""
    for pattern, replacement in _PAGES:
        address, changed = pattern.subn(replacement, address, count=1)
        if changed:
            break
    return address


def fetch(address: str) -> bytes:
    """The bytes behind an address. Raises `EnvironmentFault` where there are none."""
    if not address.startswith(("http://", "https://")):
        raise EnvironmentFault(f"{address} is no http address")
    headers = {"User-Agent": f"nb2flow/{__version__}"}
    try:
        escaped = urllib.parse.quote(raw_address(address), safe=_PART_OF_ADDRESSES)
        request = urllib.request.Request(escaped, headers=headers)  # noqa: S310 (http only, see above)
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            data: bytes = answer.read(_LARGEST + 1)
    except urllib.error.HTTPError as fault:
        raise EnvironmentFault(f"{address}: the server answers {fault.code} {fault.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as fault:
        raise EnvironmentFault(f"{address} cannot be reached: {getattr(fault, 'reason', fault)}") from None
    if len(data) > _LARGEST:
        raise EnvironmentFault(f"{address} has more than {_LARGEST // 1_000_000} MB")
    if data.lstrip()[:1] == b"<":
        raise EnvironmentFault(
            f"{address} is a web page, no notebook",
            hint="is this the address of the file itself, and may anybody see it?",
        )
    return data
