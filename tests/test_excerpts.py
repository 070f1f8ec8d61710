"""The stand-in of IRMAS: songs whose levels are known, its layout on disk, the same bytes, and its adapter."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from irmas_corpus import irmas_config
from solo_corpus import files_in

from tutti import store, taxonomy
from tutti.audio import Samples, level_dbfs, peak_dbfs
from tutti.composition import banks, excerpts, songs, synthesizer
from tutti.composition.excerpts import ExcerptJob, render_excerpts
from tutti.composition.songs import Player, Stage, draw_pan, play_song
from tutti.corpora.adapters import irmas
from tutti.corpora.index import build_index
from tutti.errors import DataError, SetupError, TuttiError
from tutti.seeding import generator

SMALL_BANK = "TimGM6mb.sf2"  # in the package pretty_midi
CODES = {"cel": "cello", "flu": "flute", "pia": "piano"}
RATE = 8000
STAGE = Stage(Path("none.sf2"), RATE, -1.0)


def _missing() -> str:
    try:
        synthesizer.fluidsynth_version()
        banks.find_bank(SMALL_BANK)
    except TuttiError as error:
        return str(error)
    return ""


needs_fluidsynth = pytest.mark.skipif(bool(_missing()), reason=_missing() or "all is there")


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


def player(name: str, level_db: float, pan: float = 0.0) -> Player:
    rendering = taxonomy.load().get(name).rendering
    assert rendering is not None
    return Player(name, rendering, level_db, pan)


PITCH_HZ = {"flute": 400.0, "piano": 1000.0, "cello": 250.0}


def _sine(player: Player, leads: bool, stage: Stage, seconds: float, rng: Any) -> Samples:
    """Play a sine in place of a phrase, each player at another loudness of its own."""
    del leads, rng
    time_s = np.arange(round(seconds * stage.sample_rate_hz)) / stage.sample_rate_hz
    return np.asarray(1e-4 * PITCH_HZ[player.instrument] * np.sin(2 * np.pi * PITCH_HZ[player.instrument] * time_s))


def amplitudes(song: Samples, frequency_hz: float) -> Any:
    """Return the amplitude of a sine in both channels."""
    turns = np.exp(-2j * np.pi * frequency_hz * np.arange(len(song)) / RATE)
    return 2 * np.abs((song * turns[:, None]).mean(axis=0))


@pytest.mark.parametrize(("level_db", "pan"), [(-10.0, 0.0), (-20.0, 0.7), (-15.5, -0.7), (0.0, 0.3)])
def test_a_player_stands_as_far_below_another_as_its_level_says(
    monkeypatch: pytest.MonkeyPatch, level_db: float, pan: float
) -> None:
    monkeypatch.setattr(songs, "_part", _sine)
    players = [player("flute", 0.0, -0.2), player("piano", level_db, pan), player("cello", -3.0)]
    song = play_song(players, 1, STAGE, 2.0, generator(1))
    assert song.shape == (2 * RATE, 2)
    assert song.dtype == np.float32
    assert peak_dbfs(song) == pytest.approx(-1.0, abs=1e-3)
    power = {each.instrument: np.square(amplitudes(song, PITCH_HZ[each.instrument])).sum() for each in players}
    for each in players:  # the same power wherever a player stands
        assert 10 * np.log10(power[each.instrument] / power["flute"]) == pytest.approx(each.level_db, abs=0.01)
        left, right = amplitudes(song, PITCH_HZ[each.instrument])
        assert np.arctan2(right, left) == pytest.approx((each.pan + 1) * np.pi / 4, abs=1e-3)


def test_players_stand_between_left_and_right_and_not_at_the_walls() -> None:
    pans = [draw_pan(generator(1, number)) for number in range(500)]
    assert -0.7 <= min(pans) < -0.6
    assert 0.6 < max(pans) <= 0.7


class _Phrases:
    """A synthesizer that plays given parts one after another, the last one again and again."""

    def __init__(self, *parts: Samples) -> None:
        self.parts, self.played = list(parts), 0

    def play(self, phrase: Any, n_samples: int) -> tuple[Samples, tuple[()]]:
        del phrase
        self.played += 1
        part = self.parts.pop(0) if len(self.parts) > 1 else self.parts[0]
        assert len(part) == n_samples
        return part, ()


def _thirds(*levels: float) -> Samples:
    """Return 3 s of noise, each second at a level."""
    noise = generator(1, "noise").uniform(-1, 1, 3 * RATE)
    return np.asarray(np.repeat(levels, RATE) * noise, np.float32)


@pytest.mark.parametrize(
    ("leads", "first", "played"), [(True, (1, 1, 0.05), 2), (True, (1, 0.5, 0.2), 1), (False, (1, 0, 0), 1)]
)
def test_who_leads_is_heard_in_every_third_and_plays_another_phrase_if_not(
    monkeypatch: pytest.MonkeyPatch, leads: bool, first: tuple[float, ...], played: int
) -> None:
    phrases = _Phrases(_thirds(*first), _thirds(0.5, 0.5, 0.5))
    monkeypatch.setattr(songs, "synthesizer", lambda *_: phrases)
    song = play_song([player("flute", 0.0)], int(leads), STAGE, 3.0, generator(1))
    assert phrases.played == played
    thirds = [level_dbfs(each, RATE) for each in np.array_split(song, 3)]
    if leads:
        assert max(thirds) - min(thirds) <= 20


def test_a_player_that_always_pauses_plays_the_phrase_in_which_it_pauses_least(monkeypatch: pytest.MonkeyPatch) -> None:
    phrases = _Phrases(_thirds(1, 1, 0.01), _thirds(1, 1, 0.05), _thirds(1, 1, 0.02))
    monkeypatch.setattr(songs, "synthesizer", lambda *_: phrases)
    song = play_song([player("flute", 0.0)], 1, STAGE, 3.0, generator(1))
    thirds = [np.sqrt(np.square(each).mean()) for each in np.array_split(song, 3)]
    assert thirds[2] / thirds[0] == pytest.approx(0.05, rel=0.05)


def test_a_bank_that_is_silent_for_a_player_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(songs, "synthesizer", lambda *_: _Phrases(_thirds(0, 0, 0)))
    with pytest.raises(DataError, match=r"none\.sf2 gives silence for flute: correct its rendering"):
        play_song([player("flute", 0.0)], 1, STAGE, 3.0, generator(1))


# The layout


def job(root: Path, **changes: Any) -> ExcerptJob:
    """Return a stand-in of three instruments, a song each, and two parts of the test, all from the small bank."""
    section = irmas_config(root).render
    settings = {
        "banks": dict.fromkeys(("training", "part1", "part3"), SMALL_BANK), "test_seconds": (1.0, 2.0),
        "excerpts_per_song": (2, 2), "training_seconds": 3.0, "label_shares": (0.25, 0.5, 0.25),
    }  # fmt: skip
    config = section.model_copy(update={**settings, **changes})
    return ExcerptJob(config, CODES, irmas.TRAINING_FOLDER, songs_per_instrument=1, test_clips=4, seed=7)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stand-in") / "irmas"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUTTI_WORKERS", "1")
        render_excerpts(job(path), path)
    return path


@needs_fluidsynth
def test_the_layout_is_that_of_the_archives(root: Path) -> None:
    assert sorted(path.name for path in root.iterdir()) == [
        "IRMAS-TestingData-Part1", "IRMAS-TestingData-Part3", "IRMAS-TrainingData", "stand_in.json",
    ]  # fmt: skip
    training = sorted(path.relative_to(root / "IRMAS-TrainingData") for path in root.rglob("*__*.wav"))
    assert [path.parent.name for path in training] == [code for code in CODES for _ in range(2)]
    for number, code in enumerate(CODES, 1):
        first, second = (path.name for path in training if path.parent.name == code)
        assert first.startswith((f"[{code}][dru][", f"[{code}][nod]["))
        assert (first[-11:], second) == (f"{number:04d}__1.wav", first.replace("__1", "__2"))
    for part in ("Part1", "Part3"):
        files = sorted(path.name for path in (root / f"IRMAS-TestingData-{part}" / part).iterdir())
        assert files == sorted(f"({number:04d}) stand-in-1{end}" for number in range(1, 5) for end in (".txt", ".wav"))
    description = json.loads((root / "stand_in.json").read_text())
    assert {each["sha256"] for each in description["banks"].values()} == {
        store.file_digest(banks.find_bank(SMALL_BANK))
    }
    assert list(description["banks"]) == ["part1", "part3", "training"]


@needs_fluidsynth
def test_files_are_stereo_of_44100_hz_and_16_bit_and_training_excerpts_of_3_s(root: Path) -> None:
    for path in root.rglob("*.wav"):
        info = soundfile.info(path)
        assert (info.channels, info.samplerate, info.subtype, info.format) == (2, 44100, "PCM_16", "WAV")
        if "__" in path.name:
            assert info.frames == 3 * 44100
        else:
            assert 44100 <= info.frames <= 2 * 44100
        samples, _ = soundfile.read(path)
        assert -40 < peak_dbfs(samples) <= -0.99
        assert not np.allclose(samples[:, 0], samples[:, 1])


@needs_fluidsynth
def test_the_pieces_of_a_song_are_one_song_at_its_peak(root: Path) -> None:
    for folder in (root / irmas.TRAINING_FOLDER).iterdir():
        pieces = [soundfile.read(path)[0] for path in sorted(folder.iterdir())]
        assert max(map(peak_dbfs, pieces)) == pytest.approx(-1.0, abs=0.01)


@needs_fluidsynth
def test_labels_are_one_code_a_line_each_as_frequent_as_the_others(root: Path) -> None:
    for part in ("Part1", "Part3"):
        texts = [path.read_text() for path in sorted((root / f"IRMAS-TestingData-{part}").rglob("*.txt"))]
        codes = [line for text in texts for line in text.split("\t\n") if line]
        assert all(text.endswith("\t\n") for text in texts)
        assert set(codes) <= set(CODES)
        counts = [codes.count(code) for code in CODES]
        assert max(counts) - min(counts) <= 1
        assert all(len(set(text.split())) == len(text.split()) in (1, 2, 3) for text in texts)


@needs_fluidsynth
def test_the_adapter_reads_every_file(root: Path) -> None:
    config = irmas_config(root)
    recordings, _, skipped = build_index(irmas.read(root, config), root, config)
    assert not skipped
    assert len(recordings) == len(list(root.rglob("*.wav"))) == 3 * 2 + 2 * 4
    groups = {each.group for each in recordings if each.bank == "training"}
    assert groups == {"training/0001", "training/0002", "training/0003"}
    for each in recordings:
        if each.bank == "training":
            assert each.instrument == CODES[Path(each.path).parent.name]
        else:
            text = (root / each.path).with_suffix(".txt").read_text()
            assert each.instruments == tuple(sorted(CODES[code] for code in text.split()))


@needs_fluidsynth
@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", workers)
    synthesizer.synthesizer.cache_clear()
    render_excerpts(job(tmp_path / "again"), tmp_path / "again")
    assert files_in(tmp_path / "again") == files_in(root)


@needs_fluidsynth
def test_another_seed_gives_other_songs(root: Path, tmp_path: Path) -> None:
    render_excerpts(replace(job(tmp_path), seed=8), tmp_path / "other")
    mine, others = ({store.file_digest(path) for path in each.rglob("*.wav")} for each in (root, tmp_path / "other"))
    assert not mine & others
    assert len(mine) == len(others) == 3 * 2 + 2 * 4


@needs_fluidsynth
def test_the_leading_player_is_louder_than_each_that_accompanies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked of the synthesizer: levels of those who lead within 6 dB, of the others as configured."""
    heard: list[tuple[list[Player], int]] = []

    def listen(players: list[Player], leads: int, stage: Stage, seconds: float, _: np.random.Generator) -> Samples:
        heard.append((list(players), leads))
        noise = generator(len(heard), "noise").uniform(-0.5, 0.5, (round(seconds * stage.sample_rate_hz), 2))
        return noise.astype(np.float32)

    monkeypatch.setattr(excerpts, "play_song", listen)
    plan = job(tmp_path, accompaniment=(2, 3), accompaniment_db=(-20.0, -10.0), drums_probability=0.5)
    render_excerpts(replace(plan, songs_per_instrument=20), tmp_path / "out")
    drums = {"bass_drum", "snare_drum", "hi_hat"}
    accompanists = set()
    for players, leads in heard:
        names = [each.instrument for each in players]
        assert len(set(names)) == len(names)
        assert all(-3 <= each.level_db <= 3 for each in players[:leads])
        assert all(-20 <= each.level_db <= -10 for each in players[leads:])
        assert set(names) & drums in (set(), drums)
        assert 2 <= len(set(names[leads:]) - drums) <= 3
        accompanists |= set(names[leads:])
    assert len({players[0].level_db for players, _ in heard}) == len(heard)  # no song is another one's
    assert accompanists == {"bass_guitar", "double_bass", *drums, *CODES.values()}
    drummed = [bool(drums & {each.instrument for each in players}) for players, _ in heard]
    assert 0.3 < np.mean(drummed) < 0.7
    names_of_drummed = [path.name for path in (tmp_path / "out").rglob("*__1.wav") if "[dru]" in path.name]
    assert len(names_of_drummed) == sum(drummed[:60])


def test_a_bank_that_is_missing_is_named_and_nothing_written(tmp_path: Path) -> None:
    plan = job(tmp_path, banks={"training": SMALL_BANK, "part1": "Nowhere.sf2"})
    with pytest.raises(SetupError, match=r"sound bank Nowhere\.sf2 is missing"):
        render_excerpts(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()
