"""Datasets: from what a person hands in to batches of tensors.

`sources`, `zips`, `paths`, `samples`: where files come from. `names`, `layout`: what their names mean.
`ingest` (with `intake`, `meter`, `oddities`): take them in. `images` (with `colour`, `reasons`): the one decoder.
`splits`: train, validation and test. `transforms`, `loaders`: tensors; these two import torch.
"""
