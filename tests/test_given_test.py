"""The split of a corpus that says itself which recordings are its test, in several labels a clip."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tutti.config import SplitConfig
from tutti.corpora.recording import Recording
from tutti.corpora.splitting import fewest_groups, not_evaluable, split, write_split
from tutti.errors import DataError, LeakError
from tutti.labels import read_table

CONFIG = SplitConfig(
    training_banks=("training",), test_banks=("part1", "part2"), unseen_banks=("part3",), validation_fraction=0.15,
    test_fraction=0.0,
)  # fmt: skip


def excerpt(bank: str, name: str, song: str, *instruments: str) -> Recording:
    """Return a recording as IRMAS gives it."""
    one = instruments[0] if len(instruments) == 1 else ""
    return Recording(
        f"{bank}/{name}", f"{name}.wav", one, bank, f"{bank}/{song}", f"sound of {bank}/{name}", name, 44100, 2, 3.0,
        "CC", instruments=tuple(sorted(instruments)),
    )  # fmt: skip


def training(instrument: str, songs: int, pieces: int = 3) -> list[Recording]:
    """Return ``pieces`` excerpts of each song."""
    return [
        excerpt("training", f"{instrument} {song}__{piece}", f"{instrument} {song}", instrument)
        for song in range(songs)
        for piece in range(pieces)
    ]


CLIPS = [
    excerpt("part1", "a-1", "a", "cello", "violin"), excerpt("part1", "a-2", "a", "violin"),
    excerpt("part2", "b-1", "b", "cello", "voice"), excerpt("part2", "c-1", "c", "voice"),
    excerpt("part3", "d-1", "d", "cello", "violin", "voice"), excerpt("part3", "e-1", "e", "trumpet"),
]  # fmt: skip
CORPUS = [*training("cello", 20), *training("violin", 7), *training("voice", 1), *CLIPS]


def test_the_test_is_what_its_banks_hold_and_nothing_else() -> None:
    result = split(CORPUS, CONFIG, seed=1)
    by_side: dict[str, set[str]] = {}
    for each in result.recordings:
        by_side.setdefault(result.sides[each.recording], set()).add(each.bank)
    assert by_side == {
        "train": {"training"}, "validation": {"training"}, "unseen_recording": {"part1", "part2"},
        "unseen_bank": {"part3"},
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_validation_takes_whole_songs_as_many_as_asked_for(seed: int) -> None:
    result = split(CORPUS, CONFIG, seed)
    sides: dict[str, set[str]] = {}
    for each in result.recordings:
        sides.setdefault(each.group, set()).add(result.sides[each.recording])
    assert all(len(found) == 1 for found in sides.values())
    held = Counter(
        each.instrument for each in result.recordings if result.sides[each.recording] == "validation"
    )  # of 60 excerpts 9 are asked for, of 21 three
    assert held == {"cello": 9, "violin": 3}


def test_two_songs_are_enough_where_the_test_is_given() -> None:
    assert fewest_groups(CONFIG) == 2
    result = split([*training("cello", 2), *CLIPS], CONFIG, seed=1)
    assert sorted({result.sides[each.recording] for each in result.recordings if each.bank == "training"}) == [
        "train", "validation",
    ]  # fmt: skip
    own = CONFIG.model_copy(update={"test_banks": (), "test_fraction": 0.2})
    assert fewest_groups(own) == 3
    with pytest.raises(DataError, match=r"no instrument has 3 groups .*for training, validation and test: cello has"):
        split([*training("cello", 2), *CLIPS], own, seed=1)


def test_an_instrument_with_one_song_is_no_class_and_is_explained() -> None:
    result = split(CORPUS, CONFIG, seed=1)
    assert sorted(each.recording for each in result.left_out) == [
        "part2/c-1", "part3/e-1", "training/voice 0__0", "training/voice 0__1", "training/voice 0__2",
    ]  # fmt: skip
    found = {each["instrument"]: each for each in not_evaluable(result, CONFIG)}
    assert set(found) == {"trumpet", "voice"}
    assert found["voice"]["left_out"]
    assert found["voice"]["missing_sides"] == ["train", "validation", "unseen_recording", "unseen_bank"]
    assert found["voice"]["reason"] == "3 recordings in 1 groups in the training banks, 2 groups are needed"
    assert found["trumpet"]["reason"] == "0 recordings in the training banks, 2 groups are needed"


def test_a_clip_of_several_is_kept_where_one_of_them_is_a_class() -> None:
    result = split(CORPUS, CONFIG, seed=1)
    kept = {each.recording for each in result.recordings if each.bank != "training"}
    assert kept == {"part1/a-1", "part1/a-2", "part2/b-1", "part3/d-1"}


def test_a_class_that_the_test_lacks_is_explained() -> None:
    result = split([*CORPUS, *training("flute", 4)], CONFIG, seed=1)
    (flute,) = [each for each in not_evaluable(result, CONFIG) if each["instrument"] == "flute"]
    assert (flute["left_out"], flute["missing_sides"]) == (False, ["unseen_recording", "unseen_bank"])
    assert flute["reason"] == "no recordings in the test banks; no recordings in the unseen banks"


def test_a_song_of_two_instruments_stands_on_one_side() -> None:
    shared = [
        excerpt("training", f"{name} {number}", f"song {number}", name)
        for name in ("cello", "violin") for number in range(8)
    ]  # fmt: skip
    result = split([*shared, *CLIPS], CONFIG, seed=2)
    for number in range(8):
        assert len({result.sides[f"training/{name} {number}"] for name in ("cello", "violin")}) == 1


def test_a_song_in_training_and_test_is_refused() -> None:
    leaking = replace(excerpt("training", "cello 0__9", "cello 0", "cello"), group="part1/a")
    with pytest.raises(LeakError, match=r"part1/a-1 \(unseen_recording\) and training/cello 0__9 .*same group"):
        split([*CORPUS, leaking], CONFIG, seed=1)


def test_the_sound_of_a_test_clip_in_training_is_refused() -> None:
    copy = replace(excerpt("training", "copy", "copy", "cello"), audio_sha256="sound of part1/a-2")
    with pytest.raises(LeakError, match=r"part1/a-2 \(unseen_recording\) and training/copy .* have the same sound"):
        split([*CORPUS, copy], CONFIG, seed=1)


def test_a_test_bank_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"bank 'part2' of split\.test_banks is not in the index: choose one of"):
        split([each for each in CORPUS if each.bank != "part2"], CONFIG, seed=1)


def test_the_stored_split_tells_every_side(tmp_path: Path) -> None:
    result = split(CORPUS, CONFIG, seed=1)
    write_split(result, CONFIG, [], tmp_path / "split")
    table = read_table(tmp_path / "split" / "split.parquet", ("recording", "instrument", "side"))
    assert dict(zip(table["recording"], table["side"], strict=True)) == result.sides
    assert set(table.loc[table["recording"] == "part1/a-1", "instrument"]) == {""}
