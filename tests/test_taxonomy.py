"""The taxonomy: 63 instruments, their spellings, and a user's own entries."""

import re
from pathlib import Path

import pytest

from tutti import taxonomy
from tutti.errors import ParameterError, UnknownNameError

OWN = """
jaw_harp:
  title: Jaw harp
  hornbostel_sachs: idiophone
  family: other
  macro_category: percussion
  aliases: [Maultrommel]
"""


def test_it_holds_63_instruments_with_slugs_sorted() -> None:
    names = taxonomy.load().names
    assert len(names) == 63
    assert names == sorted(names)
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names)


def test_every_hornbostel_sachs_class_can_fill_a_mixture() -> None:
    counts = [sum(each.hornbostel_sachs == name for each in taxonomy.load()) for name in taxonomy.CLASSES]
    assert min(counts) >= 10


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("French horn", "french_horn"),
        ("Shehnai", "shanai"),
        ("STEEL DRUM", "steel_drums"),
        ("Güiro", "guiro"),
        ("Flûte à bec", "recorder"),
        ("三味線", "shamisen"),
        ("nylon-string guitar", "classical_guitar"),
        ("gac", "acoustic_guitar"),
        ("electric bass", "bass_guitar"),
    ],
)
def test_spellings_map(spelling: str, name: str) -> None:
    assert taxonomy.load().get(spelling).name == name


def test_every_name_title_and_alias_leads_to_its_instrument() -> None:
    known = taxonomy.load()
    for each in known:
        assert {known.get(spelling).name for spelling in (each.name, each.title, *each.aliases)} == {each.name}


def test_a_misspelling_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"'vlolin' is not in the taxonomy: did you mean 'violin'\?"):
        taxonomy.load().get("vlolin")


def test_a_users_file_adds_an_instrument_without_rendering(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    known = taxonomy.load(path)
    assert len(known) == 64
    assert known.get("Maultrommel").name == "jaw_harp"
    assert "jaw_harp" not in [each.name for each in known.renderable()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("idiophone", "electrophone"), "hornbostel_sachs is 'electrophone': choose one of aerophone"),
        (("family: other", "famliy: other"), "key 'famliy' is unknown: .* did you mean 'family'"),
        (("jaw_harp", "Jaw harp"), "such as 'jaw_harp'"),
        (("Maultrommel", "sax"), "'sax' names both"),
        (("title: Jaw harp\n", "\n"), "title is missing"),
        (("aliases: [Maultrommel]", "aliases: Maultrommel"), "must be a list"),
        (
            ("aliases: [Maultrommel]", "rendering: {programs: [200], style: struck, polyphonic: false}"),
            r"programs is \[200\]: it must be a list of integers from 0 to 127",
        ),
        (
            ("aliases: [Maultrommel]", "rendering: {kits: [0], style: percussion, polyphonic: true}"),
            "must list the keys to strike",
        ),
    ],
)
def test_a_wrong_entry_is_one_sentence(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace(*change), encoding="utf-8")
    with pytest.raises(ParameterError, match=message):
        taxonomy.load(path)
