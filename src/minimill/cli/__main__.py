"""`python -m minimill.cli`: the same as `minimill`."""

from minimill.cli import main

main()
