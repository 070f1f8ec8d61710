"""Overlays of single notes: which notes sound in each clip, their sum, sample by sample, and what the stage writes."""

import argparse
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from families_task import families_values
from nsynth_corpus import RATE, write_part
from ruamel.yaml import YAML
from solo_corpus import files_in

from stages import index, overlay, split
from tutti import config
from tutti.audio import Samples, peak_dbfs, read_mono
from tutti.config import FamilyClass, InstrumentsClass, OverlayConfig
from tutti.corpora.index import read_events
from tutti.corpora.recording import Recording
from tutti.errors import DataError
from tutti.labels import load_events, load_labels, read_table
from tutti.overlays import making
from tutti.overlays.drawing import Drawing, Overlay
from tutti.overlays.making import overlay as overlaid
from tutti.overlays.notes import Notes, read_notes

FAMILIES = ("bass", "flute", "guitar", "reed")
CLASSES: dict[str, Any] = {name: FamilyClass(family=name) for name in FAMILIES}
SYNTH = {"synth": FamilyClass(family="synth_lead")}
FEW_FLUTES = {"few_flutes": InstrumentsClass(instruments="flute_acoustic_00[01]")}
LOW_SYNTHS = {"low_synths": InstrumentsClass(instruments="synth_lead_acoustic_00[01]|flute_acoustic_000")}
TRAINING, EXAM = "train_mixtures", "unseen_recording"


# Which notes sound


def note(instrument: str, number: int) -> Recording:
    family, name = instrument.rsplit("_", 2)[0], f"{instrument}-{number:03d}"
    return Recording(
        f"train/{name}", f"{name}.wav", family, "train", instrument, name, name, RATE, 1, 0.6, "CC",
    )  # fmt: skip


def notes_of(families: Sequence[str] = (*FAMILIES, "synth_lead"), instruments: int = 3, each: int = 4) -> Notes:
    """Return notes of some families; the first instrument of each has a single note."""
    return Notes({
        family: {
            name: [note(name, pitch) for pitch in range(each if number else 1)]
            for number, name in enumerate(f"{family}_acoustic_{number:03d}" for number in range(instruments))
        }
        for family in sorted(families)
    })  # fmt: skip


def overlay_config(**changes: Any) -> OverlayConfig:
    values = {"families": list(FAMILIES), "seconds": 0.8, "sample_rate_hz": RATE, "gain_db": [-6.0, 3.0]}
    return OverlayConfig.model_validate({**values, "peak_dbfs": -1.0, **changes})


def draw(
    name: str, classes: Mapping[str, Any] = CLASSES, notes: Notes | None = None, seed: int = 1, mixtures: int = 100,
    per_size: int = 10, **changes: Any,
) -> list[Overlay]:  # fmt: skip
    notes = notes_of() if notes is None else notes
    return Drawing(notes, overlay_config(**changes), classes, seed, mixtures, per_size).overlays(name)


def families_of(each: Overlay) -> list[str]:
    return [one.instrument for one in each.notes]


@pytest.mark.parametrize(("mixtures", "count"), [(100, 20), (40, 8), (99, 20)])
def test_training_mixtures_of_each_number_of_families_are_equally_frequent(mixtures: int, count: int) -> None:
    drawn = draw(TRAINING, mixtures=mixtures)
    assert Counter(len(each.notes) for each in drawn) == dict.fromkeys(range(5), count)
    assert [each.clip for each in drawn] == [f"train_mixtures-{number:06d}" for number in range(1, 5 * count + 1)]


@pytest.mark.parametrize("name", ["validation_mixtures", EXAM, "unseen_bank"])
def test_an_exam_has_so_many_clips_of_each_number_of_families(name: str) -> None:
    drawn = draw(name, per_size=3)
    assert [(len(each.notes), each.clip) for each in drawn] == [
        (size, f"{name}-{size:02d}-{number:05d}") for size in range(5) for number in range(1, 4)
    ]
    assert not any(each.twin for each in drawn)


@pytest.mark.parametrize("name", [TRAINING, EXAM])
def test_no_family_sounds_twice_in_a_clip(name: str) -> None:
    for each in draw(name, CLASSES | SYNTH):
        assert len(set(families_of(each))) == len(each.notes) == len(each.gains_db)


