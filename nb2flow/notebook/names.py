"""Names: step names that Kubernetes and file systems accept, and what a mistyped word was probably meant to be.

Pure text in, text out; nothing here knows what a notebook is. A step name is a DNS label (RFC 1123: lower-case
letters, digits and `-`, at most 63 characters) because it becomes the name of files, Jobs and Argo tasks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable

LABEL_LIMIT = 63
TITLE_LIMIT = 40

_NUMBERING = re.compile(r"^\s*(?:\(?[0-9]+(?:[.\-][0-9]+)*[.):]?|[ivxIVX]+[.)]|[A-Za-z][.)])\s+(?=\S)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_TAG = re.compile(r"<[^>]*>")
_MARKUP = re.compile(r"[*`~$\\]+|(?<!\w)_+|_+(?!\w)")


def dns_label(text: str, limit: int = LABEL_LIMIT) -> str:
    """The nearest DNS label to `text`: accents dropped, lower case, anything else becomes one `-`; may be empty."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    label = re.sub(r"[^a-z0-9]+", "-", ascii_text.replace("'", "")).strip("-")
    return cut(label, limit)


def cut(label: str, limit: int) -> str:
    """`label` in at most `limit` characters, cut between words when that keeps at least half of it."""
    if len(label) <= limit:
        return label
    short = label[:limit]
    if label[limit] != "-" and "-" in short[limit // 2 :]:
        short = short[: short.rindex("-")]
    return short.strip("-")


def plain_title(text: str) -> str:
    """A heading's words without Markdown or HTML marks, on one line."""
    text = _LINK.sub(r"\1", text)
    text = _TAG.sub(" ", text)
    text = _MARKUP.sub("", text)
    return " ".join(text.split())


def title_label(title: str) -> str:
    """The step name for a section's title: numbering such as `2.1` dropped, at most 40 characters; may be empty."""
    unnumbered = _NUMBERING.sub("", title)
    return dns_label(unnumbered, TITLE_LIMIT) or dns_label(title, TITLE_LIMIT)


def unique(name: str, taken: Container[str]) -> str:
    """`name`, or `name-2`, `name-3` … : the first that is not taken, still a DNS label."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        suffix = f"-{number}"
        candidate = name[: LABEL_LIMIT - len(suffix)].rstrip("-") + suffix
    return candidate


def distance(a: str, b: str) -> int:
    """How many insertions, deletions, substitutions or swaps of neighbours turn `a` into `b`."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `word` was probably meant to be, or None when none is near (about one slip in three letters).

    Also finds a candidate that `word` begins or ends (`prep` for `preprocess`). Ties go to the earlier candidate.
    """
    best: tuple[int, str] | None = None
    folded = word.casefold()
    for candidate in candidates:
        other = candidate.casefold()
        slips = distance(folded[:80], other[:80])
        if len(folded) >= 3 and (other.startswith(folded) or other.endswith(folded)):
            slips = min(slips, 1)
        shorter = min(len(folded), len(other))
        allowed = max(1, shorter // 3) if shorter >= 3 else 0
        if slips <= allowed and (best is None or slips < best[0]):
            best = (slips, candidate)
    return best[1] if best else None
