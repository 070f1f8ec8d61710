"""The leak study: the same clips but for what leaks, and a difference only for a model that knows recordings."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from solo_corpus import CLASS_OF, RATE, bursts, clips_config, files_in, write_corpus

from tutti.config import LEAKED, POLICIES
from tutti.errors import DataError
from tutti.evaluation.leak import leak_rows, pair
from tutti.evaluation.scored import ScoredSet, WindowScores
from tutti.labels import Labels, load_events, load_labels
from tutti.mixtures.clip_set import Corpus, make_clips
from tutti.mixtures.leaking import make_leaked
from tutti.mixtures.recipe import read_recipes
from tutti.mixtures.replay import replay


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return eight instruments with two recordings for the test and three of another length for training."""
    sounds = {
        f"{name}/{take}": bursts(200 + 40 * index + 7 * take, 3.0 if take < 2 else 2.4)
        for index, name in enumerate(CLASS_OF)
        for take in range(5)
    }
    made = write_corpus(tmp_path_factory.mktemp("corpus"), sounds)
    side = np.where(made.split["recording"].str[-1].astype(int) < 2, "unseen_recording", "train")
    return replace(made, split=made.split.assign(side=side))


CONFIG = clips_config(late_entry_probability=0.3, early_exit_probability=0.3)