def test_twins_share_all_notes_but_one_whose_family_differs() -> None:
    drawn = {each.clip: each for each in draw(TRAINING, CLASSES | SYNTH)}
    pairs = [(each, drawn[each.twin]) for each in drawn.values() if each.twin]
    assert {(len(each.notes), each.block) for each, _ in pairs} == {
        *((size, "") for size in (1, 2, 3)), *((size, "synth") for size in (1, 2, 3, 4)),
    }  # fmt: skip
    for each, twin in pairs:
        assert twin.twin == each.clip != twin.clip
        assert (len(twin.notes), twin.gains_db, twin.block) == (len(each.notes), each.gains_db, each.block)
        (own,), (others,) = set(each.notes) - set(twin.notes), set(twin.notes) - set(each.notes)
        assert own.instrument != others.instrument
        assert own.instrument not in families_of(twin)
        assert others.instrument not in families_of(each)
    alone = [each for each in drawn.values() if not each.twin]
    assert {len(each.notes) for each in alone} == {0, 4}
    assert len(alone) == 40


def test_families_and_the_instruments_of_a_family_are_equally_frequent() -> None:
    """An instrument of one note sounds as often as one of four: 1 / 3 of the clips with its family, within 4 sigma."""
    drawn = draw(EXAM, per_size=300)
    families = Counter(family for each in drawn for family in families_of(each))
    assert set(families) == set(FAMILIES)
    np.testing.assert_allclose([families[name] for name in FAMILIES], 300 * (1 + 2 + 3 + 4) / 4, atol=4 * 14)
    instruments = Counter(one.group for each in drawn for one in each.notes)
    assert len(instruments) == 12
    np.testing.assert_allclose(list(instruments.values()), 250, atol=4 * 14)
    used = Counter(one.recording for each in drawn for one in each.notes if one.group == "reed_acoustic_002")
    assert len(used) == 4
    np.testing.assert_allclose(list(used.values()), 250 / 4, atol=4 * 7)


def test_twins_hold_every_family_and_every_instrument_equally_often() -> None:
    """Of 1 500 clips half hold a family, and a third of these each instrument; twins come two at a time."""
    drawn = draw(TRAINING, mixtures=1500)
    families = Counter(family for each in drawn for family in families_of(each))
    np.testing.assert_allclose([families[name] for name in FAMILIES], 750, atol=4 * 20)
    instruments = Counter(one.group for each in drawn for one in each.notes)
    np.testing.assert_allclose(list(instruments.values()), 250, atol=4 * 20)
    assert len(instruments) == 12


@pytest.mark.parametrize("gain_db", [[-6.0, 3.0], [0.0, 0.0]])
def test_gains_lie_within_the_range(gain_db: list[float]) -> None:
    drawn = draw(EXAM, per_size=50, gain_db=gain_db)
    gains = [gain for each in drawn for gain in each.gains_db]
    low, high = gain_db
    assert low <= min(gains) <= low + 0.2
    assert high - 0.2 <= max(gains) <= high
    assert len(set(gains)) > 200 or low == high


