"""Files of weights: which there are, and the tensors that they hold.

Apart from `backbones`, since the child process that looks into a file waits for what this imports.
"""
