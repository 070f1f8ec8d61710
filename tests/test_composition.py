"""Phrases, sound banks and rendering: exact times, the same bytes for the same seed, and clear refusals."""

import csv
import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tutti import taxonomy
from tutti.composition import banks, rendering, synthesizer
from tutti.composition.composing import compose
from tutti.composition.phrases import Note, Phrase, tidy
from tutti.composition.rendering import RenderJob, audible, render_corpus, render_recording
from tutti.composition.rhythm import euclidean
from tutti.composition.synthesizer import BLOCK, Synthesizer
from tutti.errors import DataError, SetupError
from tutti.seeding import generator

RATE = 44100
SMALL_BANK = "TimGM6mb.sf2"  # in the package pretty_midi
NAMES = taxonomy.load().names


@pytest.fixture(scope="module")
def bank() -> Path:
    return banks.find_bank(SMALL_BANK)


@pytest.fixture(scope="module")
def player(bank: Path) -> Synthesizer:
    return synthesizer.synthesizer(bank, RATE, False)


@pytest.fixture(scope="module")
def job(bank: Path) -> RenderJob:
    return RenderJob("tim", bank, RATE, -3.0, False, recordings=2, seconds=6.0, seed=1)


@pytest.mark.parametrize("name", NAMES)
def test_phrases_are_playable_and_no_two_are_alike(name: str) -> None:
    spec = taxonomy.load().get(name).rendering
    assert spec is not None
    phrases = [compose(generator(7, name, number), spec, 8.0) for number in range(6)]
    assert len({phrase.notes for phrase in phrases}) == 6
    low, high = spec.register or (min(spec.keys), max(spec.keys))
    for phrase in phrases:
        assert phrase.notes[0].onset_s < 0.5
        assert phrase.notes[-1].offset_s > 5.0
        for note in phrase.notes:
            assert low <= note.key <= high
            assert 1 <= note.velocity <= 127
            assert 0 <= note.onset_s < note.offset_s <= 8.0
        for first, second in zip(phrase.notes, phrase.notes[1:], strict=False):
            assert spec.polyphonic or first.offset_s <= second.onset_s + 1e-9


def test_tidy_releases_a_key_that_is_struck_again_and_cuts_at_the_end() -> None:
    notes = [Note(0.0, 9.0, 60, 80), Note(1.0, 9.0, 60, 80), Note(1.5, 9.0, 64, 80)]
    assert [(n.onset_s, n.offset_s) for n in tidy(notes, 2.0, polyphonic=True)] == [(0, 1), (1, 2), (1.5, 2)]
    assert [(n.onset_s, n.offset_s) for n in tidy(notes, 2.0, polyphonic=False)] == [(0, 1), (1, 1.5), (1.5, 2)]


def test_euclidean_rhythms_are_those_of_the_literature() -> None:
    tresillo = euclidean(3, 8, 0)
    assert [i for i, stroke in enumerate(tresillo) if stroke] == [0, 3, 6]
    assert sum(euclidean(7, 16, 5)) == 7


def test_sound_begins_at_the_rendered_onset_and_not_a_sample_before(player: Synthesizer) -> None:
    strokes = tuple(Note(time, time + 0.3, 76, 110) for time in (0.2001, 0.9013))  # woodblock: an immediate attack
    samples, notes = player.play(Phrase(0, kit=True, pitched=False, notes=strokes), 2 * RATE)
    for stroke, note in zip(strokes, notes, strict=True):
        start = round(note.onset_s * RATE)
        assert start % BLOCK == 0
        assert abs(note.onset_s - stroke.onset_s) <= BLOCK / RATE / 2
        assert np.abs(samples[start : start + 4 * BLOCK]).max() > 1e-3
    assert np.abs(samples[: round(notes[0].onset_s * RATE)]).max() == 0


@pytest.mark.parametrize("tuning_cents", [0.0, 40.0])
def test_pitch_is_the_key_and_the_tuning(player: Synthesizer, tuning_cents: float) -> None:
    notes = (Note(0.0, 1.4, 69, 90),)
    samples, _ = player.play(Phrase(73, kit=False, pitched=True, notes=notes, tuning_cents=tuning_cents), RATE)
    spectrum = np.abs(np.fft.rfft(samples[8192:40960] * np.hanning(32768), 1 << 18))
    loudest_hz = np.argmax(spectrum) * RATE / (1 << 18)
    assert 1200 * np.log2(loudest_hz / 440) % 1200 == pytest.approx(tuning_cents, abs=12)


@pytest.mark.parametrize("reverb", [False, True])
def test_a_recording_does_not_depend_on_those_before_it(job: RenderJob, reverb: bool) -> None:
    flute, cymbals = (taxonomy.load().get(name) for name in ("flute", "cymbals"))
    job = replace(job, reverb=reverb, seconds=2.0)
    synthesizer.synthesizer.cache_clear()
    first, _ = render_recording(flute, job, 1)
    render_recording(cymbals, job, 1)
    again, _ = render_recording(flute, job, 1)
    np.testing.assert_array_equal(first, again)


