"""A whole set of mixtures: audio, labels, recipes; same seed, same bytes."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from solo_corpus import BURSTS_S, CLASS_OF, RATE, bursts, clips_config, eight_instruments, files_in, write_corpus

from stages import clips as stage
from tutti.audio import Samples, level_dbfs
from tutti.labels import load_events, load_labels
from tutti.mixtures.clip_set import Corpus, make_clips
from tutti.mixtures.encoding import BATCH
from tutti.mixtures.recipe import Recipe, read_recipes
from tutti.mixtures.replay import replay


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return eight_instruments(tmp_path_factory.mktemp("corpus"))


def _clips(out: Path) -> Iterator[tuple[Recipe, Samples]]:
    for recipe in read_recipes(out / "manifest/recipes.jsonl"):
        yield recipe, soundfile.read(out / "audio" / recipe.file, dtype="int16")[0]


def test_labels_recipes_table_and_audio_say_the_same(corpus: Corpus, tmp_path: Path) -> None:
    make_clips(corpus, clips_config(), "train", 30, 1, tmp_path)
    labels = load_labels(tmp_path / "manifest")
    table = pd.read_csv(tmp_path / "manifest/combinations.csv", keep_default_na=False)
    recipes = [recipe for recipe, _ in _clips(tmp_path)]
    assert labels.classes == tuple(CLASS_OF)
    assert labels.clips == tuple(recipe.clip for recipe in recipes) == tuple(sorted(labels.clips))
    for row, recipe in enumerate(recipes):
        names = [source.instrument for source in recipe.sources]
        assert [name for name in table.iloc[row] if name != "NA"] == names
        assert [labels.classes[column] for column in np.flatnonzero(labels.reference[row])] == names
        assert labels.polyphony[row] == len(names)
        assert labels.recordings[row] == tuple(source.recording for source in recipe.sources)
    assert sorted(path.name for path in (tmp_path / "audio").iterdir()) == [recipe.file for recipe in recipes]
    assert {len(samples) for _, samples in _clips(tmp_path)} == {2 * RATE}


def test_same_seed_same_bytes_whatever_the_number_of_processes(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = clips_config(late_entry_probability=0.5, early_exit_probability=0.5)
    for name, processes, seed in (("one", "1", 1), ("two", "2", 1), ("other", "1", 2)):
        monkeypatch.setenv("TUTTI_WORKERS", processes)
        make_clips(corpus, config, "train", BATCH + 4, seed, tmp_path / name)
    one, two, other = (files_in(tmp_path / name) for name in ("one", "two", "other"))
    assert one == two
    assert one["manifest/recipes.jsonl"] != other["manifest/recipes.jsonl"]


def test_more_clips_leave_the_first_ones_as_they_are(corpus: Corpus, tmp_path: Path) -> None:
    for count in (5, 10):
        make_clips(corpus, clips_config(), "train", count, 1, tmp_path / str(count))
    few, many = files_in(tmp_path / "5/audio"), files_in(tmp_path / "10/audio")
    assert few == {name: many[name] for name in few}


@pytest.mark.parametrize("rate", [RATE, 22050])
def test_replay_gives_the_stored_samples(corpus: Corpus, tmp_path: Path, rate: int) -> None:
    config = clips_config(late_entry_probability=0.5, early_exit_probability=0.5, sample_rate_hz=rate)
    make_clips(corpus, config, "train", 8, 1, tmp_path)
    for recipe, samples in _clips(tmp_path):
        np.testing.assert_array_equal(replay(recipe, corpus.root), samples)


def test_sound_is_where_the_strong_labels_are_and_nowhere_else(corpus: Corpus, tmp_path: Path) -> None:
    make_clips(corpus, clips_config(late_entry_probability=0.7, early_exit_probability=0.7), "train", 12, 1, tmp_path)
    events = load_events(tmp_path / "manifest")
    moved = 0
    for recipe, _ in _clips(tmp_path):
        for source in recipe.sources:
            moved += source.entry_ms > 0
            stem = replay(replace(recipe, sources=(source,)), corpus.root)
            notes = events[(events["clip"] == recipe.clip) & (events["instrument"] == source.instrument)]
            expected = np.zeros(len(stem), bool)
            for onset_s, offset_s in zip(notes["onset_s"], notes["offset_s"], strict=True):
                begin, end = round(onset_s * RATE), round(offset_s * RATE)
                expected[begin:end] = True
                assert np.abs(stem[begin:end].astype(int)).max() > 0
            assert not stem[~expected].any()
            assert expected.sum() >= 0.25 * RATE
    assert moved > 10


def test_late_entries_and_early_exits_come_as_often_as_asked(corpus: Corpus, tmp_path: Path) -> None:
    config = clips_config(late_entry_probability=0.3, early_exit_probability=0.4, min_sounding_seconds=0.05)
    make_clips(corpus, config, "train", 100, 1, tmp_path)
    sources = [source for recipe, _ in _clips(tmp_path) for source in recipe.sources]
    late = np.mean([source.entry_ms > 0 for source in sources])
    early = np.mean([source.entry_ms + source.length_ms < 2000 for source in sources])
    np.testing.assert_allclose([late, early], [0.3, 0.4], atol=0.09)  # three standard errors of about 340 sources


def test_sources_have_the_common_loudness_and_the_drawn_gain(tmp_path: Path) -> None:
    sounds = {f"{name}/0": bursts(300 + 50 * index, 3.0, amplitude=0.9 / 2**index)
              for index, name in enumerate(("flute", "sitar"))}  # fmt: skip
    corpus = write_corpus(tmp_path / "corpus", sounds)
    make_clips(corpus, clips_config(max_polyphony=2, seconds=3.0), "train", 1, 1, tmp_path / "out")
    recipe = read_recipes(tmp_path / "out/manifest/recipes.jsonl")[0]
    for source in recipe.sources:
        stem = replay(replace(recipe, attenuation_db=0.0, sources=(source,)), corpus.root) / 32768
        assert level_dbfs(stem.astype(np.float32), RATE) == pytest.approx(-26 + source.gain_db, abs=0.1)
    assert len({source.gain_db for source in recipe.sources}) == 2


def test_without_events_labels_come_from_the_energy(tmp_path: Path) -> None:
    sounds = {f"{name}/0": bursts(400, 2.5) for name in ("flute", "sitar")}
    corpus = write_corpus(tmp_path / "corpus", sounds, with_events=False)
    make_clips(corpus, clips_config(max_polyphony=2, seconds=2.5), "train", 1, 1, tmp_path / "out")
    events = load_events(tmp_path / "out/manifest")
    flute = events[events["instrument"] == "flute"]
    np.testing.assert_allclose(flute[["onset_s", "offset_s"]], BURSTS_S, atol=0.051)
    assert flute["pitch_midi"].isna().all()


def test_paper_names_and_labelfiles_in(corpus: Corpus, tmp_path: Path) -> None:
    split = corpus.split.replace({"instrument": {"flute": "pan_flute"}})
    renamed = replace(corpus, split=split, class_of={**CLASS_OF, "pan_flute": "aerophone"})
    make_clips(renamed, clips_config(naming="instruments", label_files=True), "train", 60, 1, tmp_path)
    names = sorted(path.stem for path in (tmp_path / "audio").iterdir())
    labels = load_labels(tmp_path / "manifest")
    assert list(labels.clips) == names
    assert any("pan-flute" in name for name in names)
    for clip, row in zip(labels.clips, labels.reference, strict=True):
        parts = [part.replace("-", "_") for part in clip.split("_")]
        assert len(parts) == 5
        lines = (tmp_path / f"manifest/labels/{clip}.txt").read_text().split()
        assert lines == [part for part in parts if part != "NA"]
        assert row.sum() == 5 - parts.count("NA")


def test_a_silent_recording_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sounds = {f"{name}/0": bursts(400, 3.0) for name in CLASS_OF} | {"flute/1": np.zeros(3 * RATE, np.float32)}
    corpus = write_corpus(tmp_path / "corpus", sounds)
    make_clips(corpus, clips_config(), "train", 30, 1, tmp_path / "out")
    assert "flute/1 is silent" in caplog.text
    assert all(source.recording != "flute/1" for recipe, _ in _clips(tmp_path / "out") for source in recipe.sources)


def test_the_stage_reads_the_tables_and_writes_both_folders(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = Path("params.yaml").read_text(encoding="utf-8").replace("scale: default", "scale: smoke")
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(params.replace("train: 60", "train: 6"), encoding="utf-8")
    for folder in ("data/index/rendered", "data/cultural/split"):
        Path(folder).mkdir(parents=True)
    corpus.recordings.to_parquet("data/index/rendered/recordings.parquet")
    corpus.events.to_parquet("data/index/rendered/events.parquet")
    corpus.split.to_parquet("data/cultural/split/split.parquet")
    shutil.copytree(corpus.root, "data/corpora/rendered")
    stage.main(stage.parser().parse_args(["--task", "cultural", "--set", "train", "--out", "clips/train"]))
    assert len(load_labels(Path("clips/train/manifest")).clips) == 6
    assert sorted(path.name for path in Path("clips/train").iterdir()) == ["audio", "manifest"]


def test_a_recording_that_rarely_sounds_is_placed_where_it_does(tmp_path: Path) -> None:
    sounds = {
        f"{name}/0": np.roll(bursts(400, 60.0), index * 16 * RATE) for index, name in enumerate(("flute", "sitar"))
    }
    corpus = write_corpus(tmp_path / "corpus", sounds, with_events=False)
    for seed in range(5):
        make_clips(corpus, clips_config(max_polyphony=2), "train", 1, seed, tmp_path / "out")
        assert load_labels(tmp_path / "out/manifest").polyphony.tolist() == [2]