@pytest.fixture(scope="module")
def sets(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    make_clips(corpus, CONFIG, "unseen_recording", 120, 1, folder / "unseen_recording")
    make_leaked(corpus, CONFIG, folder / "unseen_recording/manifest", 3, 1, folder / LEAKED)
    return folder


def test_only_what_leaks_is_another_recording(corpus: Corpus, sets: Path) -> None:
    honest = {recipe.clip: recipe for recipe in read_recipes(sets / "unseen_recording/manifest/recipes.jsonl")}
    leaks = {each["instrument"]: each for each in json.loads((sets / "leaked/manifest/leak.json").read_text())}
    trained = set(corpus.split.loc[corpus.split["side"] == "train", "recording"])
    assert len(leaks) == 3
    assert {each["recording"] for each in leaks.values()} <= trained
    replaced = dict.fromkeys(leaks, 0)
    changed = read_recipes(sets / "leaked/manifest/recipes.jsonl")
    for recipe in changed:
        other = honest[recipe.clip]
        assert (recipe.file, recipe.duration_ms) == (other.file, other.duration_ms)
        for part, was in zip(recipe.sources, other.sources, strict=True):
            assert (part.instrument, part.entry_ms, part.gain_db) == (was.instrument, was.entry_ms, was.gain_db)
            if part.instrument in leaks:
                assert part.recording == leaks[part.instrument]["recording"] != was.recording
                replaced[part.instrument] += 1
            else:
                assert part == was
                alone = (replace(each, attenuation_db=0.0, sources=(part,)) for each in (recipe, other))
                first, second = (replay(each, corpus.root) for each in alone)
                np.testing.assert_array_equal(first, second)
    assert replaced == {name: each["clips"] for name, each in leaks.items()}
    kept = [recipe for clip, recipe in honest.items() if clip not in {each.clip for each in changed}]
    assert not any(part.instrument in leaks for recipe in kept for part in recipe.sources)


def test_the_labels_stay_and_tell_where_the_leaking_recording_sounds(sets: Path) -> None:
    honest, leaked = (load_labels(sets / name / "manifest") for name in ("unseen_recording", LEAKED))
    rows = [honest.clips.index(clip) for clip in leaked.clips]
    np.testing.assert_array_equal(honest.reference[rows], leaked.reference)
    events = load_events(sets / "leaked/manifest")
    assert (events.groupby(["clip", "instrument"])["recording"].nunique() == 1).all()
    assert set(events["recording"]) == {name for clip in leaked.recordings for name in clip}


def test_same_seed_same_bytes_and_another_seed_other_instruments(corpus: Corpus, sets: Path, tmp_path: Path) -> None:
    honest = sets / "unseen_recording/manifest"
    for name, seed in (("again", 1), ("other", 2)):
        make_leaked(corpus, CONFIG, honest, 3, seed, tmp_path / name)
    assert files_in(tmp_path / "again") == files_in(sets / LEAKED)
    assert files_in(tmp_path / "other") != files_in(sets / LEAKED)


def test_more_instruments_than_there_are_leak_all(corpus: Corpus, sets: Path, tmp_path: Path) -> None:
    make_leaked(corpus, CONFIG, sets / "unseen_recording/manifest", 99, 1, tmp_path)
    assert len(json.loads((tmp_path / "manifest/leak.json").read_text())) == len(CLASS_OF)
    assert load_labels(tmp_path / "manifest").clips == load_labels(sets / "unseen_recording/manifest").clips


def test_a_missing_honest_set_is_named(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"recipes\.jsonl cannot be read"):
        make_leaked(corpus, CONFIG, tmp_path, 3, 1, tmp_path / "out")


Scorer = Callable[[Labels], NDArray[np.float64]]


def _scored(sets: Path, name: str, scorer: Scorer) -> ScoredSet:
    labels, events = load_labels(sets / name / "manifest"), load_events(sets / name / "manifest")
    scores = scorer(labels)
    windows = WindowScores(scores, np.arange(len(scores)), np.zeros(len(scores)), 0.0)
    instruments = dict(zip(events["recording"], events["instrument"], strict=True))
    return ScoredSet(name, labels, scores, instruments, windows)


def _hears_instruments(labels: Labels) -> NDArray[np.float64]:
    """Find every second instrument, by the clip's name and not by its recordings."""
    odd = np.array([int(clip[-1]) % 2 for clip in labels.clips])
    return np.asarray(labels.reference * np.where(odd[:, None], 0.9, 0.2), np.float64)


def _knows_recordings(labels: Labels) -> NDArray[np.float64]:
    """Find as ``_hears_instruments``, and every recording that it was trained on."""
    scores = _hears_instruments(labels)
    for row, names in zip(scores, labels.recordings, strict=True):
        row[[labels.classes.index(name.partition("/")[0]) for name in names if int(name[-1]) >= 2]] = 0.9
    return scores


@pytest.mark.parametrize("scorer", [_hears_instruments, _knows_recordings])
def test_only_a_model_that_knows_recordings_gains(sets: Path, scorer: Scorer) -> None:
    both = pair(_scored(sets, "unseen_recording", scorer), _scored(sets, LEAKED, scorer), sets / "leaked/manifest")
    limits = {POLICIES[0]: np.full(len(CLASS_OF), 0.5)}
    rows = pd.DataFrame(leak_rows(both, limits, seed=1, replicates=200, confidence=0.95)).set_index("scope")
    assert len(rows) == 3 + 2
    if scorer is _hears_instruments:
        assert (rows[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
        return
    assert (rows.loc[["leaking", "all"], "difference_low"] > 0).all()
    own = rows.drop(["leaking", "all"])
    assert (own["f1_leaked"] == 1).all()
    assert rows.loc["leaking", "difference"] == pytest.approx(own["difference"].mean())
    assert rows.loc["all", "difference"] == pytest.approx(own["difference"].sum() / len(CLASS_OF))
    assert rows.loc["all", "n_clips"] == 120
    assert rows.loc["leaking", "n_clips"] == len(load_labels(sets / "leaked/manifest").clips)


def test_sets_that_do_not_belong_together_are_refused(sets: Path) -> None:
    honest, leaked = (_scored(sets, name, _hears_instruments) for name in ("unseen_recording", LEAKED))
    other = replace(leaked, labels=replace(leaked.labels, clips=("x", *leaked.labels.clips[1:])))
    with pytest.raises(DataError, match="clips of leaked are none of unseen_recording"):
        pair(honest, other, sets / "leaked/manifest")


def test_a_recording_too_short_for_its_place_leaves_the_clip_as_it_is(tmp_path: Path) -> None:
    sounds = {f"{name}/0": bursts(300, 3.0) for name in ("flute", "sitar")}
    sounds |= {"flute/1": bursts(500, 0.4), "sitar/1": bursts(700, 0.4)}  # 0.15 s of sound, less than is a label
    made = write_corpus(tmp_path / "corpus", sounds, with_events=False)
    side = np.where(made.split["recording"].str[-1] == "0", "unseen_recording", "train")
    corpus = replace(made, split=made.split.assign(side=side))
    config = clips_config(max_polyphony=2, min_sounding_seconds=0.2)
    make_clips(corpus, config, "unseen_recording", 1, 1, tmp_path / "honest")
    with pytest.raises(DataError, match=r"no recording of 'flute' sounds for 0\.2 s"):
        make_leaked(corpus, config, tmp_path / "honest/manifest", 2, 1, tmp_path / "leaked")
    assert len(bursts(1, 0.4)) == round(0.4 * RATE)
