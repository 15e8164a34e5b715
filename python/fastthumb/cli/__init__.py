"""The `fastthumb` command: parse, call, print. One file per group of commands.

Exit codes: 0 all done; 1 some titles failed; 2 the command cannot be carried out as given;
130 interrupted. Modules that decode or compute are imported by the command that needs them,
so that `fastthumb --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from fastthumb.cli import artwork, cast, machine, models, shots

app = typer.Typer(
    name="fastthumb",
    help="Turn videos into artwork: find the moments worth showing and render thumbnails of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
artwork.register(app)
shots.register(app)
machine.register(app)
cast.register(app)
models.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from fastthumb import __version__

        typer.echo(f"fastthumb {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.", is_eager=True)
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    del version  # its callback has answered
    if debug:
        os.environ["FASTTHUMB_DEBUG"] = "1"  # by the environment, so that workers have it too


def main() -> None:
    """Run the command line and exit; the console script's entry point."""
    # Our matrices are small: more threads of BLAS wait for each other, and take cores from workers.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from fastthumb.errors import FastthumbError

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a title may have any name
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("interrupted; run the same command again to go on where it was", err=True)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of a pipe, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except FastthumbError as exc:
        if os.environ.get("FASTTHUMB_DEBUG"):
            raise
        typer.echo(f"fastthumb: {exc}", err=True)
        raise SystemExit(2 if is_usage(exc) else 1) from None


def is_usage(exc: Exception) -> bool:
    """Whether an error says that the command cannot be carried out as given (exit code 2)."""
    from fastthumb import errors

    usage = (
        errors.SettingsError,
        errors.DeviceUnavailable,
        errors.ExtraMissing,
        errors.Unreadable,
        errors.OutputError,
    )
    return isinstance(exc, usage)
