"""NSynth as its archives unpack: parts, families and sources, instruments as groups, and what cannot be used."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from nsynth_corpus import fields_of, nsynth_config, redescribe, write_part, write_sound
from pydantic import ValidationError

from tutti.config import SplitConfig
from tutti.corpora.adapters import nsynth
from tutti.corpora.index import build_index, read_events, read_recordings, read_skipped, write_index
from tutti.corpora.recording import Entry, Event, Recording, Skipped
from tutti.corpora.splitting import split
from tutti.errors import DataError, LeakError

TRAIN = [
    f"{family}_acoustic_{number:03d}-{note}"
    for family in ("flute", "guitar")
    for number in range(4)
    for note in ("060-025", "072-127")
]
VALID = ["flute_acoustic_010-060-050", "reed_acoustic_011-055-075"]
TEST = ["flute_acoustic_012-021-100", "synth_lead_synthetic_013-108-075"]
GOOD = "flute_acoustic_000-060-025"
ADVICE = "unpack NSynth there, run `dvc repro render_notes` for the stand-in, or change corpora.*.root in params.yaml"


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A corpus of all three parts, twenty notes, all of them good."""
    for part, names in (("train", TRAIN), ("valid", VALID), ("test", TEST)):
        write_part(tmp_path / "nsynth" / f"nsynth-{part}", names)
    return tmp_path / "nsynth"


@pytest.fixture
def train(root: Path) -> Path:
    return root / "nsynth-train"


def read(root: Path, **changes: Any) -> dict[str, Entry]:
    """Return what the adapter finds, by id."""
    return {entry.recording: entry for entry in nsynth.read(root, nsynth_config(root, **changes))}


def problems(root: Path, **changes: Any) -> dict[str, str]:
    """Return the problems that the adapter finds, by path."""
    return {entry.path: entry.problem for entry in read(root, **changes).values() if entry.problem}


def index(root: Path, **changes: Any) -> tuple[list[Recording], list[Event], list[Skipped]]:
    settings = nsynth_config(root, **changes)
    return build_index(nsynth.read(root, settings), root, settings)


# The layout


def test_a_note_has_its_family_as_label_its_instrument_as_group_and_one_event(root: Path) -> None:
    entry = read(root)["train/guitar_acoustic_002-072-127"]
    assert entry == Entry(
        recording="train/guitar_acoustic_002-072-127",
        path="nsynth-train/audio/guitar_acoustic_002-072-127.wav",
        instrument="guitar",
        bank="train",
        group="guitar_acoustic_002",
        licence=nsynth.LICENCE,
        events=(Event("train/guitar_acoustic_002-072-127", "guitar", 0.0, 0.5, 72.0, 127),),
    )


def test_every_note_of_every_part_is_listed_once_in_order(root: Path) -> None:
    found = [entry.recording for entry in nsynth.read(root, nsynth_config(root))]
    assert found == sorted(
        f"{part}/{name}" for part, names in (("train", TRAIN), ("valid", VALID), ("test", TEST)) for name in names
    )
    assert problems(root) == {}


def test_a_family_of_two_words_is_read(root: Path) -> None:
    entry = read(root)["test/synth_lead_synthetic_013-108-075"]
    assert (entry.instrument, entry.group) == ("synth_lead", "synth_lead_synthetic_013")


@pytest.mark.parametrize(("min_seconds", "offset_s"), [(0.25, 0.25), (3.0, 3.0), (3.5, 3.0)])
def test_an_event_lasts_as_long_as_nsynth_holds_a_note_and_never_beyond_the_shortest_file(
    root: Path, min_seconds: float, offset_s: float
) -> None:
    assert {event.offset_s for each in read(root, min_seconds=min_seconds).values() for event in each.events} == {
        offset_s
    }


def test_where_any_length_will_do_it_is_unknown_what_sounds_when(root: Path) -> None:
    assert not any(each.events for each in read(root, min_seconds=0).values())


@pytest.mark.parametrize("kept", ["train", "valid", "test"])
def test_one_part_alone_is_read(root: Path, kept: str) -> None:
    for path in sorted(root.iterdir()):
        if path.name != f"nsynth-{kept}":
            path.rename(root.parent / path.name)
    assert {entry.bank for entry in read(root).values()} == {kept}


