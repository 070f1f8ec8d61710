"""The stand-in of NSynth: its layout, its notes, the same bytes, its qualities, and that no two instruments share."""

import json
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from nsynth_corpus import fields_of, nsynth_config
from solo_corpus import files_in

from stages import render_notes as stage
from tutti import store
from tutti.audio import Samples
from tutti.composition import banks, notes, synthesizer
from tutti.composition.note_programs import FAMILIES, Family
from tutti.composition.notes import NoteJob, play_note, render_notes
from tutti.composition.phrases import Phrase
from tutti.composition.qualities import QUALITIES, qualities
from tutti.corpora.adapters import nsynth
from tutti.corpora.index import build_index
from tutti.errors import DataError, SetupError, TuttiError

SMALL_BANK = "TimGM6mb.sf2"  # in the package pretty_midi
LARGE_BANK = "FluidR3_GM.sf2"
RATE = 8000
FEW = {
    "flute": Family("acoustic", {73: (60, 64), 75: (67, 71)}),
    "synth_lead": Family("synthetic", {81: (48, 52)}),
}
VELOCITIES = (25, 127)


def _missing(bank: str) -> str:
    try:
        synthesizer.fluidsynth_version()
        banks.find_bank(bank)
    except TuttiError as error:
        return str(error)
    return ""


needs_fluidsynth = pytest.mark.skipif(bool(_missing(SMALL_BANK)), reason=_missing(SMALL_BANK) or "all is there")
needs_large_bank = pytest.mark.skipif(bool(_missing(LARGE_BANK)), reason=_missing(LARGE_BANK) or "all is there")


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


def job(families: dict[str, Family] = FEW, number: Any = 3, seed: int = 7, **changes: Any) -> NoteJob:
    """Return a stand-in of three instruments, three short notes each, one part, from the small bank."""
    settings = {
        "banks": {"train": SMALL_BANK}, "sample_rate_hz": RATE, "held_seconds": 0.7, "decay_seconds": 0.3,
        "velocities": VELOCITIES,
    }  # fmt: skip
    section = nsynth_config(Path("anywhere")).render
    return NoteJob(section.model_copy(update={**settings, **changes}), families, number, seed)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stand-in") / "nsynth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUTTI_WORKERS", "1")
        render_notes(job(), path)
    return path


def described(root: Path, part: str = "train") -> dict[str, Any]:
    return dict(json.loads((root / f"nsynth-{part}" / "examples.json").read_text(encoding="utf-8")))


# The layout


@needs_fluidsynth
def test_the_layout_is_that_of_the_archives(root: Path) -> None:
    assert sorted(path.name for path in root.iterdir()) == ["nsynth-train", "stand_in.json"]
    examples = described(root)
    assert list(examples) == sorted(examples)
    assert sorted(path.stem for path in (root / "nsynth-train" / "audio").iterdir()) == list(examples)
    assert {each["instrument_str"]: each["instrument"] for each in examples.values()} == {
        "flute_acoustic_073": 73, "flute_acoustic_075": 75, "synth_lead_synthetic_081": 81,
    }  # fmt: skip
    assert len(examples) == len({each["note"] for each in examples.values()}) == 3 * 3
    for name, fields in examples.items():
        assert name == f"{fields['instrument_str']}-{fields['pitch']:03d}-{fields['velocity']:03d}"
        given = {key: fields[key] for key in ("note", "qualities", "qualities_str")}
        numbers = (2, 0) if name.startswith("flute") else (9, 2)
        given |= dict(zip(("instrument_family", "instrument_source"), numbers, strict=True))
        assert fields == fields_of(name, **given)
        assert fields["qualities_str"] == [
            word for word, present in zip(QUALITIES, fields["qualities"], strict=True) if present
        ]
    assert store.read_json(root / "stand_in.json") == {
        "banks": {"train": {"file": SMALL_BANK, "sha256": store.file_digest(banks.find_bank(SMALL_BANK))}},
        "fluidsynth": synthesizer.fluidsynth_version(),
    }


@needs_fluidsynth
def test_files_are_mono_of_16_bit_as_long_as_held_and_decay_at_the_peak_of_nsynth(root: Path) -> None:
    for path in root.rglob("*.wav"):
        info = soundfile.info(path)
        assert (info.channels, info.samplerate, info.subtype, info.format) == (1, RATE, "PCM_16", "WAV")
        assert info.frames == RATE
        samples, _ = soundfile.read(path)
        assert np.abs(samples).max() == pytest.approx(0.99, abs=1 / 32768)


