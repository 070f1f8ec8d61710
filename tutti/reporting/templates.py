"""The templates of the pages, and what all pages say about how they were made."""

import platform
from importlib.metadata import version
from pathlib import Path

import jinja2
from markupsafe import Markup

from tutti import __version__
from tutti.reporting.words import (
    instrument_title,
    number,
    percent,
    policy_name,
    readable,
    sentence_case,
    signed,
    split_name,
)

_HERE = Path(__file__).parent
_PACKAGES = ("numpy", "librosa", "scikit-learn", "keras", "tensorflow", "matplotlib")


def template(name: str) -> jinja2.Template:
    """Return a template beside this file; all that it is given passes through escaping."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        "number": number,
        "readable": readable,
        "instrument": instrument_title,
        "split": split_name,
        "policy": policy_name,
        "sentence": sentence_case,
        "percent": percent,
        "signed": signed,
    }
    return environment.get_template(name)


def style_sheet(*names: str) -> Markup:
    """Return style sheets beside this file, one after the other."""
    return Markup("".join((_HERE / name).read_text(encoding="utf-8") for name in names))


def software() -> str:
    """Return the versions of what computed a page."""
    packages = f"tutti {__version__}, " + ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"Python {platform.python_version()}, {packages}"
