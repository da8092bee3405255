"""`image`: the image that runs a notebook's steps elsewhere, shown or built."""

from __future__ import annotations

from pathlib import Path

import click

from nb2flow.app.analysis import analyse
from nb2flow.cli.arguments import kernel_option, notebook_argument, split_option, without_option
from nb2flow.cli.main import echo
from nb2flow.cli.terminal import out
from nb2flow.errors import UsageError


@click.command()
@click.argument("action", type=click.Choice(["show", "build"]))
@notebook_argument
@click.argument("builder_options", nargs=-1, type=click.UNPROCESSED, metavar="[-- BUILDER_OPTIONS...]")
@click.option("--tag", metavar="NAME:TAG", help="build: the image's name.  [default: the image of the profile]")
@click.option("--push", is_flag=True, help="build: send it to its registry, too.")
@click.option("--builder", type=click.Choice(["docker", "podman", "buildah"]), help="build: with this one.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="show: write the Containerfile and all that it copies into FOLDER.",
)  # fmt: skip
@click.option("--base", metavar="IMAGE", default="", help="The image to begin with.  [default: the profile's `base`]")
@click.option("--profile", metavar="NAME", help="The profile of the project's file.  [default: the only one]")
@click.option("--all", "whole", is_flag=True, help="Put all into it that the kernel's environment has.")
@without_option
@split_option
@kernel_option
def image(
    action: str, notebook: Path, builder_options: tuple[str, ...], tag: str | None, push: bool, builder: str | None,
    output: Path | None, base: str, profile: str | None, whole: bool, without: tuple[str, ...],
    split: str | None, kernel: str | None,
) -> None:  # fmt: skip
    """Show or build the image that runs a notebook's steps in pods: its locked packages, its kernel and nb2flow.

    Options behind `--` go to the builder: nb2flow image build NOTEBOOK -- --no-cache
    """
    from nb2flow.app import image as use
    from nb2flow.views import diagnostics

    if action == "show" and (tag or push or builder or builder_options):
        raise UsageError("--tag, --push, --builder and options of the builder are for `nb2flow image build`")
    if action == "build" and output is not None:
        raise UsageError("-o is for `nb2flow image show`")
    made = use.recipe(analyse(notebook, split=split, kernel=kernel), profile, base=base, whole=whole, without=without)
    for problem in made.found.problems:
        click.echo(diagnostics.draw(problem, out()), err=True)
    if action == "show":
        if output is None:
            echo(made.text.rstrip())
            return
        use.write(made, output)
        echo(f"wrote {', '.join(sorted(made.files))} into {output}")
        return
    name = tag or made.name
    if not name:
        raise UsageError("the image needs a name", hint="--tag NAME:TAG, or `image` in a profile")
    with_ = use.build(
        made, name, lambda line: click.echo(line, err=True), builder=builder, push=push, options=builder_options
    )
    echo(f"{with_} built {name}{' and pushed it' if push else ''}")
    if name != made.name:
        echo(f'Name it in nb2flow.toml, below [profiles.NAME]: image = "{name}"')
