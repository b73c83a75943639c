"""`python -m countinghouse.cli`."""

from countinghouse.cli import main

main()
