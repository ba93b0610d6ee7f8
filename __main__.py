"""`python -m tocsin` is the command `tocsin`."""

from .cli.main import main

main()