@needs_fluidsynth
@pytest.mark.parametrize(("rate", "held", "decay"), [(8000, 0.3334, 0.2), (11025, 0.1, 0.0), (44100, 0.11, 0.05)])
def test_the_length_is_exact_at_any_rate(rate: int, held: float, decay: float) -> None:
    config = job(sample_rate_hz=rate, held_seconds=held, decay_seconds=decay).config
    samples = play_note(banks.find_bank(SMALL_BANK), 73, 72, 100, config)
    assert samples.shape == (round((held + decay) * rate),)
    assert samples.dtype == np.float32


@needs_fluidsynth
def test_the_adapter_cannot_tell_it_apart(root: Path) -> None:
    config = nsynth_config(root)
    recordings, events, skipped = build_index(nsynth.read(root, config), root, config)
    assert not skipped
    assert [each.recording for each in recordings] == [f"train/{name}" for name in described(root)]
    assert {each.group for each in recordings} == {each["instrument_str"] for each in described(root).values()}
    assert {each.instrument for each in recordings} == set(FEW)
    assert [event.pitch_midi for event in events] == [each["pitch"] for each in described(root).values()]
    assert [event.velocity for event in events] == [each["velocity"] for each in described(root).values()]


@needs_fluidsynth
def test_instruments_of_two_banks_are_others_and_of_one_bank_the_same(tmp_path: Path) -> None:
    other = tmp_path / "Other.sf2"
    shutil.copy(banks.find_bank(SMALL_BANK), other)
    plan = job(number=1, banks={"train": SMALL_BANK, "valid": str(other), "test": str(other)})
    render_notes(plan, tmp_path / "out")
    numbers = {part: sorted(each["instrument"] for each in described(tmp_path / "out", part).values())
               for part in ("train", "valid", "test")}  # fmt: skip
    assert numbers == {"train": [73, 75, 81], "valid": [201, 203, 209], "test": [201, 203, 209]}
    assert all(
        name.startswith(("flute_acoustic_2", "synth_lead_synthetic_2")) for name in described(tmp_path / "out", "test")
    )
    assert list(store.read_json(tmp_path / "out" / "stand_in.json")["banks"]) == ["test", "train", "valid"]


@needs_fluidsynth
def test_further_specimens_are_instruments_of_their_own_beside_the_first_one(root: Path, tmp_path: Path) -> None:
    render_notes(replace(job(), specimens=3), tmp_path / "more")
    before, after = described(root), described(tmp_path / "more")
    assert {name: after[name] for name in before} == before
    assert {each["instrument"] for each in after.values()} == {
        program + notes.PROGRAMS * number for program in (73, 75, 81) for number in range(3)
    }
    audio = files_in(tmp_path / "more")
    assert {path: audio[path] for path in files_in(root) if path.endswith(".wav")} == {
        path: content for path, content in files_in(root).items() if path.endswith(".wav")
    }


# What is drawn


@needs_fluidsynth
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", workers)
    synthesizer.synthesizer.cache_clear()
    render_notes(job(), tmp_path / "again")
    assert files_in(tmp_path / "again") == files_in(root)


@needs_fluidsynth
def test_another_seed_draws_other_notes(root: Path, tmp_path: Path) -> None:
    render_notes(job(seed=8), tmp_path / "other")
    assert len(described(tmp_path / "other")) == len(described(root))
    assert set(described(tmp_path / "other")) != set(described(root))


def test_each_instrument_and_part_draws_notes_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "synthesizer", _Bank(lambda key, force, time: 0.5 * _sine(key * 4 + force, time)))
    alike = {"flute": Family("acoustic", dict.fromkeys((73, 74), (40, 80)))}
    render_notes(job(alike, 10, banks=dict.fromkeys(("train", "test"), SMALL_BANK)), tmp_path / "out")
    drawn = {
        (part, program): frozenset(
            name[-7:] for name in described(tmp_path / "out", part) if f"_{program:03d}-" in name
        )
        for part, program in product(("train", "test"), (73, 74))
    }
    assert all(len(each) == 10 for each in drawn.values())
    assert len(set(drawn.values())) == len(drawn)


@needs_fluidsynth
def test_an_instrument_that_is_added_leaves_the_others_as_they_are(root: Path, tmp_path: Path) -> None:
    more = {
        "bass": Family("acoustic", {33: (40, 44)}),
        "flute": Family("acoustic", {74: (70, 74), **FEW["flute"].registers}),
        **{name: family for name, family in FEW.items() if name != "flute"},
    }
    render_notes(job(more), tmp_path / "more")
    before, after = described(root), described(tmp_path / "more")
    assert {name: after[name] for name in before} == before
    assert {each["instrument_str"] for name, each in after.items() if name not in before} == {
        "bass_acoustic_033", "flute_acoustic_074",
    }  # fmt: skip
    sounds = files_in(root / "nsynth-train" / "audio")
    assert sounds == {name: files_in(tmp_path / "more" / "nsynth-train" / "audio")[name] for name in sounds}


