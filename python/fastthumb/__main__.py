"""`python -m fastthumb` is the `fastthumb` command."""

from fastthumb.cli import main

main()
