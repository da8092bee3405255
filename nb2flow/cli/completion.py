"""`completion`: what to put into a shell's start-up file so that it completes commands, notebooks, steps and runs."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from nb2flow.cli.main import echo, nb2flow

_HOW = {
    "bash": 'eval "$(nb2flow completion bash)"    in ~/.bashrc',
    "zsh": 'eval "$(nb2flow completion zsh)"    in ~/.zshrc',
    "fish": "nb2flow completion fish | source    in ~/.config/fish/config.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_HOW)))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash: eval "$(nb2flow completion bash)"          in ~/.bashrc
    zsh:  eval "$(nb2flow completion zsh)"           in ~/.zshrc
    fish: nb2flow completion fish | source           in ~/.config/fish/config.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    echo(f"# {_HOW[shell]}")
    echo(found(nb2flow, {}, "nb2flow", "_NB2FLOW_COMPLETE").source())
