"""One cell that became several, and (seen from the other side) several that became one.

The evidence is the lines: the parts, put together, must be made of the lines of the whole, in order, and hold most of
them. It knows texts and indexes, nothing of direction: a merge is a split with the sides exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rapidfuzz.distance import Indel, LCSseq

from nb2flow.diff.similarity import words_of

_PART = 0.6  # of a part's text comes from the whole
_WHOLE = 0.6  # of the whole's text is found in the parts
_STRICT = 0.85  # both, where single words have to serve as lines
_MOST_LINES = 5000
_EDITED = 0.8  # a line is the same one, edited
_MOST_EDITED = 20  # lines in a row
_FEWEST_WORDS = 4
_PIECE = 8  # characters of a piece of a line that is cut, in two words or more
_FARTHEST = 12  # cells on either side that may be parts


def find_splits(
    wholes: Sequence[str],
    kinds: Sequence[str],
    parts: Sequence[str],
    part_kinds: Sequence[str],
    matched: Mapping[int, int],
    fixed: Mapping[int, int],
    busy: frozenset[int] | set[int] = frozenset(),
) -> list[tuple[int, tuple[int, ...]]]:
    """Wholes with their two or more parts.

    `matched` says which part each whole is paired with so far; pairs in `fixed` are certain and stay. Parts with an
    index in `busy` are taken.
    """
    owner = {j: i for i, j in matched.items()}
    found: list[tuple[int, tuple[int, ...]]] = []
    lines: dict[int, list[str]] = {}
    words: dict[int, list[str]] = {}
    used = set(busy) | set(fixed.values())
    free = [j for j in range(len(parts)) if _free(j, owner, used)]
    if not free:
        return []
    likely = {i for i in range(len(wholes)) if i not in matched}
    between = _between(matched, len(wholes), len(parts)) if likely else []
    likely.update(owner[j] for k in free for j in (k - 1, k + 1) if j in owner)  # of others there is one part only
    for whole in sorted(likely):
        text = wholes[whole]
        if whole in fixed or not text.strip():
            continue
        reach = _reach(whole, matched, owner, used, between, len(parts))
        run = [j for j in reach if part_kinds[j] == kinds[whole] and parts[j].strip()]
        if len(run) < 2:
            continue
        own = _lines(text)
        if len(own) > 1:
            chosen = _parts(own, _known(run, parts, lines, _lines), _PART, _WHOLE, _MOST_EDITED)
        elif len(own := words_of(text)) >= _FEWEST_WORDS:
            pieces = _known(run, parts, words, words_of)
            chosen = _parts(own, pieces, _STRICT, _STRICT, 0) if _may_be_of(own, pieces) else []
        else:
            continue
        if len(chosen) >= 2:
            taken = tuple(run[k] for k in chosen)
            found.append((whole, taken))
            used.update(taken)
    return found


def _between(matched: Mapping[int, int], n: int, m: int) -> list[tuple[int, int]]:
    """For each whole, the parts that its nearest paired neighbours before and after it are paired with."""
    before, after = [-1] * n, [m] * n
    for i in range(1, n):
        before[i] = matched.get(i - 1, before[i - 1])
    for i in range(n - 2, -1, -1):
        after[i] = matched.get(i + 1, after[i + 1])
    return list(zip(before, after, strict=True))


def _reach(
    whole: int,
    matched: Mapping[int, int],
    owner: Mapping[int, int],
    used: set[int],
    between: Sequence[tuple[int, int]],
    m: int,
) -> list[int]:
    """Indexes of free parts around the place of a whole: up to the next part that is paired with another whole."""
    if whole not in matched:
        before, after = between[whole]
        stretch = range(before + 1, min(after, before + 1 + 2 * _FARTHEST))
        return [j for j in stretch if _free(j, owner, used)]
    low = high = middle = matched[whole]
    if middle in used:
        return []
    while low - 1 >= 0 and middle - low < _FARTHEST and _free(low - 1, owner, used):
        low -= 1
    while high + 1 < m and high - middle < _FARTHEST and _free(high + 1, owner, used):
        high += 1
    return list(range(low, high + 1))


def _free(j: int, owner: Mapping[int, int], used: set[int]) -> bool:
    return j not in owner and j not in used


def _known(
    run: Sequence[int], parts: Sequence[str], known: dict[int, list[str]], find: Callable[[str], list[str]]
) -> list[list[str]]:
    """What is found in each text of a run, once for each."""
    for j in run:
        if j not in known:
            known[j] = find(parts[j])
    return [known[j] for j in run]


def _may_be_of(words: Sequence[str], pieces: Sequence[Sequence[str]]) -> bool:
    """Whether two pieces or more can be made of some words, in whatever order."""
    known = set(words)
    many = 0
    for piece in pieces:
        if not known.isdisjoint(piece):
            many += sum(len(x) for x in piece if x in known) >= _STRICT * sum(map(len, piece))
    return many > 1


def _parts(
    lines: Sequence[str], pieces: Sequence[Sequence[str]], least_part: float, least_whole: float, edited: int
) -> list[int]:
    """Which pieces of a run, given as their lines, are parts of a whole's lines; empty when they do not make it up.
    So many lines in a row may have been edited."""
    known = set(lines)
    others = known.difference(*pieces)
    if len(others) == len(known) and len(lines) != sum(map(len, pieces)):
        return []  # nor are there edited lines: those need equal ones around them, or as many on both sides
    if edited and sum(not known.isdisjoint(piece) or _may_be_part(piece, others) for piece in pieces) < 2:
        return []
    codes: dict[str, int] = {}
    sequence = [codes.setdefault(line, len(codes)) for line in lines]
    weights = [len(line) for line in lines]
    joined = [codes.setdefault(line, len(codes)) for piece in pieces for line in piece]
    if len(joined) > _MOST_LINES or len(sequence) > _MOST_LINES:
        return []
    shared = [0.0] * len(joined)
    texts = [line for piece in pieces for line in piece]
    i = j = 0
    for block in LCSseq.opcodes(sequence, joined).as_matching_blocks():
        if block.a - i == block.b - j <= edited:  # as many lines on both sides: edited ones, perhaps
            for k in range(block.a - i):
                alike = float(Indel.normalized_similarity(lines[i + k], texts[j + k], score_cutoff=_EDITED))
                shared[j + k] = alike * weights[i + k]
        if block.a > i and block.b > j:
            _cut(lines[i : block.a], texts, j, block.b, shared)
        for k in range(block.size):
            shared[block.b + k] = weights[block.a + k]
        i, j = block.a + block.size, block.b + block.size
    chosen: list[int] = []
    covered, start = 0.0, 0
    for number, piece in enumerate(pieces):
        own = sum(map(len, piece))
        got = sum(shared[start : start + len(piece)])
        start += len(piece)
        if own and got >= least_part * own:
            chosen.append(number)
            covered += got
    return chosen if covered >= least_whole * sum(weights) else []


def _cut(lines: Sequence[str], texts: Sequence[str], start: int, end: int, shared: list[float]) -> None:
    """Lines of parts that are a piece of a longer line of the whole: paragraphs are cut between sentences."""
    rest = " ".join(lines)
    for k in range(start, end):
        if not shared[k] and len(texts[k]) >= _PIECE and " " in texts[k] and _bounded(texts[k], rest):
            shared[k] = len(texts[k])


def _bounded(piece: str, text: str) -> bool:
    at = text.find(piece)
    return at >= 0 and (at == 0 or text[at - 1].isspace()) and not text[at + len(piece) : at + len(piece) + 1].isalnum()


def _may_be_part(piece: Sequence[str], lines: Iterable[str]) -> bool:
    """Whether any line of a piece may be one of some others, edited, or a piece of one, going by their lengths."""
    sizes = {len(line) for line in lines}
    longest = max(sizes, default=0)
    return any(
        _PIECE <= len(x) < longest or any(2 * min(len(x), size) >= _EDITED * (len(x) + size) for size in sizes)
        for x in piece
    )


def _lines(text: str) -> list[str]:
    return [stripped for line in text.splitlines() if (stripped := line.strip())]
