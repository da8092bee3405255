"""Arguments and options that several commands share, each with its completion."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from nb2flow.cli import complete
from nb2flow.cli.main import echo

Function = TypeVar("Function", bound=Callable[..., Any])
SPLITS = ("tags", "headings", "cells", "whole")


def notebook_argument(function: Function) -> Function:
    """NOTEBOOK, one path; whether it is a notebook is for the reader to say, in words that help."""
    return click.argument("notebook", type=click.Path(path_type=Path), shell_complete=complete.notebooks)(function)


def split_option(function: Function) -> Function:
    """--split, how steps are found."""
    return click.option(
        "--split",
        type=click.Choice(SPLITS),
        help="How steps are found: tags, headings, each code cell, or the whole as one. "
        "[default: tags, or headings when there are none]",
    )(function)


def kernel_option(function: Function) -> Function:
    """--kernel, another kernel than the notebook's."""
    return click.option("--kernel", metavar="NAME", help="The kernel to use instead of the notebook's own.")(function)


def json_option(function: Function) -> Function:
    """--json, values for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON (stable keys) instead of text.")(function)


def without_option(function: Function) -> Function:
    """--without, modules that a notebook can do without."""
    return click.option(
        "--without",
        metavar="MODULE",
        multiple=True,
        help="The notebook makes this module or never needs it; repeatable.",
    )(function)


def run_argument(function: Function) -> Function:
    """RUN, the id of a run, the beginning of one, or `last`."""
    return click.argument("run", default="last", shell_complete=complete.run_ids)(function)


def project_option(function: Function) -> Function:
    """--project, where to look for runs."""
    return click.option(
        "--project",
        type=click.Path(exists=True, file_okay=True, path_type=Path),
        default=Path(),
        help="The project's folder, or one of its notebooks.  [default: here]",
    )(function)


def print_json(value: object) -> None:
    """A value as indented JSON on standard output; what JSON has no word for becomes text."""
    echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))