@needs_fluidsynth
def test_all_notes_are_the_grid_of_register_and_velocities(root: Path, tmp_path: Path) -> None:
    registers = {"flute_acoustic_073": (60, 64), "flute_acoustic_075": (67, 71), "synth_lead_synthetic_081": (48, 52)}
    grid = {
        f"{name}-{pitch:03d}-{velocity:03d}"
        for name, (low, high) in registers.items()
        for pitch, velocity in product(range(low, high + 1), VELOCITIES)
    }
    assert set(described(root)) < grid
    one = {"flute": Family("acoustic", {73: (60, 64)})}
    for number in ("all", 99):
        render_notes(job(one, number), tmp_path / "all")
        assert set(described(tmp_path / "all")) == {name for name in grid if name.startswith("flute_acoustic_073")}


class _Bank:
    """A synthesizer that plays a function of key, velocity and time in seconds."""

    def __init__(self, sound: Callable[[int, int, Any], Any]) -> None:
        self.sound, self.rate = sound, 0

    def __call__(self, bank: Path, sample_rate_hz: int, reverb: bool) -> "_Bank":
        assert bank == banks.find_bank(SMALL_BANK)
        assert not reverb
        self.rate = sample_rate_hz
        return self

    def play(self, phrase: Phrase, n_samples: int) -> tuple[Samples, tuple[()]]:
        (note,) = phrase.notes
        assert not phrase.kit
        time_s = np.arange(n_samples) / self.rate
        return np.asarray(self.sound(note.key, note.velocity, time_s), np.float32), ()


def _sine(frequency_hz: float, time_s: Any) -> Any:
    return np.sin(2 * np.pi * frequency_hz * time_s)


def test_a_note_that_is_silent_is_replaced_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    level = {0: 0.5, 1: 0.9e-4}  # even keys sound
    monkeypatch.setattr(
        notes,
        "synthesizer",
        _Bank(lambda key, force, time: level[key % 2] * force / 127 * _sine(key * 4 + force, time)),
    )
    one = {"flute": Family("acoustic", {73: (60, 69)})}
    found: dict[Any, set[str]] = {}
    for number in (4, 5, "all"):
        render_notes(job(one, number), tmp_path / "out")
        found[number] = set(described(tmp_path / "out"))
        assert all(each["pitch"] % 2 == 0 for each in described(tmp_path / "out").values())
    assert [len(each) for each in found.values()] == [4, 5, 10]
    assert found[4] < found[5] < found["all"]


def test_a_note_that_sounds_exactly_as_another_one_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "synthesizer", _Bank(lambda key, force, time: force / 127 * _sine(4 * key, time)))
    one = {"flute": Family("acoustic", {73: (60, 64)})}
    render_notes(job(one, "all", velocities=(32, 64)), tmp_path / "out")
    assert sorted(each["pitch"] for each in described(tmp_path / "out").values()) == [60, 61, 62, 63, 64]


