"""Clips from excerpts: what is cut as it is, and what is put together from the validation side, sample by sample."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from irmas_corpus import RATE, irmas_config, write_clip, write_excerpt
from solo_corpus import files_in

from tutti.audio import Samples, level_dbfs, peak_dbfs, read_audio, read_mono
from tutti.config import CutConfig, SplitConfig
from tutti.corpora.adapters import irmas
from tutti.corpora.index import build_index, read_recordings, write_index
from tutti.corpora.recording import Recording
from tutti.corpora.splitting import split, write_split
from tutti.cutting import SETS, Cut, cut_clips, draw_mixed, put_together
from tutti.errors import DataError
from tutti.labels import load_events, load_labels, read_table

CODES = {"cel": "cello", "vio": "violin", "voi": "voice"}
SONGS, PIECES = 5, 2
SPLIT = SplitConfig(
    training_banks=("training",), test_banks=("part1",), unseen_banks=(), validation_fraction=0.4, test_fraction=0.0
)


def cut_config(rate: int = RATE, **changes: Any) -> CutConfig:
    mixing = {"seconds": [1.0, 2.5], "label_shares": [0.5, 0.3, 0.2], "gain_db": [-3.0, 3.0], "fade_seconds": 0.02}
    return CutConfig.model_validate(
        {"sample_rate_hz": rate, "excerpt_seconds": 20.0, "mixed_validation": mixing | changes}
    )


CONFIG = cut_config()


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, its index and its split: three instruments of five songs each, one of a single song, four clips."""
    folder = tmp_path_factory.mktemp("corpus")
    root, number = folder / "root", 0
    for place, code in enumerate(CODES):
        for song in range(SONGS):
            for piece in range(PIECES):
                number += 1
                write_excerpt(root, f"{code}/[{code}][dru][cla]{place}{song:03d}__{piece}.wav", number)
    write_excerpt(root, "tru/[tru][dru][cla]9000__1.wav", 60)
    for place, labels in enumerate(("cel\nvio\n", "voi\n", "tru\nvio\nvoi\n", "tru\n")):
        write_clip(root, f"Part1/song {place}-1", 70 + place, labels, seconds=1.3)
    config = irmas_config(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUTTI_WORKERS", "1")
        recordings, events, skipped = build_index(irmas.read(root, config), root, config)
    assert not skipped
    write_index(recordings, events, skipped, folder / "index")
    write_split(split(recordings, SPLIT, seed=1), SPLIT, [], folder / "split")
    return folder


def cut(corpus: Path, name: str, out: Path, config: CutConfig = CONFIG, count: int = 40, seed: int = 1) -> pd.DataFrame:
    cut_clips(corpus / "split", corpus / "index", corpus / "root", config, name, count, seed, out)
    return read_table(out / "manifest" / "clips.parquet", ("clip", "file", "duration_s", "instruments", "excerpts"))


def side(corpus: Path, name: str) -> list[Recording]:
    table = read_table(corpus / "split" / "split.parquet", ("recording", "side"))
    chosen = set(table.loc[table["side"] == name, "recording"])
    return [each for each in read_recordings(corpus / "index") if each.recording in chosen]


@pytest.mark.parametrize("name", ["train", "validation", "unseen_recording"])
@pytest.mark.parametrize("rate", [RATE, 11025])
def test_every_excerpt_of_a_side_is_a_clip_in_mono_at_the_rate(
    corpus: Path, tmp_path: Path, name: str, rate: int
) -> None:
    table = cut(corpus, name, tmp_path, cut_config(rate))
    excerpts = side(corpus, name)
    assert [paths[0] for paths in table["excerpts"]] == [each.path for each in excerpts]
    assert sorted(path.name for path in (tmp_path / "audio").iterdir()) == table["file"].tolist()
    for file, seconds, excerpt in zip(table["file"], table["duration_s"], excerpts, strict=True):
        info = soundfile.info(tmp_path / "audio" / file)
        assert (info.channels, info.samplerate, info.subtype) == (1, rate, "PCM_16")
        assert info.frames / rate == seconds == pytest.approx(excerpt.duration_s, abs=1 / rate)
        expected = read_audio(corpus / "root" / excerpt.path).mono(rate)
        np.testing.assert_allclose(read_mono(tmp_path / "audio" / file, rate), expected, atol=0.5001 / 32768)


def test_mono_is_the_mean_of_the_channels(corpus: Path, tmp_path: Path) -> None:
    table = cut(corpus, "train", tmp_path)
    stereo, _ = soundfile.read(corpus / "root" / table["excerpts"][0][0])
    np.testing.assert_allclose(read_mono(tmp_path / "audio" / table["file"][0], RATE), stereo.mean(axis=1), atol=2e-5)


def test_labels_are_the_classes_among_what_the_corpus_names(corpus: Path, tmp_path: Path) -> None:
    cut(corpus, "unseen_recording", tmp_path)
    labels = load_labels(tmp_path / "manifest")
    assert labels.classes == ("cello", "violin", "voice")  # the trumpet has one song and is no class
    assert labels.reference.tolist() == [[1, 1, 0], [0, 0, 1], [0, 1, 1]]
    assert labels.polyphony.tolist() == [2, 1, 2]
    assert labels.recordings == (("part1/song 0",), ("part1/song 1",), ("part1/song 2",))
    assert labels.clips == tuple(f"unseen_recording-{number:05d}" for number in (1, 2, 3))
    assert load_events(tmp_path / "manifest").empty


def test_training_clips_have_one_label_each_and_all_instruments_occur(corpus: Path, tmp_path: Path) -> None:
    cut(corpus, "train", tmp_path)
    labels = load_labels(tmp_path / "manifest")
    assert (labels.polyphony == 1).all()
    assert labels.reference.sum(axis=0).tolist() == [6, 6, 6]  # three of five songs of two excerpts


def test_a_side_without_excerpts_is_a_set_without_clips_only_for_a_test(corpus: Path, tmp_path: Path) -> None:
    assert cut(corpus, "unseen_bank", tmp_path / "unseen_bank").empty
    assert [path.name for path in (tmp_path / "unseen_bank/audio").iterdir()] == ["empty.txt"]
    labels = load_labels(tmp_path / "unseen_bank/manifest")
    assert (labels.reference.shape, labels.classes) == ((0, 3), ("cello", "violin", "voice"))
    table = read_table(corpus / "split" / "split.parquet", ("recording", "side"))
    shutil.copytree(corpus / "index", tmp_path / "index")
    (tmp_path / "split").mkdir()
    table[table["side"] != "validation"].to_parquet(tmp_path / "split" / "split.parquet")
    for name in ("validation", "mixed_validation"):
        with pytest.raises(DataError, match="the split has no excerpt on the side 'validation': give it a share"):
            cut(tmp_path, name, tmp_path / name)
        assert not (tmp_path / name).exists() or not list((tmp_path / name).iterdir())


def test_a_split_of_another_index_is_named(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus / "split", tmp_path / "split")
    recordings = [each for each in read_recordings(corpus / "index") if "song 0" not in each.recording]
    write_index(recordings, [], [], tmp_path / "index")
    with pytest.raises(DataError, match=r"excerpt 'part1/.*song 0-1' is in the split but not in the index: run"):
        cut(tmp_path, "train", tmp_path / "out")


def test_an_excerpt_that_is_gone_is_named_and_nothing_written(corpus: Path, tmp_path: Path) -> None:
    for name in ("split", "index", "root"):
        shutil.copytree(corpus / name, tmp_path / name)
    gone = side(corpus, "validation")[1].path
    (tmp_path / "root" / gone).unlink()
    for name in ("validation", "mixed_validation"):
        with pytest.raises(DataError, match=r"__\d\.wav is missing") as caught:
            cut(tmp_path, name, tmp_path / "out")
        assert Path(gone).name in str(caught.value)
        assert not list((tmp_path / "out").iterdir())


# mixed_validation


def excerpts(songs: int = 4, pieces: int = 3, seconds: float = 3.0) -> list[Recording]:
    """Return excerpts of four instruments, and one of two instruments."""
    made = [
        Recording(
            f"training/{name}/{song}__{piece}", f"{name}/{song}__{piece}.wav", name, "training",
            f"training/{name} {song}", f"{name}{song}{piece}", "", 44100, 2, seconds, "CC",
        )
        for name in ("cello", "flute", "violin", "voice") for song in range(songs) for piece in range(pieces)
    ]  # fmt: skip
    both = replace(made[0], recording="training/both", path="both.wav", instrument="", instruments=("cello", "flute"))
    return [*made, both]


def draw(count: int = 400, seed: int = 1, **changes: Any) -> list[Cut]:
    changed = {"seconds": [5.0, 20.0], "label_shares": [0.5, 0.35, 0.15], **changes}
    return draw_mixed(excerpts(), cut_config(**changed), count, seed)


def test_lengths_and_numbers_of_labels_are_as_asked_for() -> None:
    cuts = draw()
    assert len(cuts) == 400
    seconds = np.array([each.seconds for each in cuts])
    assert 5.0 <= seconds.min() < 5.5
    assert 19.5 < seconds.max() <= 20.0
    shares = np.bincount([len(each.instruments) for each in cuts], minlength=4) / 400
    np.testing.assert_allclose(shares, [0, 0.5, 0.35, 0.15], atol=0.08)  # over three standard deviations
    gains = {piece.gain_db for each in cuts for piece in each.pieces}
    assert -3 <= min(gains) < -2.8
    assert 2.8 < max(gains) <= 3


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_share_of_1_leaves_no_choice(count: int) -> None:
    shares = [float(number == count) for number in (1, 2, 3)]
    assert {len(each.instruments) for each in draw(50, label_shares=shares)} == {count}


def test_no_more_labels_than_instruments() -> None:
    assert {len(each.instruments) for each in draw(20, label_shares=[0.0] * 5 + [1.0])} == {4}


@pytest.mark.parametrize("seed", range(4))
def test_every_label_and_every_excerpt_of_a_label_is_as_frequent_as_any_other_but_for_one(seed: int) -> None:
    cuts = draw(101, seed)
    labels = Counter(name for each in cuts for name in each.instruments)
    assert len(labels) == 4
    assert max(labels.values()) - min(labels.values()) <= 1
    used = Counter(piece.path for each in cuts for piece in each.pieces)
    for name in labels:
        own = [used[each.path] for each in excerpts() if each.instruments == (name,)]
        assert max(own) - min(own) <= 1
        assert min(own) > 0
    assert "both.wav" not in used


def test_the_strings_of_a_clip_are_of_its_labels_and_long_enough() -> None:
    of_path = {each.path: each for each in excerpts()}
    for each in draw(60, fade_seconds=0.5):
        strings: dict[int, list[Recording]] = {}
        for piece in each.pieces:
            strings.setdefault(piece.label, []).append(of_path[piece.path])
        assert sorted({own.instrument for string in strings.values() for own in string}) == list(each.instruments)
        assert all(len({own.instrument for own in string}) == 1 for string in strings.values())
        assert all(3.0 + 2.5 * (len(string) - 1) >= each.seconds for string in strings.values())
        assert set(each.songs) == {own.group for string in strings.values() for own in string}


def test_only_excerpts_of_validation_are_heard(corpus: Path, tmp_path: Path) -> None:
    table = cut(corpus, "mixed_validation", tmp_path, count=60)
    used = {path for paths in table["excerpts"] for path in paths}
    assert used == {each.path for each in side(corpus, "validation")}
    songs = {song for clip in load_labels(tmp_path / "manifest").recordings for song in clip}
    assert songs == {each.group for each in side(corpus, "validation")}


def test_clips_are_what_put_together_makes_of_their_excerpts(corpus: Path, tmp_path: Path) -> None:
    table = cut(corpus, "mixed_validation", tmp_path, cut_config(11025), count=12)
    cuts = draw_mixed(side(corpus, "validation"), cut_config(11025), 12, 1)
    assert table["clip"].tolist() == [each.clip for each in cuts]
    for each, file, seconds in zip(cuts, table["file"], table["duration_s"], strict=True):
        labels = sorted({piece.label for piece in each.pieces})
        strings = [
            [read_mono(corpus / "root" / piece.path, 11025) for piece in each.pieces if piece.label == label]
            for label in labels
        ]
        gains = [{piece.gain_db for piece in each.pieces if piece.label == label} for label in labels]
        assert all(len(own) == 1 for own in gains)
        expected = put_together(strings, [own.pop() for own in gains], 11025, 0.02, each.seconds)
        np.testing.assert_allclose(read_mono(tmp_path / "audio" / file, 11025), expected, atol=0.5001 / 32768)
        assert seconds == len(expected) / 11025 == pytest.approx(each.seconds, abs=1 / 11025)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    cut(corpus, "mixed_validation", tmp_path / "one", count=6)
    monkeypatch.setenv("TUTTI_WORKERS", workers)
    cut(corpus, "mixed_validation", tmp_path / "again", count=6)
    cut(corpus, "mixed_validation", tmp_path / "other", count=6, seed=2)
    assert files_in(tmp_path / "one") == files_in(tmp_path / "again") != files_in(tmp_path / "other")


def test_only_the_mixed_set_depends_on_the_seed(corpus: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        cut(corpus, "validation", tmp_path / str(seed), seed=seed)
    assert files_in(tmp_path / "1") == files_in(tmp_path / "2")


def test_every_set_of_the_task_can_be_cut(corpus: Path, tmp_path: Path) -> None:
    for name in SETS:
        cut(corpus, name, tmp_path / name, count=2)
        classes = json.loads((tmp_path / name / "manifest" / "classes.json").read_text())
        assert classes == ["cello", "violin", "voice"]


# put_together

SECOND = np.arange(RATE) / RATE


def sine(frequency_hz: float, amplitude: float) -> Samples:
    return np.asarray(amplitude * np.sin(2 * np.pi * frequency_hz * SECOND), np.float32)


def amplitude_of(samples: Samples, frequency_hz: float) -> float:
    """Return the amplitude of a sine in a second of sound."""
    return float(2 * np.abs(np.mean(samples * np.exp(-2j * np.pi * frequency_hz * SECOND))))


@pytest.mark.parametrize("gains_db", [(0.0, 0.0), (3.0, -3.0), (-12.0, 6.0)])
def test_each_label_has_the_common_level_plus_its_gain(gains_db: tuple[float, float]) -> None:
    mixed = put_together([[sine(400, 0.9)], [sine(1000, 0.001)]], gains_db, RATE, 0.02, 1.0)
    for frequency_hz, gain_db in zip((400, 1000), gains_db, strict=True):
        expected = np.sqrt(2) * 10 ** ((-26 + gain_db) / 20)  # a sine's level is 3 dB below its amplitude
        assert amplitude_of(mixed, frequency_hz) == pytest.approx(expected, rel=1e-3)
    assert mixed.dtype == np.float32


def test_pauses_do_not_make_a_label_louder() -> None:
    half = sine(400, 0.5) * (SECOND < 0.5)
    mixed = put_together([[half]], [0.0], RATE, 0.02, 1.0)
    assert level_dbfs(mixed[: RATE // 2], RATE) == pytest.approx(-26, abs=0.01)


def test_a_silent_string_leaves_the_other_as_it_is() -> None:
    alone = put_together([[sine(400, 0.5)]], [0.0], RATE, 0.02, 1.0)
    both = put_together([[sine(400, 0.5)], [np.zeros(RATE, np.float32)]], [0.0, 6.0], RATE, 0.02, 1.0)
    np.testing.assert_array_equal(both, alone)


@pytest.mark.parametrize("fade_s", [0.0, 0.02, 0.5])
def test_one_excerpt_fades_into_the_next_without_a_click(fade_s: float) -> None:
    """A constant after its opposite: the steps between are as small as the fade allows."""
    high, low = np.ones(RATE, np.float32), -np.ones(RATE, np.float32)
    joined = put_together([[high, low]], [0.0], RATE, fade_s, 2 - fade_s)
    unit = 10 ** (-26 / 20)
    overlap = round(fade_s * RATE)
    steps = np.abs(np.diff(joined.astype(np.float64)))
    expected = 2 * abs(joined[0]) / (overlap + 1)
    assert steps.max() == pytest.approx(expected, rel=1e-3)
    assert np.count_nonzero(steps > expected / 2) == overlap + 1
    if not overlap:
        np.testing.assert_allclose(np.abs(joined), unit, rtol=1e-3)


def test_the_same_goes_on_through_a_fade_unchanged() -> None:
    ones = np.ones(RATE, np.float32)
    joined = put_together([[ones, ones, ones]], [0.0], RATE, 0.1, 2.5)
    np.testing.assert_allclose(joined, joined[0], rtol=1e-6)
    assert joined[0] == pytest.approx(10 ** (-26 / 20), rel=1e-4)


def test_a_short_excerpt_fades_by_half_of_itself() -> None:
    """Ten of 0.1 s under a fade of 0.5 s last 0.1 + 9 * 0.05 s."""
    joined = put_together([[np.ones(RATE // 10, np.float32)] * 10], [0.0], RATE, 0.5, 1.0)
    assert np.flatnonzero(joined)[-1] + 1 == round(0.55 * RATE)


@pytest.mark.parametrize("seconds", [0.5, 0.73, 1.0, 1.7])
def test_a_clip_is_as_long_as_asked_for(seconds: float) -> None:
    assert len(put_together([[sine(400, 0.5), sine(500, 0.5)]], [0.0], RATE, 0.02, seconds)) == round(seconds * RATE)


def test_the_peak_is_never_above_minus_1_db_and_softer_clips_stay() -> None:
    loud = put_together([[sine(400, 0.5)], [sine(1000, 0.5)]], [24.0, 18.0], RATE, 0.0, 1.0)
    assert peak_dbfs(loud) == pytest.approx(-1, abs=1e-4)
    assert amplitude_of(loud, 400) / amplitude_of(loud, 1000) == pytest.approx(10 ** (6 / 20), rel=1e-3)
    soft = put_together([[sine(400, 0.5)]], [0.0], RATE, 0.0, 1.0)
    assert peak_dbfs(soft) == pytest.approx(-26 + 10 * np.log10(2), abs=0.01)