def test_folders_may_lack_the_prefix(root: Path) -> None:
    before = set(read(root))
    (root / "nsynth-valid").rename(root / "valid")
    assert set(read(root)) == before


def test_a_root_that_is_itself_a_part_is_the_bank_train(train: Path) -> None:
    found = list(read(train).values())
    assert {entry.bank for entry in found} == {"train"}
    assert found[0].path == f"audio/{found[0].recording.removeprefix('train/')}.wav"
    assert len(index(train)[0]) == len(TRAIN)


def test_two_folders_of_one_part_are_refused(root: Path) -> None:
    write_part(root / "train", VALID)
    with pytest.raises(DataError, match=r"nsynth-train and .*train are both the part 'train': remove one of them$"):
        read(root)


def test_a_folder_of_another_name_is_told_and_takes_no_notes_away(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = read(root)
    write_part(root / "nsynth-train-copy", TRAIN)
    write_part(root / ".hidden", TRAIN)
    assert read(root) == before
    assert caplog.text.count("is not read") == 1
    assert f"folder {root / 'nsynth-train-copy'} is not read" in caplog.text
    assert len(index(root)[0]) == len(before)


# Families and sources


def test_notes_of_other_families_and_sources_are_left_out_and_counted(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_part(root / "nsynth-valid", [*VALID, "flute_synthetic_090-060-050", "bass_electronic_091-040-050"])
    with caplog.at_level(logging.INFO, "tutti"):
        found = read(root, families={"flute": "synthetic", "reed": "acoustic"})
    assert set(found) == {"valid/flute_synthetic_090-060-050", "valid/reed_acoustic_011-055-075"}
    n_others = len(TRAIN) + len(TEST) + 2
    assert [record.message for record in caplog.records] == [
        f"{root}: {n_others} notes of other families or sources are left out"
    ]
    with caplog.at_level(logging.INFO, "tutti"):
        assert index(root, families={"flute": "synthetic"})[2] == []


def test_what_is_left_out_need_not_be_right(root: Path) -> None:
    redescribe(root / "nsynth-valid", **{VALID[1]: fields_of(VALID[1], pitch="high")})
    (root / "nsynth-valid" / "audio" / f"{VALID[1]}.wav").unlink()
    assert list(problems(root)) == [f"nsynth-valid/audio/{VALID[1]}.wav"]
    assert problems(root, families={"flute": "acoustic"}) == {}


def test_files_that_no_description_names_are_counted_and_not_read(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = read(root)
    write_sound(root / "nsynth-train" / "audio" / "flute_acoustic_099-060-050.wav")
    write_sound(root / "nsynth-test" / "audio" / "noise.wav")
    (root / "nsynth-test" / "audio" / "read me.txt").write_text("NSynth")
    assert read(root) == before
    assert [record.message for record in caplog.records] == [
        f"{root}: 2 WAV files that no examples.json names are not read"
    ]


# The section


@pytest.mark.parametrize(
    "changes",
    [
        {"families": {}},
        {"families": {"": "acoustic"}},
        {"families": {"flute": "wooden"}},
        {"render": {"banks": {}}},
        {"render": {"banks": {"training": "TimGM6mb.sf2"}}},
        {"render": {"velocities": []}},
        {"render": {"velocities": [25, 25]}},
        {"render": {"velocities": [0]}},
        {"render": {"velocities": [128]}},
        {"render": {"velocities": [25.5]}},
        {"render": {"velocities": 25}},
        {"render": {"held_seconds": 0.05}},
        {"render": {"held_seconds": 31.0}},
        {"render": {"decay_seconds": -1.0}},
        {"render": {"sample_rate_hz": 4000}},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    section = nsynth_config(tmp_path).render.model_dump()
    section["velocities"] = list(section["velocities"])
    if "render" in changes:
        changes = {"render": section | changes["render"]}
    with pytest.raises(ValidationError):
        nsynth_config(tmp_path, **changes)
    assert nsynth_config(tmp_path, render=section).render.velocities == (25, 50, 75, 100, 127)


def test_it_holds_notes_of_three_banks_and_is_a_stand_in_in_one_folder_only(tmp_path: Path) -> None:
    config = nsynth_config(tmp_path)
    assert config.bank_names == ("train", "valid", "test")
    assert config.holds_notes
    assert not config.is_rendered
    assert nsynth_config(nsynth.STAND_IN).is_rendered


# What cannot be used

AT_AUDIO = f"nsynth-train/audio/{GOOD}.wav"
NO_FIELD = "has no {} in examples.json: unpack NSynth again, or remove it there"
TEXT = "in examples.json, and it must be a text in UTF-8"
MIDI = "in examples.json, and it must be a whole number within 0..127"
FAULTS: dict[str, tuple[Any, str]] = {
    "a list": ([1], "is described in examples.json by [1], and it must be by a group of fields"),
    "nothing": (None, "is described in examples.json by None, and it must be by a group of fields"),
    "empty": ({}, NO_FIELD.format("instrument_family_str")),
    "family": ({"instrument_family_str": 3}, f"has the instrument_family_str 3 {TEXT}"),
    "source": ({"instrument_source_str": ["acoustic"]}, f"has the instrument_source_str ['acoustic'] {TEXT}"),
    "instrument": ({"instrument_str": ""}, f"has the instrument_str '' {TEXT}"),
    "surrogate": ({"instrument_str": "fl\udce9te"}, f"has the instrument_str 'fl\\udce9te' {TEXT}"),
    "pitch of 128": ({"pitch": 128}, f"has the pitch 128 {MIDI}"),
    "pitch below 0": ({"pitch": -1}, f"has the pitch -1 {MIDI}"),
    "pitch with a fraction": ({"pitch": 60.5}, f"has the pitch 60.5 {MIDI}"),
    "pitch in words": ({"pitch": "60"}, f"has the pitch '60' {MIDI}"),
    "pitch of true": ({"pitch": True}, f"has the pitch True {MIDI}"),
    "pitch that is no number": ({"pitch": float("nan")}, f"has the pitch nan {MIDI}"),
    "velocity of 128": ({"velocity": 128}, f"has the velocity 128 {MIDI}"),
    "velocity below 0": ({"velocity": -5}, f"has the velocity -5 {MIDI}"),
    "long": ({"velocity": "x" * 100}, f"has the velocity '{'x' * 56}... {MIDI}"),
    "another name": ({"note_str": "flute"}, "has the note_str 'flute' in examples.json, and it must be the name under "
                     "which the note stands"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_description_is_listed_and_the_others_go_on(root: Path, train: Path, fault: str) -> None:
    given, sentence = FAULTS[fault]
    redescribe(train, **{GOOD: fields_of(GOOD, **given) if isinstance(given, dict) and given else given})
    recordings, events, skipped = index(root)
    assert [(each.path, each.reason) for each in skipped] == [(AT_AUDIO, sentence)]
    assert len(recordings) == len(events) == len(TRAIN) + len(VALID) + len(TEST) - 1
    with pytest.raises(DataError) as caught:
        index(root, on_bad_file="stop")
    assert str(caught.value) == f"{root / AT_AUDIO} {sentence}"


@pytest.mark.parametrize("field", ["instrument_source_str", "instrument_str", "pitch", "velocity", "note_str"])
def test_a_field_that_is_missing_is_named(root: Path, train: Path, field: str) -> None:
    described = fields_of(GOOD)
    del described[field]
    redescribe(train, **{GOOD: described})
    assert problems(root) == {AT_AUDIO: NO_FIELD.format(field)}


def test_a_velocity_of_0_is_unknown_and_no_fault(root: Path, train: Path) -> None:
    redescribe(train, **{GOOD: fields_of(GOOD, velocity=0)})
    assert read(root)[f"train/{GOOD}"].events[0].velocity == 0


TRICKS = {
    "../../outside": "names a note '../../outside', which is no plain file name: rename it there",
    "../audio/flute_acoustic_000-060-025": "names a note '../audio/flute_acoustic_000-060-025', which is no plain file "
    "name: rename it there",
    "/etc/passwd": "names a note '/etc/passwd', which is no plain file name: rename it there",
    "..": "names a note '..', which is no plain file name: rename it there",
    "": "names a note '', which is no plain file name: rename it there",
    "a\\b": "names a note 'a\\\\b', which is no plain file name: rename it there",
    "nul\0.wav": "names a note 'nul\\x00.wav', which is no plain file name: rename it there",
    "two\nlines": "names a note 'two\\nlines', which is no plain file name: rename it there",
    "\udce9tude": "names a note '\\udce9tude', which is no name in UTF-8: rename it there",
}


def test_names_that_are_no_file_names_are_listed_and_lead_nowhere(root: Path, train: Path) -> None:
    write_sound(root.parent / "outside.wav")
    redescribe(train, **{name: fields_of(GOOD, note_str=name) for name in TRICKS})
    recordings, _, skipped = index(root)
    assert len(recordings) == len(TRAIN) + len(VALID) + len(TEST)
    assert sorted(each.reason for each in skipped) == sorted(TRICKS.values())
    assert {each.path for each in skipped} == {"nsynth-train/examples.json"}
    assert len({entry.recording for entry in nsynth.read(root, nsynth_config(root))}) == len(recordings) + len(TRICKS)
    write_index(recordings, [], skipped, root.parent / "index")
    assert len(read_skipped(root.parent / "index")) == len(TRICKS)


def test_a_sound_whose_name_is_not_utf8_is_listed(root: Path, train: Path) -> None:
    strange = os.fsdecode(b"\xe9tude")
    try:
        write_sound(train / "audio" / "a.wav").rename(train / "audio" / f"{strange}.wav")
    except OSError:
        pytest.skip("this file system refuses such names")
    redescribe(train, **{strange: fields_of(GOOD, note_str=strange)})
    assert problems(root) == {"nsynth-train/examples.json": TRICKS[strange]}


def test_a_name_of_another_script_is_read(root: Path, train: Path) -> None:
    write_sound(train / "audio" / "尺八 ré-060-100.wav")
    redescribe(train, **{"尺八 ré-060-100": fields_of(GOOD, note_str="尺八 ré-060-100", instrument_str="尺八")})
    recordings, events, skipped = index(root)
    assert not skipped
    write_index(recordings, events, skipped, root.parent / "index")
    read_back = {each.recording: each for each in read_recordings(root.parent / "index")}
    assert read_back["train/尺八 ré-060-100"].group == "尺八"
    assert len(read_events(root.parent / "index")) == len(read_back)


def _remove(path: Path) -> None:
    path.unlink()


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.wav")


def _link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.parametrize("spoil", [_remove, _make_folder, _link_nowhere, _link_to_itself])
def test_a_missing_sound_is_listed(root: Path, spoil: Any) -> None:
    spoil(root / AT_AUDIO)
    sentence = "is missing, though examples.json names it: unpack NSynth again, or remove it there"
    assert problems(root) == {AT_AUDIO: sentence}


def test_a_damaged_a_silent_and_a_short_sound_and_a_copy_are_listed(root: Path, train: Path) -> None:
    good, damaged, copied, short = (train / "audio" / f"{name}.wav" for name in TRAIN[:4])
    damaged.write_bytes(good.read_bytes()[:700])
    copied.write_bytes(good.read_bytes())
    write_sound(short, seconds=0.3)
    recordings, _, skipped = index(root)
    assert len(recordings) == len(TRAIN) + len(VALID) + len(TEST) - 3
    reasons = {Path(each.path).name: each.reason for each in skipped}
    assert set(reasons) == {damaged.name, copied.name, short.name}
    assert reasons[damaged.name].startswith("is truncated")
    assert reasons[copied.name] == f"holds the same sound as nsynth-train/audio/{good.name}"
    assert reasons[short.name] == "lasts 0.300 s, less than the corpus' min_seconds 0.5"


OUTSIDE = "is behind a link that leads out of the corpus' root: set links_outside to true"


def _link(path: Path, target: Path) -> None:
    path.rename(target)
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("linked", "n_behind"),
    [(AT_AUDIO, 1), ("nsynth-train/audio", len(TRAIN)), ("nsynth-train", len(TRAIN)),
     ("nsynth-train/examples.json", len(TRAIN))],
)  # fmt: skip
def test_a_link_out_of_the_root_is_followed_only_where_that_is_allowed(root: Path, linked: str, n_behind: int) -> None:
    before = read(root)
    _link(root / linked, root.parent / "kept")
    assert list(problems(root).values()) == [OUTSIDE] * n_behind
    assert not any(each.events for each in read(root).values() if each.problem)
    assert read(root, links_outside=True) == before


def test_a_link_within_the_root_is_followed(root: Path) -> None:
    before = read(root)
    (root / "sounds").mkdir()
    _link(root / AT_AUDIO, root / "sounds" / "one.wav")
    _link(root / "nsynth-test" / "audio", root / "sounds" / "test")
    assert read(root) == before


def test_a_root_that_is_a_link_is_the_root(root: Path) -> None:
    (root.parent / "link").symlink_to(root)
    assert not any(entry.problem for entry in read(root.parent / "link").values())


# What stops


@pytest.mark.parametrize("missing", ["", "nsynth-train/audio"])
def test_a_missing_folder_says_what_to_do(root: Path, missing: str) -> None:
    (root / missing).rename(root.parent / "elsewhere")
    with pytest.raises(DataError) as caught:
        read(root)
    assert str(caught.value) == f"folder {root / missing} is missing: {ADVICE}"


def test_without_any_description_it_says_what_to_do(tmp_path: Path) -> None:
    write_sound(tmp_path / "nsynth-train" / "audio" / f"{GOOD}.wav")
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'nsynth-train' / 'examples.json'} is missing: {ADVICE}"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not JSON (Expecting value: line 1 column 1 (char 0))"),
        (b'{"a": ', "is not JSON (Expecting value: line 1 column 7 (char 6))"),
        (b"\xff\xfe\x00\xd8\x00", "is not JSON (it is not text, or nested too deeply)"),
        (b"[" * 100_000, "is not JSON (it is not text, or nested too deeply)"),
        (b"[]", "holds no group of notes by name"),
        (b'"notes"', "holds no group of notes by name"),
    ],
    ids=["empty", "cut", "binary", "nested", "list", "text"],
)
def test_a_description_that_cannot_be_read_is_named(root: Path, train: Path, content: bytes, sentence: str) -> None:
    (train / "examples.json").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(root)
    assert str(caught.value) == f"{train / 'examples.json'} {sentence}: {ADVICE}"


def test_a_description_that_is_a_folder_is_named(root: Path, train: Path) -> None:
    (train / "examples.json").unlink()
    (train / "examples.json").mkdir()
    with pytest.raises(DataError, match=r"examples\.json cannot be read: Is a directory"):
        read(root)


def test_a_description_with_a_byte_order_mark_is_read(root: Path, train: Path) -> None:
    before, path = read(root), train / "examples.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(root) == before


def test_a_part_without_notes_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_part(tmp_path / "nsynth-train", [])
    assert index(tmp_path) == ([], [], [])
    assert "no recording under" in caplog.text


# The split

SPLIT = SplitConfig(
    training_banks=("train",), test_banks=("valid",), unseen_banks=("test",), validation_fraction=0.2, test_fraction=0.0
)


def test_the_split_shares_no_instrument(root: Path) -> None:
    recordings = index(root)[0]
    alone = {"test_banks": (), "unseen_banks": (), "test_fraction": 0.2}
    for config in (SPLIT, SPLIT.model_copy(update=alone)):
        result = split(recordings, config, seed=1)
        sides: dict[str, set[str]] = {}
        for each in result.recordings:
            instrument = Path(each.path).name.partition("-")[0]
            sides.setdefault(instrument, set()).add(result.sides[each.recording])
        assert all(len(found) == 1 for found in sides.values())
        assert len(set().union(*sides.values())) >= 3
        assert {each.instrument for each in result.recordings} == {"flute", "guitar"}


def test_an_instrument_of_two_parts_is_a_leak_where_they_are_two_sides(root: Path) -> None:
    shared = "flute_acoustic_010-072-050"  # NSynth's parts valid and test share instruments
    write_part(root / "nsynth-test", [*TEST, shared])
    recordings = index(root)[0]
    with pytest.raises(LeakError, match=r"test/flute_acoustic_010-072-050 .* valid/flute_acoustic_010-060-050 .*group"):
        split(recordings, SPLIT, seed=1)
    together = SPLIT.model_copy(update={"test_banks": ("valid", "test"), "unseen_banks": ()})
    result = split(recordings, together, seed=1)
    assert result.sides[f"test/{shared}"] == result.sides["valid/flute_acoustic_010-060-050"] == "unseen_recording"


def test_descriptions_are_those_of_nsynth() -> None:
    """The helper describes a note as the data set does: the names of all its fields."""
    assert json.loads(json.dumps(fields_of(GOOD))).keys() == {
        "note", "note_str", "instrument", "instrument_str", "pitch", "velocity", "sample_rate", "qualities",
        "qualities_str", "instrument_family", "instrument_family_str", "instrument_source", "instrument_source_str",
    }  # fmt: skip
