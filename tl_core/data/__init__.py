"""Datasets: from uploaded files to batches of tensors.

- Sources of files: `sources`, `zips`, `paths`, `server_folders`, `samples` (with `shapes`).
- Classes and splits from file names: `names`, `layout`, `choosing`.
- Import: `ingest`, `intake`, `limits`, `known_images`, `dataset_warnings`.
- Decoding: `images`, `decoding`, `file_types`; in processes that may die: `decoders`.
- Division into train, validation and test: `splits`, `small_samples`.
- Tensors (these import torch): `resizing`, `transforms`, `pixels`, `augment` and its parts,
  `loaders`, `device_transfer`.
"""
