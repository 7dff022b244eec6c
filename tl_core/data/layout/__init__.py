"""Layout of a dataset's folders: which level holds the classes, which folders are splits.

- `tree`: folders and files; `file_kinds`, `words`, `file_names`: what names tell.
- `apart`: copies, masks and unlabelled images, set apart before classes are looked for.
- `splits`, `levels`: drafts of a reading, from folders.
- `reading`: a draft with its classes merged, its sentence and the reasons for what is left out.
- `read`: all of it, in `read_layout`.
"""

from tl_core.data.layout.read import read_classes, read_layout
from tl_core.data.layout.reading import EXAMPLE, Layout, Place

__all__ = ["EXAMPLE", "Layout", "Place", "read_classes", "read_layout"]
