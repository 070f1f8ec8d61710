"""Finding sound banks (SoundFont 2) where systems install them."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from tutti.errors import DataError, SetupError

BANKS_VARIABLE = "TUTTI_SOUND_BANKS"

_FOLDERS = (
    "/usr/share/sounds/sf2",  # Debian, Ubuntu, Gentoo
    "/usr/share/soundfonts",  # Fedora, Arch, openSUSE
    "/usr/local/share/sounds/sf2",
    "/usr/local/share/soundfonts",
    "/opt/homebrew/share/sounds/sf2",
    "/opt/homebrew/share/soundfonts",
    "/opt/local/share/sounds/sf2",  # MacPorts
    "/opt/local/share/soundfonts",
)
_PREFIXES = ("CONDA_PREFIX", "HOMEBREW_PREFIX")
_PREFIX_FOLDERS = ("share/sounds/sf2", "share/soundfonts")
_HOME_FOLDERS = (".local/share/sounds/sf2", ".local/share/soundfonts", "Library/Audio/Sounds/Banks")

_PACKAGES = {
    "FluidR3_GM.sf2": (
        "`apt-get install fluid-soundfont-gm` (Debian, Ubuntu), `dnf install fluid-soundfont-gm` (Fedora), "
        "`pacman -S soundfont-fluid` (Arch) or `port install fluid-soundfont` (MacPorts; brew and conda have none)"
    ),
    "TimGM6mb.sf2": "`pip install pretty_midi` (any system) or `apt-get install timgm6mb-soundfont` (Debian, Ubuntu)",
}


def find_bank(file: str) -> Path:
    """Return the path of a sound bank.

    Looked for in the folders (or files) of the variable ``TUTTI_SOUND_BANKS``, then where systems install them, then
    in the package pretty_midi.

    Args:
        file: a file name such as ``FluidR3_GM.sf2``, or a path to a file.

    Raises:
        SetupError: when there is no such file; it names the package to install.
        DataError: when the file is not a whole SoundFont 2.
    """
    for candidate in _candidates(file):
        if candidate.is_file():
            check_bank(candidate)
            return candidate
    name = Path(file).name
    install = _PACKAGES.get(name)
    advice = f"install it with {install}, or" if install else "put it there, or"
    raise SetupError(f"sound bank {file} is missing: {advice} set {BANKS_VARIABLE} to the folder that holds {name}")


def check_bank(path: Path) -> None:
    """Check the frame of a SoundFont 2 file: its signature and its length.

    Raises:
        DataError: when the file is unreadable, of another kind or truncated.
    """
    try:
        with path.open("rb") as file:
            head = file.read(12)
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"sound bank {path} cannot be read: {error.strerror}") from None
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise DataError(f"sound bank {path} is not a SoundFont 2 file: install it again or name another one")
    stated = int.from_bytes(head[4:8], "little") + 8
    if size < stated:
        raise DataError(f"sound bank {path} is truncated ({size} of {stated} bytes): install it again")


def _candidates(file: str) -> Iterator[Path]:
    given = Path(file).expanduser()
    if given.parent != Path():
        yield given
        return
    for entry in os.environ.get(BANKS_VARIABLE, "").split(os.pathsep):
        if entry:
            path = Path(entry).expanduser()
            yield path if path.name == file else path / file
    yield from (folder / file for folder in _folders())
    package = importlib.util.find_spec("pretty_midi")
    if package and package.origin:
        yield Path(package.origin).parent / file


def _folders() -> Iterator[Path]:
    for variable in _PREFIXES:
        if prefix := os.environ.get(variable):
            yield from (Path(prefix) / folder for folder in _PREFIX_FOLDERS)
    yield from (Path.home() / folder for folder in _HOME_FOLDERS)
    yield from map(Path, _FOLDERS)
