"""Benchmarks against the alternatives: `python -m benchmarks NAME`; without a name it lists them.

A benchmark is a module here with `run(options) -> Report`. The first paragraph of its docstring is
its line in the list.
"""
