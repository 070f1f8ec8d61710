"""What NSynth's ``examples.json`` says about a note, and what can be wrong with that.

Names and values come from a file that others made: a name must be that of a file in one folder and nowhere else, and
what an index shall hold must be text that can be written.
"""

import re
from typing import Any

EXAMPLES_FILE = "examples.json"
FAMILY, SOURCE, INSTRUMENT = "instrument_family_str", "instrument_source_str", "instrument_str"

_ELSEWHERE = re.compile(r"[/\\\x00-\x1f]")  # what separates folders, and what breaks lines
_HIGHEST = 127  # of pitch, and of velocity, which is 0 where it is unknown
_LONGEST_VALUE = 60  # characters of a value that a sentence quotes


def is_text(value: Any) -> bool:
    """Tell whether a value is text that is not empty and can be written as UTF-8."""
    try:
        return isinstance(value, str) and value.encode() != b""
    except UnicodeEncodeError:
        return False


def name_problem(name: str) -> str:
    """Return what is wrong with a note's name, as what follows the path of ``examples.json``; else empty.

    It must be that of a file in the folder ``audio`` and nowhere else.
    """
    if name and not is_text(name):
        return f"names a note {_quoted(name)}, which is no name in UTF-8: rename it there"
    if name in ("", ".", "..") or _ELSEWHERE.search(name):
        return f"names a note {_quoted(name)}, which is no plain file name: rename it there"
    return ""


def field_problem(name: str, fields: Any) -> str:
    """Return what is wrong with a note's fields, as what follows its path in a sentence; else empty.

    Args:
        name: under which the note stands in ``examples.json``.
        fields: what stands there.
    """
    if not isinstance(fields, dict):
        return f"is described in {EXAMPLES_FILE} by {_quoted(fields)}, and it must be by a group of fields"
    asked = {key: ("a text in UTF-8", is_text) for key in (FAMILY, SOURCE, INSTRUMENT)}
    asked |= {key: (f"a whole number within 0..{_HIGHEST}", _is_midi) for key in ("pitch", "velocity")}
    asked["note_str"] = ("the name under which the note stands", lambda value: bool(value == name))
    for key, (words, is_right) in asked.items():
        if key not in fields:
            return f"has no {key} in {EXAMPLES_FILE}: unpack NSynth again, or remove it there"
        if not is_right(fields[key]):
            return f"has the {key} {_quoted(fields[key])} in {EXAMPLES_FILE}, and it must be {words}"
    return ""


def _is_midi(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _HIGHEST  # True is an int, too


def _quoted(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
