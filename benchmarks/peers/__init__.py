"""The usual ways of training a classifier, each a script: `python -m benchmarks.peers.NAME TASK.json`.

They know nothing of our engine: any Python that has the libraries can run them.
"""
