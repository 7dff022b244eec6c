"""Names that try to be markup, formulas, code, paths or lines of their own."""

from pathlib import Path

from making_runs import make_colours

ELSEWHERE = "127.0.0.1:9"
CLASSES = {
    "red": "<svg onload=window.hacked=1> <b>bold \"'",
    "green": "=1+1 ![x](x) :smile: $x^2$ :red[y] {{7*7}} ${7*7}",
    "blue": "+cmd| \u202eevil\u202c `code` \\ ';DROP TABLE runs;--",
}
"""Names of classes, which are folders and so without slashes."""
NAME = f"<img src=http://{ELSEWHERE}/a onerror=hacked=1>![](http://{ELSEWHERE}/b)$x$:x:"
"""Title of a run, where a slash may be."""
NOTE = (
    f'=HYPERLINK("http://{ELSEWHERE}/f") {NAME} [l](javascript:window.hacked=1) </script><script>'
    f'window.hacked=1</script> <a href=http://{ELSEWHERE}/c>p</a> """ {{{{7*7}}}} ${{7*7}}'
)
PERSON = "<img src=x onerror=hacked=1> $x$:x:"
LINES = "a\nb\r\n# c\u2028d\0e\x1b[31m"
NAMES = (
    *CLASSES.values(),
    NAME,
    NOTE,
    PERSON,
    LINES,
    "../../etc/passwd",
    "C:\\x",
    "\U0001f4a5" * 80,
)


def make_hostile(parent: Path) -> Path:
    """Write a folder of images whose own name, classes and files are hostile."""
    folder = make_colours(parent / CLASSES["red"])
    for colour, name in CLASSES.items():
        (folder / colour).rename(folder / name)
        (folder / name / "0.png").rename(folder / name / f"{name}.png")
    return folder
