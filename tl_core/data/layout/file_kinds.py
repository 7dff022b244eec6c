"""Kinds of files that lie beside images, told by their names."""

from tl_core.data.names import Parts

STRAY_IMAGE = "It is not inside a class folder."
_FOLDERS_TELL = "the classes are read from the folders"
_BY_SUFFIX = {
    f"It is a table, such as a list of labels; {_FOLDERS_TELL}.": (
        "csv tsv tab xls xlsx xlsm ods parquet feather arrow db sqlite sqlite3"
    ),
    f"It is a file of data, such as annotations; {_FOLDERS_TELL}.": (
        "json jsonl ndjson geojson xml yaml yml toml ini cfg conf pbtxt names data cache lock"
    ),
    "It is an array file (MATLAB, NumPy, HDF5 or the like), not an image; "
    f"{_FOLDERS_TELL}.": "mat npy npz h5 hdf5 hdf pkl pickle tfrecord tfrecords rec idx lmdb bin",
    "It is a document, not an image.": (
        "pdf doc docx odt rtf tex bib ppt pptx odp htm html md rst markdown epub"
    ),
    "It is a text file, such as a list of names or a note, not an image.": "txt text log lst list",
    "It is a program or a notebook, not an image.": (
        "py ipynb r m jl c h cc cpp java js ts css sh bat ps1 exe dll so"
    ),
    "It is a model or its weights, not an image.": (
        "pt pth ckpt onnx pb tflite keras safetensors caffemodel prototxt weights"
    ),
    "It is an archive; unpack it if its images belong to the dataset.": (
        "zip tar gz tgz bz2 xz 7z rar zst"
    ),
    "It is a video or a sound, not an image.": "mp4 avi mov mkv webm wmv mpg mpeg mp3 wav ogg flac",
    "It holds checksums or signatures, not an image.": "md5 sha1 sha256 sha512 asc sig",
}
_REASONS = {
    suffix: reason for reason, suffixes in _BY_SUFFIX.items() for suffix in suffixes.split()
}
_BY_NAME = {
    "It is the description of the dataset, not an image.": ("readme", "about", "datasheet"),
    "It is the licence or a note on the origin of the images, not an image.": (
        "license",
        "licence",
        "copying",
        "notice",
        "citation",
        "credits",
        "attribution",
    ),
    f"It is a list of the class names; {_FOLDERS_TELL}.": (
        "classes",
        "class_names",
        "classnames",
        "labels",
        "synsets",
        "synset_labels",
        "categories",
    ),
}
_NAMED = {name: reason for reason, names in _BY_NAME.items() for name in names}
_TEXTS = frozenset(("", "txt", "text", "md", "rst", "html", "htm", "pdf", "csv"))


def why_no_image(parts: Parts) -> str:
    """Return what a file is by its name if that is no image; "" if it may be an image."""
    stem, dot, suffix = parts[-1].casefold().rpartition(".")
    if not dot:
        return _NAMED.get(suffix, "")
    if suffix in _TEXTS and stem in _NAMED:
        return _NAMED[stem]
    return _REASONS.get(suffix, "")
