"""Use cases of datasets, which connect the import of images with the store."""
