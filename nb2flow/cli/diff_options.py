"""The command line of `nbdiff`, `nbmerge` and `nbpatch`: options and what they mean. Parsing only."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from nb2flow import __version__
from nb2flow.errors import UsageError

PARTS = (
    ("s", "sources", "sources"),
    ("o", "outputs", "outputs"),
    ("a", "attachments", "attachments"),
    ("m", "metadata", "metadata"),
    ("i", "id", "cell ids"),
    ("d", "details", "execution counts and the format version"),
)
STRATEGIES = ("inline", "use-base", "use-local", "use-remote", "union")


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help of a fixed width: asking for the terminal's would import half of the standard library's archivers."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


class Parser(argparse.ArgumentParser):
    """argparse with our faults and our help."""

    def __init__(self, prog: str, description: str, epilog: str = "") -> None:
        super().__init__(prog=prog, description=description, epilog=epilog, formatter_class=_Help)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


def diff_parser(program: str) -> Parser:
    """The options of `nbdiff`."""
    parser = Parser(
        prog=program,
        description="What changed between two versions of a notebook: two files, - (standard input), addresses,\n"
        "REF:path, RUN:step; or git revisions and paths (none: HEAD and the working tree).",
        epilog="Exit code: 0 no change (noise is none), 1 changes, 2 error.",
    )
    parser.add_argument("words", nargs="*", metavar="A B | [REF [REF]] [PATH ...]", help="what to compare")
    parser.add_argument("--version", action="version", version=f"nb2flow {__version__}")
    parts = parser.add_argument_group("parts (small letter: only these; capital letter: all but these)")
    for letter, name, said in PARTS:
        parts.add_argument(
            f"-{letter}", f"--{name}", action="append_const", const=name, dest="only", help=f"only {said}"
        )
        ignore = [f"-{letter.upper()}", f"--ignore-{name}"]
        parts.add_argument(*ignore, action="append_const", const=name, dest="without", help=f"all but {said}")
    parts.add_argument("--noise", action="store_true", help="show noise (ids, counts, editors' metadata) as changes")
    how = parser.add_argument_group("how to show it")
    how.add_argument("--full-outputs", action="store_true", help="never cut outputs; show those of added cells")
    how.add_argument("--fold-outputs", action="store_true", help="one line for each changed output")
    how.add_argument("-U", "--unified", type=int, default=3, metavar="N", help="unchanged lines around changes (3)")
    how.add_argument("--color-words", action="store_true", help="both versions of a changed line in one line")
    how.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="colours (auto: on a terminal)"
    )
    how.add_argument("--no-color", action="store_const", const="never", dest="color", help="no colours")
    how.add_argument("--no-pager", action="store_true", help="never start a pager")
    what = parser.add_argument_group("other forms")
    what.add_argument("--stat", action="store_true", help="one line for each notebook")
    what.add_argument("--name-only", action="store_true", help="the paths of notebooks that changed")
    what.add_argument("--json", action="store_true", help="our JSON form, which nbpatch applies")
    what.add_argument("--out", metavar="FILE", help="write nbdime's JSON form to a file (- for standard output)")
    what.add_argument("--html", metavar="FILE", help="write a page with everything to a file")
    what.add_argument("--flow", action="store_true", help="what it means for the pipeline: steps, edges, options")
    what.add_argument("--cached", "--staged", action="store_true", help="compare with what is staged")
    for name in ("--no-git", "--no-use-diff", "--use-filter"):
        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)  # nbdime's; nothing here needs them
    parser.add_argument("--log-level", help=argparse.SUPPRESS)
    parser.add_argument("--exit-zero", action="store_true", help=argparse.SUPPRESS)
    return parser


def parse_diff(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of `nbdiff`, wherever they stand among its words."""
    parser = diff_parser("nbdiff")
    options, rest = parser.parse_known_args(arguments)
    for word in rest:
        if word.startswith("-") and word not in ("-", "--"):
            parser.error(f"there is no option {word}")
    options.words += rest
    return options


def merge_parser(program: str) -> Parser:
    """The options of `nbmerge`."""
    parser = Parser(
        prog=program,
        description="Merge two versions of a notebook that come from one base.",
        epilog="Exit code: 0 merged, 1 merged with conflicts (marked in the result, which still opens), 2 error.",
    )
    parser.add_argument("base", nargs="?", default="/dev/null", help="the version that both come from (or none)")
    parser.add_argument("local", help="one version")
    parser.add_argument("remote", help="the other version")
    parser.add_argument("--version", action="version", version=f"nb2flow {__version__}")
    parser.add_argument("-o", "--out", metavar="FILE", help="where the result goes (standard output)")
    parser.add_argument(
        "-m", "--merge-strategy", choices=STRATEGIES, default="inline", help="what to do with conflicts"
    )
    parser.add_argument("--input-strategy", choices=STRATEGIES, help="the same for sources only")
    parser.add_argument(
        "--output-strategy",
        choices=("follow", "clear", "remove", "clear-all", "inline", "union", "use-base", "use-local", "use-remote"),
        default="follow",
        help="outputs that both changed: follow the side that changed the source, or clear them",
    )
    parser.add_argument("--labels", nargs=3, metavar="NAME", help="what the markers call the three versions")
    parser.add_argument("--decisions", action="store_true", help="tell the conflicts instead of writing the result")
    for name in ("--no-ignore-transients", "--ignore-transients", "--no-color", "--no-git", "--no-use-diff"):
        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)  # nbdime's; nothing here needs them
    parser.add_argument("--log-level", help=argparse.SUPPRESS)
    return parser


def patch_parser(program: str) -> Parser:
    """The options of `nbpatch`."""
    parser = Parser(
        prog=program,
        description="Apply a notebook diff (of nbdiff --json or --out) to a notebook.",
        epilog="Exit code: 0 applied, 2 it does not fit or cannot be read; then nothing is written.",
    )
    parser.add_argument("base", help="the notebook that the diff starts from")
    parser.add_argument("patch", help="the diff, or - for standard input")
    parser.add_argument("--version", action="version", version=f"nb2flow {__version__}")
    parser.add_argument("-o", "--output", "--out", metavar="FILE", help="where the result goes (standard output)")
    parser.add_argument("--check", action="store_true", help="only say whether it fits")
    parser.add_argument("--log-level", help=argparse.SUPPRESS)
    return parser
