"""Adapters, index and split: every adapter keeps the contract, bad input is one sentence, no source on two sides."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from folder_corpus import folder_config
from irmas_corpus import irmas_config, write_clip, write_excerpt
from nsynth_corpus import nsynth_config, write_part

from tutti import registry, taxonomy
from tutti.config import SplitConfig
from tutti.corpora.adapters import folder, irmas, nsynth, rendered
from tutti.corpora.index import build_index, read_events, read_recordings, write_index
from tutti.corpora.recording import Recording, Skipped
from tutti.corpora.splitting import FEWEST_GROUPS, not_evaluable, split, write_split
from tutti.errors import DataError, LeakError, TuttiError, UnknownNameError
from tutti.seeding import generator

RATE = 8000
CONFIG = SplitConfig(
    training_banks=("a",), test_banks=(), unseen_banks=("b",), validation_fraction=0.15, test_fraction=0.25
)
SIDES_OF_8 = {"train": 5, "validation": 1, "unseen_recording": 2}


def write_recording(path: Path, seed: int, events: str = "0.0,0.4,60.0,90\n0.5,0.9,,64\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, generator(seed, "noise").uniform(-0.5, 0.5, RATE), RATE)
    path.with_suffix(".csv").write_text("onset_s,offset_s,pitch_midi,velocity\n" + events, encoding="utf-8")


def make_rendered(root: Path) -> rendered.Config:
    for i, (bank, name) in enumerate((bank, name) for bank in ("a", "b") for name in ("flute", "taiko")):
        write_recording(root / bank / name / f"{name}-01.flac", i)
    render = {"banks": {"a": "A.sf2", "b": "B.sf2"}, "sample_rate_hz": RATE, "peak_dbfs": -3.0, "reverb": False}
    return rendered.Config.model_validate({"adapter": "rendered", "root": str(root), "render": render})


def make_folder(root: Path) -> folder.Config:
    for i, name in enumerate(("Flute", "India-Sitar", "G\u00fciro", "Steel Drum/session 1")):
        path = root / name / f"take {i}.WAV"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, generator(i, "noise").uniform(-0.5, 0.5, RATE), RATE)
    return folder_config(root)


def make_irmas(root: Path) -> irmas.Config:
    for number, code in enumerate(("cel", "gac", "gac"), 1):
        write_excerpt(root, f"{code}/[{code}][dru][pop_roc]{number:04d}__1.wav", number)
    write_clip(root, "Part1/01 A song-1", 4, "vio\t\nvoi\t\n")
    write_clip(root, "Part2/02 Another-3", 5, "org\n")
    return irmas_config(root)


def make_nsynth(root: Path) -> nsynth.Config:
    write_part(root / "nsynth-train", ["flute_acoustic_000-060-025", "synth_lead_synthetic_001-072-127"])
    write_part(root / "nsynth-test", ["bass_acoustic_002-040-050"])
    return nsynth_config(root)


FIXTURES = {
    "folder": make_folder,
    "irmas": make_irmas,
    "nsynth": make_nsynth,
    "rendered": make_rendered,
}  # adapter to a function that lays out a small corpus and returns its Config


def test_every_adapter_has_a_fixture_here() -> None:
    assert sorted(FIXTURES) == registry.names("corpora/adapters")


@pytest.mark.parametrize("name", registry.names("corpora/adapters"))
def test_adapter_keeps_the_contract(name: str, tmp_path: Path) -> None:
    adapter = registry.load("corpora/adapters", name)
    config = FIXTURES[name](tmp_path)
    entries = list(adapter.read(tmp_path, config))
    ids = [entry.recording for entry in entries]
    assert ids
    assert ids == sorted(set(ids))
    assert adapter.LICENCE
    assert adapter.CITATION
    labels = set(config.families if isinstance(config, nsynth.Config) else taxonomy.load().names)
    for entry in entries:
        assert (tmp_path / entry.path).is_file()
        named = entry.instruments or (entry.instrument,)
        assert set(named) <= labels
        assert list(named) == sorted(set(named))
        assert entry.instrument == (named[0] if len(named) == 1 else "")
        assert entry.bank in config.bank_names
        assert entry.group
        assert {event.recording for event in entry.events} <= {entry.recording}
    assert ids == [entry.recording for entry in adapter.read(tmp_path, config)]


@pytest.mark.parametrize("name", registry.names("corpora/adapters"))
def test_adapter_names_a_missing_root(name: str, tmp_path: Path) -> None:
    config = FIXTURES[name](tmp_path / "there")
    with pytest.raises(DataError, match=r"nowhere.* is missing: .*run `"):
        list(registry.load("corpora/adapters", name).read(tmp_path / "nowhere", config))


def test_index_keeps_events_and_tells_the_same_sound_in_another_file(tmp_path: Path) -> None:
    config = make_rendered(tmp_path)
    flute, copy = (tmp_path / bank / "flute" / "flute-01.flac" for bank in ("a", "b"))
    samples, _ = soundfile.read(flute)
    soundfile.write(copy, samples, RATE, compression_level=0.0)
    write_index(*build_index(rendered.read(tmp_path, config), tmp_path, config), tmp_path / "index")
    by_id = {each.recording: each for each in read_recordings(tmp_path / "index")}
    first, second = by_id["a/flute/flute-01"], by_id["b/flute/flute-01"]
    assert first.audio_sha256 == second.audio_sha256
    assert first.file_sha256 != second.file_sha256
    assert (first.sample_rate_hz, first.channels, first.duration_s) == (RATE, 1, 1.0)
    events = [event for event in read_events(tmp_path / "index") if event.recording == first.recording]
    assert [(e.onset_s, e.offset_s, e.velocity) for e in events] == [(0.0, 0.4, 90), (0.5, 0.9, 64)]
    assert events[0].pitch_midi == 60.0
    assert np.isnan(events[1].pitch_midi)


def test_index_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    config = make_rendered(tmp_path)
    for name in ("one", "two"):
        write_index(*build_index(rendered.read(tmp_path, config), tmp_path, config), tmp_path / name)
    for file in ("recordings.parquet", "events.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _no_audio(path: Path) -> None:
    path.write_bytes(b"this is no audio, whatever it is called" * 50)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


def _no_samples(path: Path) -> None:
    soundfile.write(path, np.zeros(0), RATE)


def _silent(path: Path) -> None:
    soundfile.write(path, np.zeros(RATE), RATE)


def _missing_table(path: Path) -> None:
    path.with_suffix(".csv").unlink()


def _wrong_table(path: Path) -> None:
    path.with_suffix(".csv").write_text("onset_s,offset_s,pitch_midi,velocity\n0.5,soon,60,90\n")


def _backward_note(path: Path) -> None:
    path.with_suffix(".csv").write_text("onset_s,offset_s,pitch_midi,velocity\n0.5,0.1,60,90\n")


def _late_note(path: Path) -> None:
    path.with_suffix(".csv").write_text("onset_s,offset_s,pitch_midi,velocity\n0.5,7.5,60,90\n")


@pytest.mark.parametrize(
    "spoil",
    [_empty, _no_audio, _truncated, _no_samples, _silent, _missing_table, _wrong_table, _backward_note, _late_note],
)
def test_a_bad_file_is_one_sentence_with_its_name_and_leaves_nothing(tmp_path: Path, spoil: object) -> None:
    config = make_rendered(tmp_path)
    assert callable(spoil)
    spoil(tmp_path / "a" / "taiko" / "taiko-01.flac")
    with pytest.raises(DataError, match="taiko-01") as raised:
        write_index(*build_index(rendered.read(tmp_path, config), tmp_path, config), tmp_path / "index")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "index").exists()


def test_a_folder_that_is_no_instrument_is_answered_with_a_suggestion(tmp_path: Path) -> None:
    config = make_rendered(tmp_path)
    write_recording(tmp_path / "a" / "shamizen" / "shamizen-01.flac", 9)
    with pytest.raises(UnknownNameError, match=r"a/shamizen: .*did you mean 'shamisen'"):
        list(rendered.read(tmp_path, config))


def test_a_folder_may_bear_another_spelling(tmp_path: Path) -> None:
    config = make_rendered(tmp_path)
    write_recording(tmp_path / "a" / "French horn" / "take one.flac", 9)
    found = {entry.recording: entry.instrument for entry in rendered.read(tmp_path, config)}
    assert found["a/French horn/take one"] == "french_horn"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_folder_is_named(tmp_path: Path) -> None:
    config = make_rendered(tmp_path)
    (tmp_path / "a").chmod(0)
    try:
        with pytest.raises(DataError, match="cannot be read"):
            list(rendered.read(tmp_path, config))
    finally:
        (tmp_path / "a").chmod(0o755)


def recording(bank: str, instrument: str, number: int, group: str = "", sound: str = "") -> Recording:
    name = f"{bank}/{instrument}/{number:02d}"
    return Recording(name, name + ".flac", instrument, bank, group or name, sound or name, name, RATE, 1, 1.0, "MIT")


def corpus(instruments: Sequence[str] = ("flute", "oboe"), number: int = 8) -> list[Recording]:
    return [recording(bank, name, i) for bank in ("a", "b") for name in instruments for i in range(number)]


def count_sides(recordings: Sequence[Recording], sides: dict[str, str], instrument: str) -> dict[str, int]:
    mine = [sides[each.recording] for each in recordings if each.instrument == instrument and each.bank == "a"]
    return {side: mine.count(side) for side in set(mine)}


def test_every_instrument_has_recordings_on_every_side() -> None:
    result = split(corpus(), CONFIG, seed=1)
    for instrument in ("flute", "oboe"):
        assert count_sides(result.recordings, dict(result.sides), instrument) == SIDES_OF_8
    assert {result.sides[each.recording] for each in result.recordings if each.bank == "b"} == {"unseen_bank"}
    assert not_evaluable(result, CONFIG) == []


@pytest.mark.parametrize("number", [FEWEST_GROUPS, 4, 5, 20])
def test_few_recordings_still_serve_all_sides(number: int) -> None:
    sides = count_sides(corpus(("flute",), number), dict(split(corpus(("flute",), number), CONFIG, 3).sides), "flute")
    assert min(sides.values()) >= 1
    assert set(sides) == set(SIDES_OF_8)


def test_adding_a_recording_moves_at_most_two_others_and_no_other_instrument() -> None:
    before = split(corpus(), CONFIG, seed=5).sides
    after = split([*corpus(), recording("a", "flute", 99)], CONFIG, seed=5).sides
    moved = [name for name, side in before.items() if after[name] != side]
    assert len(moved) <= 2
    assert all("/flute/" in name for name in moved)


def test_the_seed_changes_the_split() -> None:
    assert split(corpus(), CONFIG, seed=1).sides != split(corpus(), CONFIG, seed=2).sides


def test_a_group_stays_together_also_across_instruments() -> None:
    players = [recording("a", name, i, group=f"player {i // 2}") for name in ("flute", "oboe") for i in range(12)]
    result = split(players, replace_banks(unseen=()), seed=4)
    sides: dict[str, set[str]] = {}
    for each in result.recordings:
        sides.setdefault(each.group, set()).add(result.sides[each.recording])
    assert all(len(found) == 1 for found in sides.values())
    assert set().union(*sides.values()) == set(SIDES_OF_8)


def replace_banks(unseen: tuple[str, ...]) -> SplitConfig:
    return CONFIG.model_copy(update={"unseen_banks": unseen})


@pytest.mark.parametrize("what", ["sound", "group"])
def test_one_source_on_two_sides_is_refused_and_both_recordings_named(what: str) -> None:
    shared = {what: "the same"}
    leaking = [*corpus(), recording("a", "flute", 50, **shared), recording("b", "oboe", 51, **shared)]
    with pytest.raises(LeakError, match=rf"a/flute/50 .*b/oboe/51 \(unseen_bank\) have the same {what}"):
        split(leaking, CONFIG, seed=1)


def test_the_same_sound_within_one_bank_is_refused_when_it_would_cross() -> None:
    copies = [replace(each, audio_sha256="one") if each.instrument == "flute" else each for each in corpus()]
    with pytest.raises(LeakError, match="have the same sound"):
        split([each for each in copies if each.bank == "a"], replace_banks(unseen=()), seed=1)


def test_an_instrument_with_too_few_groups_is_no_class_and_is_listed(tmp_path: Path) -> None:
    take = [recording("a", "sitar", number, group=f"session {number // 2}") for number in range(4)]
    result = split([*corpus(), *take], CONFIG, seed=1)
    assert not [name for name in result.sides if "sitar" in name]
    assert result.sides == split(corpus(), CONFIG, seed=1).sides
    (entry, unused) = not_evaluable(result, CONFIG, [Skipped("Taiko/1.wav", "taiko", "is silent")])
    assert entry["instrument"] == "sitar"
    assert entry["left_out"]
    assert entry["missing_sides"] == ["train", "validation", "unseen_recording", "unseen_bank"]
    assert entry["reason"] == "4 recordings in 2 groups in the training banks, 3 groups are needed"
    assert (unused["instrument"], unused["recordings"], unused["skipped"]) == ("taiko", 0, 1)
    for name in ("one", "two"):
        write_split(result, CONFIG, [], tmp_path / name)
    for file in ("split.parquet", "not_evaluable.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_an_instrument_that_the_unseen_bank_lacks_is_a_class_and_is_listed() -> None:
    result = split([*corpus(), *(recording("a", "sitar", number) for number in range(4))], CONFIG, seed=1)
    (entry,) = not_evaluable(result, CONFIG)
    assert (entry["instrument"], entry["missing_sides"], entry["left_out"]) == ("sitar", ["unseen_bank"], False)


def test_without_unseen_banks_nothing_is_missing_there() -> None:
    result = split(corpus(), replace_banks(unseen=()), seed=1)
    assert set(result.sides.values()) == set(SIDES_OF_8)
    assert not_evaluable(result, replace_banks(unseen=())) == []


def test_a_corpus_without_enough_groups_stops() -> None:
    with pytest.raises(DataError, match=r"no instrument has 3 groups .*: flute has most, 2; record more"):
        split(corpus(("flute", "oboe"), 2), CONFIG, seed=1)
    with pytest.raises(DataError, match="holds no recording: put recordings under"):
        split([], CONFIG, seed=1)


def test_an_unknown_bank_is_named() -> None:
    with pytest.raises(TuttiError, match=r"bank 'fluid' of split\.training_banks is not in the index"):
        split(corpus(), CONFIG.model_copy(update={"training_banks": ("fluid",)}), seed=1)
