"""Spellings of a class that differ only in capitals, blanks or Unicode form, joined into one."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from tl_core.data.layout.draft import Group
from tl_core.data.layout.words import key
from tl_core.data.names import class_name, quoted
from tl_core.text import natural_key

_MOST_NAMED = 3


def join_spellings(groups: Sequence[Group]) -> tuple[dict[str, str], list[str]]:
    """Return the class name of each name of a group, and sentences on names that were joined."""
    alike: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        alike[key(group.name)].append(group)
    names = {}
    joined = []
    for same in alike.values():
        spellings = {group.name for group in same}
        if len(spellings) == 1:
            names[same[0].name] = class_name(same[0].name)
        elif _are_different(same):
            names |= {spelling: class_name(spelling) for spelling in spellings}
        else:
            chosen = _usual_spelling(same)
            names |= dict.fromkeys(spellings, chosen)
            joined.append(sorted(spellings, key=natural_key))
    return names, _notes(joined, names)


def _usual_spelling(groups: Sequence[Group]) -> str:
    """Return the spelling of most training images, without blanks at the ends."""
    weights: Counter[str] = Counter()
    for group in groups:
        is_held_out = group.split in ("val", "test")
        weights[class_name(group.name)] += 0 if is_held_out else len(group.files)
    return min(weights, key=lambda name: (-weights[name], natural_key(name)))


def _are_different(groups: Sequence[Group]) -> bool:
    """Tell if capitals make classes: single letters, or two spellings in each of several splits."""
    spellings: dict[tuple[str | None, str], set[str]] = defaultdict(set)
    for group in groups:
        spellings[group.split, group.inside].add(class_name(group.name))
    together = [found for found in spellings.values() if len(found) > 1]
    are_letters = all(len(class_name(group.name)) == 1 for group in groups)
    return bool(together) and (are_letters or len(together) > 1)


def _notes(joined: Sequence[Sequence[str]], names: dict[str, str]) -> list[str]:
    if not joined:
        return []
    shown = [_shown(spellings, names) for spellings in joined[:_MOST_NAMED]]
    more = f", and {len(joined) - _MOST_NAMED} more" if len(joined) > _MOST_NAMED else ""
    verb = "is" if len(joined) == 1 else "are each"
    return [f"{'; '.join(shown)}{more} {verb} read as one class."]


def _shown(spellings: Sequence[str], names: dict[str, str]) -> str:
    # Two Unicode forms of one name look alike.
    if len({class_name(name) for name in spellings}) == 1 and all(
        name == name.strip() for name in spellings
    ):
        return f"{quoted([names[spellings[0]]])} in two Unicode forms"
    return " and ".join(quoted([name]) for name in spellings[:3])
