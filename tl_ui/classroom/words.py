"""Words for the people of a class and for those of an organisation."""

from tl_ui.house import get_settings


def is_shared() -> bool:
    """Tell if people sign in, so that each has a space of their own."""
    return get_settings().access != "open"


def is_class() -> bool:
    return get_settings().access == "classroom"


def page_title() -> str:
    return "Class" if is_class() else "People and queue"


def wall_title() -> str:
    return "Class wall" if is_class() else "Published runs"


def member_word() -> str:
    return "student" if is_class() else "member"


def everyone_words() -> str:
    return "the class" if is_class() else "everyone here"
