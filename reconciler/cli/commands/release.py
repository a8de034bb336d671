"""`reconciler release`: state where the files of a release come from, and verify such a statement."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli import options
from reconciler.core.errors import Exit
from reconciler.project.release import release_manifest, verify_release, write_manifest
from reconciler.project.workspace import open_workspace


@click.group(epilog="Example:  reconciler release manifest --sign -o assets.intoto.jsonl")
def command() -> None:
    """State where the files of a release come from, and verify such a statement. No command here opens a socket."""


@command.command(
    "manifest",
    short_help="Write the statement of all shipped files.",
    epilog="Example:  reconciler release manifest --sign -o assets.intoto.jsonl",
)
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Default: standard output."
)
@click.option("--sign", "signed", is_flag=True, help="Sign it with the SSH key of git (user.signingkey).")
@click.option("--key", metavar="PATH", help="Sign it with this SSH key.")
@click.option("--with-prompts", is_flag=True, help="State the prompts, too.")
@click.pass_obj
def manifest_command(
    directory: str | None, /, *, out: Path | None, signed: bool, key: str | None, with_prompts: bool
) -> int:
    """Write an in-toto statement: the hash of every image and derived file, and where each image comes from.

    Every file must be as locked. The same files and specs give the same statement. A signed one is a DSSE envelope with
    an SSH signature; leave it unsigned to let a CI service attest it.
    """
    workspace = open_workspace(directory, os.environ, strict=True)
    chosen = key or ("" if signed else None)
    text = release_manifest(workspace, prompts=with_prompts, key=chosen)
    if out is None:
        click.echo(text)
    else:
        write_manifest(out, text)
    return Exit.DONE


@command.command(
    "verify",
    short_help="Compare the files with a statement.",
    epilog="Example:  reconciler release verify assets.intoto.jsonl --signers .github/allowed_signers",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--signers",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The allowed signers (ssh-keygen). The statement must be signed by one of them.",
)
@options.format_option("release verify")
@click.pass_obj
def release_verify_command(directory: str | None, /, *, file: Path, signers: Path | None, format_: str) -> int:
    """Compare the files of this checkout with a statement, and verify its signature. Exit 2 if a file differs."""
    workspace = open_workspace(directory, os.environ, strict=True)
    facts = verify_release(workspace, file, signers)
    options.print_report("release verify", format_, facts)
    return Exit.DONE if facts.holds else Exit.DRIFT