def test_a_bank_that_is_silent_for_an_instrument_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "synthesizer", _Bank(lambda _, __, time: 0 * time))
    with pytest.raises(DataError) as caught:
        render_notes(job(), tmp_path / "out")
    assert str(caught.value) == (
        f"sound bank {banks.find_bank(SMALL_BANK)} gives silence for program 73 (flute): name another bank in "
        "corpora.*.render.banks"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_what_lies_beyond_half_the_rate_is_not_folded_back(monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
    monkeypatch.setattr(
        notes, "synthesizer", _Bank(lambda _, __, time: 0.2 * (_sine(1000, time) + _sine(0.62 * rate, time)))
    )
    config = job(sample_rate_hz=rate, held_seconds=1.0, decay_seconds=0.0).config
    samples = play_note(banks.find_bank(SMALL_BANK), 73, 60, 64, config)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) == 1000
    assert spectrum[1200:].max() < 1e-3 * spectrum.max()


def test_an_offset_of_the_bank_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "synthesizer", _Bank(lambda _, __, time: 0.3 + 0.1 * _sine(500, time)))
    samples = play_note(banks.find_bank(SMALL_BANK), 73, 60, 64, job().config)
    assert abs(samples[RATE // 2 :].mean()) < 1e-3
    assert np.abs(samples[RATE // 2 :]).max() == pytest.approx(0.1, abs=0.005)


@needs_fluidsynth
def test_a_note_has_its_pitch_its_force_and_its_end() -> None:
    bank, config = banks.find_bank(SMALL_BANK), job(sample_rate_hz=16000, decay_seconds=0.5).config
    loud, quiet = (play_note(bank, 73, 69, velocity, config) for velocity in (110, 40))
    assert np.abs(loud).max() > 2 * np.abs(quiet).max()
    spectrum = np.abs(np.fft.rfft(loud[1600:11200] * np.hanning(9600)))
    strongest_hz = float(np.argmax(spectrum) * 16000 / 9600)
    harmonic = round(strongest_hz / 440)
    assert 1 <= harmonic <= 4
    assert strongest_hz == pytest.approx(440 * harmonic, rel=0.02)
    assert np.abs(loud[-1600:]).max() < 0.01 * np.abs(loud[6400:11200]).max()


def test_a_bank_that_is_missing_or_none_is_named_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"^sound bank Nowhere\.sf2 is missing: put it there, or set [^\n]*$"):
        render_notes(job(banks={"train": SMALL_BANK, "test": "Nowhere.sf2"}), tmp_path / "out")
    (tmp_path / "fake.sf2").write_bytes(b"no bank at all")
    with pytest.raises(DataError, match="is not a SoundFont 2 file"):
        render_notes(job(banks={"train": str(tmp_path / "fake.sf2")}), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["fake.sf2"]


@needs_fluidsynth
def test_the_stage_renders_what_the_parameters_say(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, sizes = job(), SimpleNamespace(notes_per_instrument=3, specimens=1)
    params = SimpleNamespace(
        seed=plan.seed,
        size=lambda task: {"families": SimpleNamespace(corpus=sizes)}[task],
        corpus=lambda name: {"nsynth": SimpleNamespace(render=plan.config)}[name],
    )
    monkeypatch.setattr("tutti.config.load", lambda: params)
    monkeypatch.setattr(stage, "FAMILIES", FEW)
    stage.main(stage.parser().parse_args(["--corpus", "nsynth", "--out", str(tmp_path / "out")]))
    assert files_in(tmp_path / "out") == files_in(root)


# Qualities of signals that are known

TIME_S = np.arange(4 * 16000) / 16000
HELD = np.where(TIME_S < 3, 1.0, 0.0)


def _falling(db_a_second: float, since_s: float = 0.0) -> Any:
    return 10 ** (-db_a_second * np.maximum(TIME_S - since_s, 0) / 20)


SIGNALS: dict[str, tuple[Any, float, set[str]]] = {  # envelope, frequency in Hz, what is present
    "held": (HELD, 1000, set()),
    "held low": (HELD, 390, {"dark"}),
    "held not so low": (HELD, 410, set()),
    "held high": (HELD, 2010, {"bright"}),
    "held not so high": (HELD, 1990, set()),
    "never released": (np.ones(len(TIME_S)), 1000, {"long_release"}),
    "struck, 22 dB in 1 s": (_falling(22) * HELD, 1000, {"fast_decay", "percussive"}),
    "struck, 18 dB in 1 s": (_falling(18) * HELD, 1000, set()),
    "struck, and over before the release": (_falling(25), 1000, {"fast_decay", "percussive"}),
    "rises for 0.2 s, then falls": (np.minimum(TIME_S / 0.2, 1) * _falling(35, 0.2) * HELD, 1000, {"fast_decay"}),
    "rises for 0.02 s, then falls": (
        np.minimum(TIME_S / 0.02, 1) * _falling(35, 0.02) * HELD, 1000, {"fast_decay", "percussive"},
    ),
    "released slowly": (_falling(36, 3), 1000, {"long_release"}),
    "released fast": (_falling(46, 3), 1000, set()),
    "low, rings on": (_falling(15), 200, {"dark", "long_release"}),
    "silence": (np.zeros(len(TIME_S)), 1000, set()),
}  # fmt: skip


@pytest.mark.parametrize("signal", SIGNALS)
def test_qualities_of_a_signal_are_what_they_are_by_construction(signal: str) -> None:
    envelope, frequency_hz, present = SIGNALS[signal]
    for gain in (0.99, 0.01):
        found = qualities(np.asarray(gain * envelope * _sine(frequency_hz, TIME_S), np.float32), 16000, 3.0)
        assert {name for name, is_present in zip(QUALITIES, found, strict=True) if is_present} == present
        assert set(found) <= {0, 1}


@pytest.mark.parametrize(("seconds", "present"), [(3.0, False), (3.4, False), (3.6, True)])
def test_a_file_that_ends_too_early_tells_nothing_of_the_release(seconds: float, present: bool) -> None:
    found = qualities(np.asarray(_sine(1000, TIME_S), np.float32)[: round(seconds * 16000)], 16000, 3.0)
    assert bool(found[QUALITIES.index("long_release")]) == present


def test_a_short_note_decays_fast_if_it_has_until_its_release() -> None:
    for held_seconds, present in ((0.5, 0), (0.9, 1)):
        samples = np.asarray(_falling(25)[:16000] * _sine(1000, TIME_S[:16000]), np.float32)
        assert qualities(samples, 16000, held_seconds)[QUALITIES.index("fast_decay")] == present


def test_the_order_of_qualities_is_that_of_nsynth() -> None:
    assert QUALITIES == (
        "bright", "dark", "distortion", "fast_decay", "long_release", "multiphonic", "nonlinear_env", "percussive",
        "reverb", "tempo-synced",
    )  # fmt: skip


# The table of programs


def test_the_table_has_the_families_of_nsynth_each_with_enough_instruments_to_be_split() -> None:
    assert list(FAMILIES) == list(notes._FAMILY_NUMBERS)
    assert {name: family.source for name, family in FAMILIES.items() if family.source != "acoustic"} == {
        "synth_lead": "synthetic"
    }
    for family in FAMILIES.values():
        assert len(family.registers) >= 4
        assert all(0 <= program <= 127 for program in family.registers)
        assert all(0 <= low < high <= 127 for low, high in family.registers.values())
    programs = [program for family in FAMILIES.values() for program in family.registers]
    assert len(programs) == len(set(programs)) == 70


def _chunks(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a RIFF file, those of lists among them, but not the sounds."""
    while start < end:
        name, size = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "little")
        if name == b"LIST":
            yield from _chunks(data, start + 12, start + 8 + size)
        elif name != b"smpl":
            yield name, data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2


def samples_of_programs(bank: Path) -> dict[int, set[tuple[int, int]]]:
    """Return start and end of the samples that each program of a SoundFont 2 file plays, presets to shdr."""
    data = bank.read_bytes()
    chunks = dict(_chunks(data, 12, len(data)))

    def rows(name: bytes, layout: str) -> list[tuple[Any, ...]]:
        return list(struct.iter_unpack("<" + layout, chunks[name]))

    def amounts(zones: tuple[int, int], bags: list[Any], generators: list[Any], wanted: int) -> Iterator[int]:
        for zone in range(*zones):
            for operator, amount in generators[bags[zone][0] : bags[zone + 1][0]]:
                if operator == wanted:
                    yield amount

    presets, preset_bags, preset_generators = rows(b"phdr", "20sHHHIII"), rows(b"pbag", "HH"), rows(b"pgen", "HH")
    instruments, bags, generators = rows(b"inst", "20sH"), rows(b"ibag", "HH"), rows(b"igen", "HH")
    headers = rows(b"shdr", "20sIIIIIBbHH")
    found: dict[int, set[tuple[int, int]]] = {}
    for preset, following in pairwise(presets):
        if preset[2] == 0:  # the bank of melodic programs
            for number in amounts((preset[3], following[3]), preset_bags, preset_generators, 41):  # instrument
                zones = (instruments[number][1], instruments[number + 1][1])
                played = {headers[sample][1:3] for sample in amounts(zones, bags, generators, 53)}  # sampleID
                found.setdefault(preset[1], set()).update(played)
    return found


@needs_large_bank
def test_no_two_instruments_share_a_sample_in_the_bank_that_is_split() -> None:
    played = samples_of_programs(banks.find_bank(LARGE_BANK))
    programs = [program for family in FAMILIES.values() for program in family.registers]
    assert all(len(played[program]) >= 1 for program in programs)
    assert [pair for pair in combinations(programs, 2) if played[pair[0]] & played[pair[1]]] == []
    assert played[84] & played[7]  # this test sees what it looks for: Charang plays samples of the clavinet
    assert len(set().union(*played.values())) > 500


@needs_fluidsynth
def test_the_test_of_shared_samples_sees_them_in_the_small_bank() -> None:
    played = samples_of_programs(banks.find_bank(SMALL_BANK))
    assert len(played[20] & played[21]) >= 2  # reed organ and accordion
    assert not played[73] & played[40]


def test_a_job_is_unchanged_by_the_order_of_velocities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(notes, "synthesizer", _Bank(lambda key, force, time: 0.5 * _sine(key * 4 + force, time)))
    plan = job(number=2)
    render_notes(plan, tmp_path / "one")
    turned = plan.config.model_copy(update={"velocities": VELOCITIES[::-1]})
    render_notes(replace(plan, config=turned), tmp_path / "two")
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")
