"""What Placard costs and saves, measured: `make bench`, or `make bench ARGS="warm cold"`.

The results are in RESULTS.md, one section a bench, each with its machine and command.
"""