@pytest.mark.parametrize("name", ["train_notes", TRAINING, "validation_mixtures", EXAM])
def test_the_same_seed_draws_the_same_and_another_seed_only_other_mixtures(name: str) -> None:
    first, again, other = (draw(name, CLASSES | SYNTH, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert (first == other) == (name == "train_notes")
    assert [each.clip for each in first] == [each.clip for each in other]


@pytest.mark.parametrize("name", [TRAINING, "validation_mixtures", EXAM])
def test_more_mixtures_leave_the_first_ones_as_they_are(name: str) -> None:
    few = {each.clip: each for each in draw(name, CLASSES | SYNTH, mixtures=40, per_size=4)}
    many = {each.clip: each for each in draw(name, CLASSES | SYNTH, mixtures=160, per_size=9)}
    assert len(many) > 2 * len(few)
    assert {clip: many[clip] for clip in few} == few


@pytest.mark.parametrize("name", ["train_notes", "unseen_bank_notes", TRAINING, "validation_mixtures", EXAM])
def test_a_class_that_is_added_leaves_all_clips_as_they_are(name: str) -> None:
    before = draw(name)
    assert draw(name, CLASSES | FEW_FLUTES) == before
    with_synth = draw(name, CLASSES | SYNTH)
    assert with_synth[: len(before)] == before
    assert {each.block for each in before} == {""}
    assert {each.block for each in with_synth[len(before) :]} == {"synth"}
    both = draw(name, CLASSES | SYNTH | LOW_SYNTHS)
    assert both[: len(with_synth)] == with_synth
    assert {each.block for each in both[len(with_synth) :]} == {"low_synths"}
    clips = [each.clip for each in both]
    assert len(set(clips)) == len(clips)


def test_a_block_gives_a_class_mixtures_of_its_own_and_their_twins() -> None:
    block = [each for each in draw(TRAINING, CLASSES | SYNTH, mixtures=160) if each.block]
    assert Counter(len(each.notes) for each in block) == dict.fromkeys((1, 2, 3, 4), 20)
    holds = ["synth_lead" in families_of(each) for each in block]
    assert holds == [True, False] * 40
    assert {one.group for each in block for one in each.notes if one.instrument == "synth_lead"} == {
        f"synth_lead_acoustic_{number:03d}" for number in range(3)
    }
    low = [each for each in draw(TRAINING, CLASSES | LOW_SYNTHS, mixtures=160) if each.block]
    own = Counter(one.group for each in low for one in each.notes if one.instrument == "synth_lead")
    assert set(own) == {"synth_lead_acoustic_000", "synth_lead_acoustic_001"}
    assert sum(own.values()) == 40


def test_an_exam_block_adds_the_class_to_every_number_of_families() -> None:
    block = [each for each in draw(EXAM, CLASSES | SYNTH, per_size=6) if each.block]
    assert Counter(len(each.notes) for each in block) == dict.fromkeys((1, 2, 3, 4, 5), 6)
    assert all(families_of(each).count("synth_lead") == 1 for each in block)
    assert [each.clip for each in block[:2]] == ["unseen_recording-synth-01-00001", "unseen_recording-synth-01-00002"]


def test_single_notes_are_all_notes_of_the_families_and_of_the_classes() -> None:
    notes = notes_of((*FAMILIES, "organ", "synth_lead"))
    drawn = draw("validation_notes", CLASSES | SYNTH, notes)
    assert sorted(each.notes[0].recording for each in drawn) == sorted(
        one.recording for one in notes.of((*FAMILIES, "synth_lead"))
    )
    assert {(len(each.notes), each.gains_db, each.twin) for each in drawn} == {(1, (0.0,), "")}
    assert {each.block for each in drawn if each.notes[0].instrument == "synth_lead"} == {"synth"}
    assert drawn[0].clip == "train-bass_acoustic_000-000"
    assert not any("/" in each.clip for each in drawn)


@pytest.mark.parametrize("name", [TRAINING, "validation_mixtures", EXAM, "unseen_bank"])
def test_a_family_that_a_side_lacks_is_named(name: str) -> None:
    with pytest.raises(DataError) as caught:
        draw(name, notes=notes_of(("bass", "flute", "reed", "synth_lead")))
    assert str(caught.value) == (
        f"no note of family 'guitar' stands on the side of {name}: take it out of clips.families, or give the corpus "
        "more of its instruments"
    )


def test_single_notes_may_lack_a_family() -> None:
    drawn = draw("validation_notes", notes=notes_of(("bass", "reed")))
    assert {one for each in drawn for one in families_of(each)} == {"bass", "reed"}


def test_a_side_without_notes_gives_no_clips_unless_models_learn_from_it() -> None:
    for name in ("unseen_bank", "unseen_bank_notes", EXAM):
        assert draw(name, notes=Notes({})) == []
    for name in (TRAINING, "validation_mixtures"):
        with pytest.raises(DataError, match=f"no note of family 'bass' stands on the side of {name}: take it out"):
            draw(name, notes=Notes({}))


# Their sum


def impulse(place: int, amplitude: float, n_samples: int = 50) -> Samples:
    samples = np.zeros(n_samples, np.float32)
    samples[place] = amplitude
    return samples


def test_notes_are_brought_to_full_scale_and_their_gain_and_the_sum_to_the_peak() -> None:
    """Impulses at places of their own: however loud a note was, only its gain counts, relative to the largest."""
    mixed = overlaid([impulse(3, 0.5), impulse(7, -0.001), impulse(20, 0.9)], [0.0, 6.0, -12.0], 50, -1.0)
    expected = np.zeros(50)
    expected[[3, 7, 20]] = 10 ** (-7 / 20), -(10 ** (-1 / 20)), 10 ** (-19 / 20)
    np.testing.assert_allclose(mixed, expected, rtol=1e-6)
    assert mixed.dtype == np.float32


def test_notes_are_added_up() -> None:
    random = np.random.default_rng(1)
    notes = [np.asarray(random.uniform(-0.3, 0.3, 400), np.float32) for _ in range(5)]
    gains_db = [0.0, -3.0, 2.0, -6.0, 1.0]
    total = sum(10 ** (gain / 20) * one / np.abs(one).max() for one, gain in zip(notes, gains_db, strict=True))
    expected = total * 10 ** (-1 / 20) / np.abs(total).max()
    np.testing.assert_allclose(overlaid(notes, gains_db, 400, -1.0), expected, atol=1e-6)


@pytest.mark.parametrize("peak_db", [-1.0, 0.0, -20.0])
@pytest.mark.parametrize("count", [1, 2, 10])
def test_the_peak_is_as_asked_for(count: int, peak_db: float) -> None:
    notes = [impulse(5, 0.1 * (number + 1)) for number in range(count)]
    assert peak_dbfs(overlaid(notes, [0.0] * count, 50, peak_db)) == pytest.approx(peak_db, abs=1e-5)


@pytest.mark.parametrize("notes", [[], [np.zeros(50, np.float32)], [impulse(5, 0.5), impulse(5, -0.3)]])
def test_silence_stays_exactly_zero(notes: list[Samples]) -> None:
    mixed = overlaid(notes, [0.0] * len(notes), 50, -1.0)
    assert mixed.shape == (50,)
    assert not mixed.any()


def test_a_silent_note_leaves_the_others_as_they_are() -> None:
    alone = overlaid([impulse(5, 0.5)], [0.0], 50, -1.0)
    np.testing.assert_array_equal(overlaid([impulse(5, 0.5), np.zeros(50, np.float32)], [0.0, 6.0], 50, -1.0), alone)


def test_short_notes_end_early_and_long_ones_are_cut() -> None:
    short, long = np.full(10, 0.2, np.float32), np.full(90, -0.4, np.float32)
    mixed = overlaid([short, long], [0.0, -6.0], 50, -1.0)
    part = 10 ** (-6 / 20)
    assert len(mixed) == 50
    np.testing.assert_allclose(mixed[10:], mixed[49])
    np.testing.assert_allclose(mixed[0] / mixed[10], (1 - part) / -part, rtol=1e-5)
    beginning = overlaid([impulse(3, 0.5, 90) + impulse(60, 0.2, 90)], [0.0], 50, -1.0)
    assert np.flatnonzero(beginning).tolist() == [3]
    assert not overlaid([short], [0.0], 50, -1.0)[10:].any()
    assert len(overlaid([short], [0.0], 7, -1.0)) == 7


# The stage

TAUGHT = ("bass", "flute", "reed")
SETS = tuple(overlay.SIDES)


def write_corpus(root: Path) -> None:
    """Write notes of four instruments of each family, in one part, and of another instrument each in the other."""
    families = [*(f"{family}_acoustic" for family in TAUGHT), "synth_lead_synthetic"]
    names = [
        f"{family}_{number:03d}-{note}" for family in families for number in range(4) for note in ("060-050", "072-100")
    ]
    write_part(root / "nsynth-train", names)
    write_part(root / "nsynth-test", [f"{family}_{number:03d}-055-075" for family in families for number in (90, 91)])


def write_params(folder: Path, added: Mapping[str, Any] | None = None) -> None:
    values: Any = families_values()
    task = values["tasks"]["families"]
    values["scales"]["smoke"]["families"] |= {"train_mixtures": 40, "validation_per_size": 2, "exam_per_size": 3}
    values["corpora"]["nsynth"] |= {"root": "notes", "min_seconds": 0.5}
    task["classes"] = {family: {"family": family} for family in TAUGHT} | dict(added or {})
    task["clips"] |= {"families": list(TAUGHT), "seconds": 0.7, "sample_rate_hz": RATE, "gain_db": [-6.0, 0.0]}
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(values, file)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a corpus, its index and its split."""
    root = tmp_path_factory.mktemp("overlays")
    write_corpus(root / "notes")
    write_params(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("TUTTI_WORKERS", "1")
        index.main(argparse.Namespace(corpus="nsynth", out=Path("data/index/nsynth")))
        split.main(argparse.Namespace(task="families", out=Path("data/families/split")))
    return root


@pytest.fixture
def repository(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, to be changed."""
    making._note.cache_clear()
    shutil.copytree(corpus, tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "repository")
    monkeypatch.setenv("TUTTI_WORKERS", "1")
    return tmp_path / "repository"


def run(name: str, out: str | Path) -> pd.DataFrame:
    overlay.main(argparse.Namespace(task="families", set=name, out=Path(out)))
    return read_table(Path(out) / "manifest" / "clips.parquet", ("clip", "file"))


def drawn_as_configured(name: str) -> list[Overlay]:
    params = config.load()
    task, sizes = params.overlay_task("families"), params.size("families")
    notes = read_notes(Path("data/families/split"), Path("data/index/nsynth"), overlay.SIDES[name])
    per_size = sizes.validation_per_size if name == "validation_mixtures" else sizes.exam_per_size
    return Drawing(notes, task.clips, task.classes, params.seed, sizes.train_mixtures, per_size).overlays(name)


@pytest.mark.parametrize("name", SETS)
def test_the_stage_writes_each_clip_with_its_labels(repository: Path, name: str) -> None:
    table, drawn = run(name, "out"), drawn_as_configured(name)
    assert list(table.columns) == [
        "clip", "file", "duration_s", "polyphony", "instruments", "recordings", "players", "gains_db", "twin", "block",
    ]  # fmt: skip
    assert table["clip"].tolist() == [each.clip for each in drawn]
    assert table["file"].tolist() == [f"{each.clip}.flac" for each in drawn]
    assert sorted(path.name for path in Path("out/audio").iterdir()) == sorted(table["file"])
    assert set(table["duration_s"]) == {0.7}
    for column, expected in (
        ("recordings", [[one.recording for one in each.notes] for each in drawn]),
        ("players", [[one.group for one in each.notes] for each in drawn]),
        ("gains_db", [list(each.gains_db) for each in drawn]),
    ):
        assert [list(row) for row in table[column]] == expected
    assert table["twin"].tolist() == [each.twin for each in drawn]
    assert table["block"].tolist() == [each.block for each in drawn]
    labels = load_labels(Path("out/manifest"))
    assert labels.classes == TAUGHT
    assert labels.reference.tolist() == [[int(family in families_of(each)) for family in TAUGHT] for each in drawn]
    assert labels.polyphony.tolist() == [len(each.notes) for each in drawn]
    for each, file in zip(drawn[:12], table["file"], strict=False):
        info = soundfile.info(repository / "out" / "audio" / file)
        assert (info.format, info.subtype, info.channels, info.samplerate) == ("FLAC", "PCM_16", 1, RATE)
        sounds = [read_mono(repository / "notes" / one.path, RATE) for one in each.notes]
        whole_clip = overlaid(sounds, each.gains_db, round(0.7 * RATE), -1.0)
        np.testing.assert_allclose(read_mono(Path("out/audio") / file, RATE), whole_clip, atol=0.5001 / 32768)


def test_each_set_is_made_of_the_notes_of_its_side(repository: Path) -> None:
    del repository
    split_table = read_table(Path("data/families/split/split.parquet"), ("recording", "side", "group"))
    side_of = dict(zip(split_table["recording"], split_table["side"], strict=True))
    groups: dict[str, set[str]] = {}
    for name in SETS:
        notes = [one for each in drawn_as_configured(name) for one in each.notes]
        assert {side_of[one.recording] for one in notes} == {overlay.SIDES[name]}
        groups[name] = {one.group for one in notes}
    assert groups["train_mixtures"] == groups["train_notes"]
    for one, other in (("train_notes", "validation_notes"), ("train_notes", "unseen_recording_notes")):
        assert not groups[one] & groups[other]


def test_strong_labels_are_the_notes_events(repository: Path) -> None:
    del repository
    run(TRAINING, "out")
    known = {event.recording: event for event in read_events(Path("data/index/nsynth"))}
    expected = [
        (each.clip, one.recording, one.instrument, 0.0, known[one.recording].offset_s, known[one.recording].pitch_midi,
         known[one.recording].velocity)
        for each in drawn_as_configured(TRAINING) for one in each.notes
    ]  # fmt: skip
    events = load_events(Path("out/manifest"))
    assert list(events.itertuples(index=False, name=None)) == expected
    assert {0.5} == set(events["offset_s"])
    assert set(events["pitch_midi"]) == {60.0, 72.0}
    assert set(events["velocity"]) == {50, 100}


def test_strong_labels_end_with_the_clip(repository: Path) -> None:
    values: Any = config.read_yaml(repository / "params.yaml")
    values["tasks"]["families"]["clips"]["seconds"] = 0.5
    with (repository / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(values, file)
    path = repository / "data/index/nsynth/events.parquet"
    events = pd.read_parquet(path)
    events["offset_s"] = 0.6
    events.to_parquet(path)
    run("train_notes", "out")
    assert set(load_events(Path("out/manifest"))["offset_s"]) == {0.5}


def test_nothing_sounds_where_no_family_does(repository: Path) -> None:
    table = run(EXAM, "out")
    silent = table["polyphony"] == 0
    assert silent.sum() == 3
    for file, nothing in zip(table["file"], silent, strict=True):
        samples = read_mono(repository / "out" / "audio" / file, RATE)
        assert len(samples) == round(0.7 * RATE)
        assert samples.any() != nothing
        assert nothing or peak_dbfs(samples) == pytest.approx(-1, abs=1e-3)


def test_the_same_bytes_with_any_number_of_workers(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(TRAINING, "one")
    monkeypatch.setenv("TUTTI_WORKERS", "2")
    run(TRAINING, "two")
    assert files_in(repository / "one") == files_in(repository / "two")
    assert len(files_in(repository / "one")) == 40 + 3


@pytest.mark.parametrize("name", ["train_notes", TRAINING, EXAM])
def test_a_class_that_is_added_adds_a_label_or_a_block_at_the_end(repository: Path, name: str) -> None:
    before = run(name, "before")
    added = {"some_flutes": {"instruments": "flute_acoustic_(00[0-3]|09.)"}, "synth": {"family": "synth_lead"}}
    write_params(repository, added)
    after = run(name, "after")
    old, new = load_labels(Path("before/manifest")), load_labels(Path("after/manifest"))
    assert new.classes == (*old.classes, "some_flutes", "synth")
    assert len(new.clips) > len(old.clips)
    first = np.arange(len(old.clips))
    kept = new.take(first)
    assert (kept.clips, kept.recordings) == (old.clips, old.recordings)
    np.testing.assert_array_equal(kept.reference[:, :3], old.reference)
    np.testing.assert_array_equal(kept.reference[:, 3], old.reference[:, TAUGHT.index("flute")])  # all flutes are some
    assert not kept.reference[:, 4].any()
    columns = [column for column in before.columns if column != "instruments"]
    pd.testing.assert_frame_equal(after[columns].iloc[: len(before)], before[columns])
    assert set(after["block"][len(before) :]) == {"synth"}
    assert new.reference[len(before) :, 4].any()
    sounds = files_in(Path("after/audio"))
    assert {file: sounds[file] for file in before["file"]} == files_in(Path("before/audio"))
    assert set(sounds) == set(after["file"])


@pytest.mark.parametrize("name", ["validation_notes", "validation_mixtures"])
def test_a_damaged_note_is_named_and_nothing_is_written(repository: Path, name: str) -> None:
    run(name, "out")
    before = files_in(repository / "out")
    damaged = drawn_as_configured(name)[-1].notes[0].path
    (repository / "notes" / damaged).write_bytes(b"RIFF")
    making._note.cache_clear()  # a stage is a process of its own
    for out in ("out", "new"):
        with pytest.raises(DataError) as caught:
            run(name, out)
        assert Path(damaged).name in str(caught.value)
        assert "\n" not in str(caught.value)
    assert files_in(repository / "out") == before
    assert list((repository / "new").iterdir()) == []


def test_a_note_that_the_index_lacks_is_named(repository: Path) -> None:
    path = repository / "data/index/nsynth/recordings.parquet"
    table = pd.read_parquet(path)
    table[~table["recording"].str.contains("reed_acoustic_00")].to_parquet(path)
    with pytest.raises(
        DataError, match=r"note 'train/reed_acoustic_00\d-\d+-\d+' is in the split but not in the index"
    ):
        run("train_notes", "out")


def test_a_set_without_clips_says_so(repository: Path) -> None:
    path = repository / "data/families/split/split.parquet"
    table = pd.read_parquet(path)
    table[table["side"] != "unseen_bank"].to_parquet(path)
    for name in ("unseen_bank", "unseen_bank_notes"):
        assert run(name, name).empty
        assert (Path(name) / "audio/empty.txt").read_text() == f"The corpus has no notes for {name}.\n"
        labels = load_labels(Path(name) / "manifest")
        assert (labels.classes, labels.reference.shape) == (TAUGHT, (0, 3))
        assert load_events(Path(name) / "manifest").empty
