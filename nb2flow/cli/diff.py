"""The commands `nbdiff`, `nb2flow-diff`, `nbmerge` and `nbpatch`, and their namesakes below `nb2flow`.

A shell: arguments in, bytes to `nb2flow.diff`, its values to a view, faults to one message and an exit code. It must
start in milliseconds, because git calls it once a file: everything beyond parsing the command line is imported when it
is known to be needed.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence

from nb2flow.errors import Nb2flowError

SAME, DIFFERENT, FAULT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """`nbdiff`. Returns 0 without changes, 1 with changes, 2 after an error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in ("git-diff", "git-textconv", "git-merge", "git-mergetool", "git-clean"):
        from nb2flow.cli.git_drivers import run

        return guarded("nb2flow", lambda: run(words[0], words[1:]))
    return guarded("nbdiff", lambda: _diff(words))


def merge_main(arguments: Sequence[str] | None = None) -> int:
    """`nbmerge`. Returns 0 when all merged, 1 with conflicts, 2 after an error."""
    words = list(sys.argv[1:] if arguments is None else arguments)

    def command() -> int:
        from nb2flow.cli.diff_merge import run

        return run(words)

    return guarded("nbmerge", command)


def patch_main(arguments: Sequence[str] | None = None) -> int:
    """`nbpatch`. Returns 0 when the patch was applied, 2 when it does not fit or cannot be read."""
    words = list(sys.argv[1:] if arguments is None else arguments)

    def run() -> int:
        from nb2flow.cli.diff_merge import run_patch

        return run_patch(words)

    return guarded("nbpatch", run)


def _diff(words: list[str]) -> int:
    from nb2flow.cli.diff_options import parse_diff

    options = parse_diff(words)
    from nb2flow.cli.diff_sources import resolve

    pairs, from_git = resolve(options.words, options.cached)
    if not from_git and not options.json and not options.html and not options.out and not options.flow:
        base, remote = pairs[0].base, pairs[0].remote
        if base.data == remote.data and base.data is not None and base.data.lstrip()[:1] == b"{":
            return SAME  # equal bytes: nothing else need be known
    from nb2flow.cli import diff_output

    collecting = gc.isenabled()
    gc.disable()  # parsed notebooks hold no cycles, and looking for some takes as long as comparing them
    try:
        different = diff_output.show(pairs, from_git, options)
    finally:
        if collecting:
            gc.enable()
    return DIFFERENT if different and not options.exit_zero else SAME


def guarded(program: str, command: Callable[[], int]) -> int:
    """Run a command; end faults in one message on standard error, said by `program`, and exit code 2."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except Nb2flowError as fault:
        _say(program, fault.message, fault.hint)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read it has left: Python must not complain at exit
        return 141  # as git and the shell have it
    except KeyboardInterrupt:
        return 130
    except RecursionError:
        _say(program, "a notebook is nested too deeply to be compared", "")
    except MemoryError:
        _say(
            program,
            "the notebooks are too large for this machine's memory",
            "compare them with outputs stripped (nb2flow clean)",
        )
    except OSError as fault:
        _say(program, f"{fault.filename}: {fault.strerror}" if fault.filename else str(fault), "")
    return FAULT


def _say(program: str, message: str, hint: str) -> None:
    sys.stderr.write(f"{program}: {message}\n" + (f"  {hint}\n" if hint else ""))


if __name__ == "__main__":
    sys.exit(main())
