"""Scripts that train a classifier in the usual ways: `python -m benchmarks.peers.NAME TASK.json`.

They do not import tl_core, so any Python with the libraries can run them.
"""
