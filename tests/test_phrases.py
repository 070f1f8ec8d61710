"""Short recordings strung into phrases: what sounds when, how loud, and that it can be rendered again."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from folder_corpus import tone
from numpy.typing import NDArray
from solo_corpus import CLASS_OF, RATE, clips_config, eight_instruments, files_in, write_corpus

from tutti.audio import Samples, level_dbfs
from tutti.labels import load_events, load_labels
from tutti.mixtures.clip_set import Corpus, make_clips
from tutti.mixtures.recipe import Recipe, read_recipes
from tutti.mixtures.replay import replay
from tutti.mixtures.sources import sounding_regions
from tutti.seeding import generator

SECONDS = 5.0
TAKES = 3


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


def note(number: int) -> Samples:
    """A tone of 0.4 to 0.8 s between 0.2 s of silence, at one of several levels; each of its own pitch."""
    sound = tone(300 + 40 * number, 0.4 + 0.1 * (number % 5), amplitude=0.02 * 2 ** (number % 5))
    quiet = np.zeros(round(0.2 * RATE), np.float32)
    return np.concatenate([quiet, sound, quiet])


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Single notes of eight instruments, of which nobody says when they sound."""
    names = [f"{name}/{take}" for name in CLASS_OF for take in range(TAKES)]
    sounds = {name: note(number) for number, name in enumerate(names)}
    return write_corpus(tmp_path_factory.mktemp("notes"), sounds, with_events=False)


def phrase_config(**changes: Any) -> Any:
    return clips_config(**{"seconds": SECONDS, "string_below_seconds": SECONDS, **changes})


def stems(recipe: Recipe, corpus: Corpus) -> dict[str, NDArray[np.float64]]:
    """Return each instrument of a mixture alone, at full scale 1."""
    found = {}
    for name in {source.instrument for source in recipe.sources}:
        own = tuple(source for source in recipe.sources if source.instrument == name)
        found[name] = replay(replace(recipe, sources=own), corpus.root).astype(np.float64) / 32768
    return found


def test_labels_are_where_the_tones_sound_and_mixtures_are_full(notes: Corpus, tmp_path: Path) -> None:
    make_clips(notes, phrase_config(), "train", 12, 1, tmp_path)
    events = load_events(tmp_path / "manifest")
    for recipe in read_recipes(tmp_path / "manifest/recipes.jsonl"):
        for name, samples in stems(recipe, notes).items():
            own = events[(events["clip"] == recipe.clip) & (events["instrument"] == name)]
            labelled = np.zeros(len(samples), bool)
            for onset_s, offset_s in zip(own["onset_s"], own["offset_s"], strict=True):
                labelled[round(onset_s * RATE) : round(offset_s * RATE)] = True
            sounds = np.convolve(np.abs(samples) > 1e-3, np.ones(160), "same") > 0  # a sine passes 0 all the time
            assert (labelled == sounds).mean() > 0.93  # regions are told to 50 ms
            assert 0.5 < labelled.mean() < 1


def test_every_recording_of_a_phrase_has_the_same_loudness(notes: Corpus, tmp_path: Path) -> None:
    make_clips(notes, phrase_config(gain_db=[0.0, 0.0], string_gap_seconds=[0.1, 0.3]), "train", 6, 1, tmp_path)
    levels = []
    for recipe in read_recipes(tmp_path / "manifest/recipes.jsonl"):
        for source in recipe.sources:
            alone = replay(replace(recipe, sources=(source,), attenuation_db=0.0), notes.root)
            levels.append(level_dbfs((alone / 32768).astype(np.float32), RATE))
    assert len(levels) > 50
    # The last recording of a clip may be cut to a piece, and a fade takes from a short one.
    assert np.quantile(levels, 0.9) - np.quantile(levels, 0.1) < 1.0
    assert abs(np.median(levels) + 26) < 0.7


def test_a_phrase_holds_one_instrument_of_one_side_and_no_recording_twice_in_a_row(
    notes: Corpus, tmp_path: Path
) -> None:
    sides = ["train" if name.endswith(("0", "1")) else "validation" for name in notes.split["recording"]]
    split = replace(notes, split=notes.split.assign(side=sides))
    for side, takes in (("train", {"0", "1"}), ("validation", {"2"})):
        make_clips(split, phrase_config(), side, 10, 1, tmp_path / side)
        for recipe in read_recipes(tmp_path / side / "manifest/recipes.jsonl"):
            order = defaultdict(list)
            for source in recipe.sources:
                assert source.recording.partition("/")[0] == source.instrument
                order[source.instrument].append(source)
            for parts in order.values():
                assert {part.recording[-1] for part in parts} == takes
                assert len({part.gain_db for part in parts}) == 1
                assert [part.entry_ms for part in parts] == sorted(part.entry_ms for part in parts)
                if len(takes) > 1:
                    assert all(a.recording != b.recording for a, b in pairwise(parts))
                for one, other in pairwise(parts):
                    assert -60 <= other.entry_ms - one.entry_ms - one.length_ms <= 300