def test_every_instrument_sounds_in_the_bank_most_of_the_time_and_differently(job: RenderJob) -> None:
    digests = set()
    for instrument in taxonomy.load():
        samples, phrase = render_recording(instrument, job, 1)
        frames = np.abs(samples[: len(samples) // 11025 * 11025]).reshape(-1, 11025).max(axis=1)
        assert (frames > 10 ** (-50 / 20)).mean() > 0.5, instrument.name
        assert np.abs(samples).max() == pytest.approx(10 ** (-3 / 20), rel=1e-3), instrument.name
        assert len(phrase.notes) >= 4, instrument.name
        digests.add(hashlib.sha256(samples.tobytes()).hexdigest())
    assert len(digests) == len(NAMES)


def test_two_banks_play_different_phrases(job: RenderJob) -> None:
    sitar = taxonomy.load().get("sitar")
    other = replace(job, bank="another name of the same file")
    assert render_recording(sitar, job, 1)[1].notes != render_recording(sitar, other, 1)[1].notes


def test_a_note_ends_when_it_can_no_longer_be_heard() -> None:
    samples = np.zeros(RATE, np.float32)
    samples[: 100 * BLOCK] = 0.5
    block_s = BLOCK / RATE
    fades, released, unheard = (Note(s * block_s, e * block_s, 60, 90) for s, e in ((0, 400), (0, 50), (200, 300)))
    ends = [note.offset_s for note in audible((fades, released, unheard), samples, RATE)]
    assert ends == [100 * block_s, 50 * block_s]


def test_a_corpus_is_the_same_bytes_for_the_same_seed(tmp_path: Path, job: RenderJob) -> None:
    chosen = taxonomy.load().select(["kalimba", "bongos"])
    small = replace(job, seconds=2.0)
    for name in ("a", "b"):
        render_corpus(chosen, small, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 9
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    info = soundfile.info(tmp_path / "a" / "kalimba" / "kalimba-01.flac")
    assert (info.channels, info.samplerate, info.frames, info.subtype) == (1, RATE, 2 * RATE, "PCM_16")
    rows = list(csv.DictReader((tmp_path / "a" / "bongos" / "bongos-02.csv").read_text().splitlines()))
    assert list(rows[0]) == list(rendering.NOTE_COLUMNS)
    assert {row["pitch_midi"] for row in rows} == {""}


def test_a_bank_that_is_not_installed_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banks, "_FOLDERS", ())
    monkeypatch.setattr(banks, "_PREFIXES", ())
    monkeypatch.setattr(banks, "_HOME_FOLDERS", ())
    monkeypatch.delenv(banks.BANKS_VARIABLE, raising=False)
    with pytest.raises(SetupError, match=r"FluidR3_GM\.sf2 is missing: .*apt-get install fluid-soundfont-gm"):
        banks.find_bank("FluidR3_GM.sf2")


def test_a_bank_is_found_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bank: Path) -> None:
    (tmp_path / "Mine.sf2").write_bytes(bank.read_bytes())
    monkeypatch.setenv(banks.BANKS_VARIABLE, str(tmp_path))
    assert banks.find_bank("Mine.sf2") == tmp_path / "Mine.sf2"


@pytest.mark.parametrize(("content", "message"), [(b"not a bank", "is not a SoundFont 2 file"), (None, "is truncated")])
def test_a_broken_bank_is_refused(tmp_path: Path, bank: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "broken.sf2"
    path.write_bytes(bank.read_bytes()[:5000] if content is None else content)
    with pytest.raises(DataError, match=message):
        banks.find_bank(str(path))


def test_a_bank_with_a_right_frame_and_rubbish_inside_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rubbish.sf2"
    path.write_bytes(b"RIFF" + (104).to_bytes(4, "little") + b"sfbk" + b"x" * 100)
    with pytest.raises(DataError, match=r"rubbish\.sf2 cannot be loaded"):
        Synthesizer(banks.find_bank(str(path)), RATE, False)


def test_a_missing_library_is_named_with_its_packages() -> None:
    program = (
        "import sys; sys.modules['fluidsynth'] = None\n"
        "from tutti.composition.synthesizer import fluidsynth_version\n"
        "from tutti.errors import SetupError\n"
        "try: fluidsynth_version()\n"
        "except SetupError as error: sys.stdout.write(str(error))\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "libfluidsynth3" in said
    assert "brew install fluid-synth" in said
    assert "conda" in said


def test_a_program_that_the_bank_lacks_is_refused(player: Synthesizer) -> None:
    with pytest.raises(DataError, match="has no drum kit 77"):
        player.play(Phrase(77, kit=True, pitched=False, notes=()), RATE)
