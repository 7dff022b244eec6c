"""What we measure, side by side with the alternative: `python -m benchmarks NAME`; without a name it lists them.

A benchmark is a module here with `run(options) -> Report`; the first sentence of its docstring is its line in the list.
"""