def test_the_manifest_names_each_instrument_and_recording_once(notes: Corpus, tmp_path: Path) -> None:
    make_clips(notes, phrase_config(), "train", 10, 1, tmp_path)
    labels = load_labels(tmp_path / "manifest")
    for row, recipe in enumerate(read_recipes(tmp_path / "manifest/recipes.jsonl")):
        names = list(dict.fromkeys(source.instrument for source in recipe.sources))
        assert [labels.classes[column] for column in np.flatnonzero(labels.reference[row])] == names
        assert labels.polyphony[row] == len(names) < len(recipe.sources)
        assert len(set(labels.recordings[row])) == len(labels.recordings[row])


@pytest.mark.parametrize("rate", [RATE, 22050])
def test_replay_is_identical_and_so_is_another_process(
    notes: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: int
) -> None:
    config = phrase_config(sample_rate_hz=rate, late_entry_probability=0.5, early_exit_probability=0.5)
    for name, processes in (("one", "1"), ("two", "2")):
        monkeypatch.setenv("TUTTI_WORKERS", processes)
        make_clips(notes, config, "train", 20, 1, tmp_path / name)
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")
    for recipe in read_recipes(tmp_path / "one/manifest/recipes.jsonl"):
        stored = soundfile.read(tmp_path / "one/audio" / recipe.file, dtype="int16")[0]
        np.testing.assert_array_equal(replay(recipe, notes.root), stored)


def test_phrases_enter_late_and_leave_early(notes: Corpus, tmp_path: Path) -> None:
    config = phrase_config(late_entry_probability=1.0, early_exit_probability=1.0)
    make_clips(notes, config, "train", 20, 1, tmp_path)
    events = load_events(tmp_path / "manifest").groupby(["clip", "instrument"])
    assert (events["onset_s"].min() > 0).all()
    assert (events["offset_s"].max() < SECONDS).mean() > 0.9
    assert ((events["offset_s"].max() - events["onset_s"].min()) > 0.2).all()


def test_known_or_long_recordings_are_not_strung(tmp_path: Path) -> None:
    corpus = eight_instruments(tmp_path / "corpus", seconds=3.0)  # with events, and longer than the clips of 2 s
    for name, below in (("off", 0.0), ("on", 10.0)):
        make_clips(corpus, clips_config(string_below_seconds=below), "train", 10, 1, tmp_path / name)
    assert files_in(tmp_path / "off") == files_in(tmp_path / "on")


def test_a_single_click_fills_its_phrase_by_repetition(tmp_path: Path) -> None:
    click = np.zeros(RATE // 2, np.float32)
    click[1000:1800] = generator(1, "click").uniform(-0.5, 0.5, 800)
    corpus = write_corpus(tmp_path / "c", {"bongos/0": click, "sitar/0": note(3)}, with_events=False)
    make_clips(corpus, phrase_config(max_polyphony=2), "train", 1, 1, tmp_path / "out")
    (recipe,) = read_recipes(tmp_path / "out/manifest/recipes.jsonl")
    assert sum(source.instrument == "bongos" for source in recipe.sources) > 10


def test_combinations_are_used_again_when_all_are_used(tmp_path: Path) -> None:
    sounds = {f"{name}/{take}": note(5 * take + i) for i, name in enumerate(("flute", "sitar")) for take in range(2)}
    corpus = write_corpus(tmp_path / "c", sounds, with_events=False)
    make_clips(corpus, phrase_config(repeat_combinations=True), "train", 5, 1, tmp_path / "out")
    recipes = read_recipes(tmp_path / "out/manifest/recipes.jsonl")
    assert len({recipe.clip for recipe in recipes}) == 5
    assert len({recipe.sources for recipe in recipes}) == 5


@pytest.mark.parametrize("noise_db", [-25, -33])
def test_a_noise_floor_is_no_sound(noise_db: float) -> None:
    hiss = generator(1, "hiss").standard_normal(4 * RATE) * 0.3 / np.sqrt(2) * 10 ** (noise_db / 20)
    sound = np.zeros(4 * RATE)
    sound[RATE : 3 * RATE] = tone(440, 2.0)
    ((begin, end),) = sounding_regions((sound + hiss).astype(np.float32), RATE)
    assert (begin, end) == pytest.approx((1.0, 3.0), abs=0.051)


def test_a_decay_that_is_cut_off_sounds_to_its_end() -> None:
    decay = tone(440, 2.0) * 10 ** (-30 / 20 * np.arange(2 * RATE) / (2 * RATE))
    assert sounding_regions(decay.astype(np.float32), RATE) == [(0.0, 2.0)]
