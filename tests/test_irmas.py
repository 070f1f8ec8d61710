"""IRMAS as its archives unpack: names, label files as people and systems leave them, songs, and what cannot be used."""

import csv
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from irmas_corpus import irmas_config, write_clip, write_excerpt

from tutti import taxonomy
from tutti.corpora.adapters import irmas
from tutti.corpora.index import build_index, read_recordings, read_skipped, write_index
from tutti.corpora.recording import Entry, Recording, Skipped
from tutti.errors import DataError

TRAINING = (
    "cel/[cel][cla]0001__1.wav", "cel/[cel][cla]0001__2.wav", "gac/008__[gac][nod][cou_fol]2111__1.wav",
    "pia/[pia][dru][pop_roc]1283__3.wav", "pia/[pia][nod][cla]0001__3.wav", "gel/[gel][dru][jaz_blu]1283__1.WAV",
)  # fmt: skip
CLIPS = {
    "Part1/(02) dont kill the whale-1": "gel\t\nvoi\t\n",
    "Part1/(02) dont kill the whale-12": "voi\t\n",
    "Part2/09 - Ain't Misbehavin' (live) [1929].v2-3": "tru\t\r\ncla\t\r\n",
    "Part3/Ö Tannenbaum, für Elise-7": "org\n",
}


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A corpus of six training excerpts and four test clips, all of them good."""
    for number, name in enumerate(TRAINING):
        write_excerpt(tmp_path / "irmas", name, number)
    for number, (name, labels) in enumerate(CLIPS.items(), len(TRAINING)):
        write_clip(tmp_path / "irmas", name, number, labels)
    return tmp_path / "irmas"


def read(root: Path, **changes: Any) -> dict[str, Entry]:
    """Return what the adapter finds, by file name."""
    return {Path(entry.path).name: entry for entry in irmas.read(root, irmas_config(root, **changes))}


def index(root: Path, **changes: Any) -> tuple[dict[str, Recording], dict[str, Skipped]]:
    """Return the recordings and what was skipped, by file name."""
    settings = irmas_config(root, **changes)
    recordings, events, skipped = build_index(irmas.read(root, settings), root, settings)
    assert not events
    return {Path(each.path).name: each for each in recordings}, {Path(each.path).name: each for each in skipped}


def test_the_codes_are_instruments_of_the_taxonomy_each_once() -> None:
    assert list(irmas.INSTRUMENTS) == ["cel", "cla", "flu", "gac", "gel", "org", "pia", "sax", "tru", "vio", "voi"]
    assert len(set(irmas.INSTRUMENTS.values())) == 11
    assert set(irmas.INSTRUMENTS.values()) <= set(taxonomy.load().names)


def test_training_excerpts_have_their_folders_label_and_the_song_before_the_underscores(root: Path) -> None:
    found = read(root)
    about = {name: (found[Path(name).name].instruments, found[Path(name).name].group) for name in TRAINING}
    assert list(about.values()) == [
        (("cello",), "training/0001"), (("cello",), "training/0001"), (("acoustic_guitar",), "training/2111"),
        (("piano",), "training/1283"), (("piano",), "training/0001"), (("electric_guitar",), "training/1283"),
    ]  # fmt: skip
    assert all(found[Path(name).name].bank == "training" for name in TRAINING)
    assert all(found[Path(name).name].instrument == about[name][0][0] for name in TRAINING)


def test_test_clips_have_their_label_files_labels_and_the_name_before_the_number_as_song(root: Path) -> None:
    found = [each for each in irmas.read(root, irmas_config(root)) if each.bank != "training"]
    assert [(each.bank, each.instruments, each.group) for each in found] == [
        ("part1", ("electric_guitar", "voice"), "part1/(02) dont kill the whale"),
        ("part1", ("voice",), "part1/(02) dont kill the whale"),
        ("part2", ("clarinet", "trumpet"), "part2/09 - Ain't Misbehavin' (live) [1929].v2"),
        ("part3", ("pipe_organ",), "part3/Ö Tannenbaum, für Elise"),
    ]
    assert [each.instrument for each in found] == ["", "voice", "", "pipe_organ"]


def test_good_folders_are_indexed_whole(root: Path) -> None:
    recordings, skipped = index(root)
    assert not skipped
    assert len(recordings) == len(TRAINING) + len(CLIPS)
    assert {each.channels for each in recordings.values()} == {2}
    assert recordings["[cel][cla]0001__1.wav"].duration_s == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("content", "instruments"),
    [
        (b"gel\t\nvoi\t\n", ("electric_guitar", "voice")),
        (b"gel\t\r\nvoi\t\r\n", ("electric_guitar", "voice")),
        (b"gel\rvoi\r", ("electric_guitar", "voice")),
        (b"\xef\xbb\xbfvoi\t\ngel", ("electric_guitar", "voice")),
        (b"\n\nvoi\n \t\n\ngel\n\n", ("electric_guitar", "voice")),
        (b"  GEL  \nVoi \t \n", ("electric_guitar", "voice")),
        (b"voi\ngel\nvoi\t\nVOI\n", ("electric_guitar", "voice")),
        (b"gel voi\n", ("electric_guitar", "voice")),
        (b"org", ("pipe_organ",)),
    ],
    ids=["tabs", "crlf", "cr", "bom", "blank lines", "upper case", "twice", "one line", "no newline"],
)
def test_label_files_are_read_as_people_leave_them(
    tmp_path: Path, content: bytes, instruments: tuple[str, ...]
) -> None:
    (tmp_path / irmas.TRAINING_FOLDER).mkdir()
    write_clip(tmp_path, "Part1/a song-1", 1, content)
    (entry,) = irmas.read(tmp_path, irmas_config(tmp_path))
    assert (entry.instruments, entry.problem) == (instruments, "")


def test_a_label_file_may_end_in_capitals(tmp_path: Path) -> None:
    (tmp_path / irmas.TRAINING_FOLDER).mkdir()
    path = write_clip(tmp_path, "Part1/a song-1", 1, "sax\n")
    path.with_suffix(".txt").rename(path.with_suffix(".TXT"))
    assert [each.instruments for each in irmas.read(tmp_path, irmas_config(tmp_path))] == [("saxophone",)]


def test_part_folders_may_stand_without_their_archives(tmp_path: Path) -> None:
    (tmp_path / irmas.TRAINING_FOLDER).mkdir()
    for number, part in enumerate(("Part1", "IRTestingData-Part2", "IRMAS-TestingData-Part3")):
        made = write_clip(tmp_path, f"Part1/song {number}-1", number, "cel\n")
        (tmp_path / "all" / part).mkdir(parents=True)
        for path in (made, made.with_suffix(".txt")):
            path.rename(tmp_path / "all" / part / path.name)
    (tmp_path / irmas.TRAINING_FOLDER).rename(tmp_path / "all" / irmas.TRAINING_FOLDER)
    found = list(irmas.read(tmp_path / "all", irmas_config(tmp_path)))
    assert [(each.bank, each.group) for each in found] == [
        (f"part{number + 1}", f"part{number + 1}/song {number}") for number in range(3)
    ]


def test_what_systems_and_archives_leave_beside_is_not_read(root: Path) -> None:
    before = read(root)
    for name in (
        ".DS_Store", "IRMAS-TrainingData/.DS_Store", "IRMAS-TrainingData/cel/._[cel][cla]0001__1.wav",
        "IRMAS-TestingData-Part1/Part1/._(02) dont kill the whale-1.wav", "IRMAS-TrainingData/README.txt",
        "IRMAS-TestingData-Part1/README.txt", "__MACOSX/IRMAS-TrainingData/cel/a.wav", "docs/a.wav",
        "IRMAS-TestingData-Part1/__MACOSX/Part1/b.wav", "IRMAS-TrainingData/cel/cover.jpg", "stray.wav",
    ):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0\1")
    assert read(root) == before


SPOILT = {
    "no labels-1.wav": "has no label file: put 'no labels-1.txt' beside it, one label a line",
    "empty-1.wav": "has an empty label file: write at least one of cel, cla, flu, gac, gel, org, pia, sax, tru, vio, "
    "voi into it, one a line",
    "blank-1.wav": "has an empty label file: write at least one of cel, cla, flu, gac, gel, org, pia, sax, tru, vio, "
    "voi into it, one a line",
    "unknown-1.wav": "has the unknown label 'gui' in line 3 of its label file: allowed are cel, cla, flu, gac, gel, "
    "org, pia, sax, tru, vio, voi",
    "binary-1.wav": "has a label file that cannot be read: it is not text",
    "utf16-1.wav": "has a label file that cannot be read: it is not text",
    "folder-1.wav": "has no label file: put 'folder-1.txt' beside it, one label a line",
    "[dru][nod][cla]0009__1.wav": "stands in no folder of a label code: it must be one of cel, cla, flu, gac, gel, "
    "org, pia, sax, tru, vio, voi",
    "loose.wav": "stands in no folder of a label code: it must be one of cel, cla, flu, gac, gel, org, pia, sax, "
    "tru, vio, voi",
    "short-1.wav": "lasts 0.400 s, less than the corpus' min_seconds 0.5",
    "copy-1.wav": "holds the same sound as IRMAS-TestingData-Part1/Part1/(02) dont kill the whale-12.wav",
}


def spoil(root: Path) -> None:
    """Add what cannot be used."""
    write_clip(root, "Part1/no labels-1", 20, None)
    write_clip(root, "Part1/empty-1", 21, "")
    write_clip(root, "Part2/blank-1", 22, "\n \t\r\n")
    write_clip(root, "Part2/unknown-1", 23, "gel\n\ngui\t\nxyz\n")
    write_clip(root, "Part3/binary-1", 24, b"\x89PNG\r\n\x1a\n\xff\x00\x00")
    write_clip(root, "Part3/utf16-1", 25, "cel\n".encode("utf-16"))
    write_clip(root, "Part3/folder-1", 26, None).with_suffix(".txt").mkdir()
    write_excerpt(root, "dru/[dru][nod][cla]0009__1.wav", 27)
    write_excerpt(root, "loose.wav", 28)
    write_clip(root, "Part1/short-1", 29, "cel\n", seconds=0.4)
    write_clip(root, "Part3/copy-1", len(TRAINING) + 1, "voi\n")


def test_what_cannot_be_used_is_listed_each_with_a_sentence_and_the_others_go_on(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(root)
    recordings, skipped = index(root)
    assert len(recordings) == len(TRAINING) + len(CLIPS)
    assert {name: each.reason for name, each in skipped.items()} == SPOILT
    assert "11 of 21 files are left out, as skipped.csv lists; the first: IRMAS-TestingData-Part1/Part1/" in caplog.text
    write_index(list(recordings.values()), [], list(skipped.values()), root / "index")
    assert {each.path for each in read_skipped(root / "index")} == {each.path for each in skipped.values()}
    with (root / "index" / "skipped.csv").open(newline="", encoding="utf-8") as file:
        assert {Path(row["path"]).name: row["reason"] for row in csv.DictReader(file)} == SPOILT
    kept = {each.recording: each.instruments for each in read_recordings(root / "index")}
    assert kept == {each.recording: each.instruments for each in recordings.values()}


@pytest.mark.parametrize("name", sorted(SPOILT))
def test_stop_ends_with_one_sentence_about_the_first_one(root: Path, name: str) -> None:
    spoil(root)
    for path in [each for each in root.rglob("*.wav") if each.name in SPOILT and each.name != name]:
        path.unlink()
    with pytest.raises(DataError) as caught:
        index(root, on_bad_file="stop")
    (path,) = root.rglob(name.replace("[", "[[]"))
    assert str(caught.value) == f"{path} {SPOILT[name]}"


def test_stop_counts_the_others(root: Path) -> None:
    spoil(root)
    with pytest.raises(DataError, match=r"Part1/.* \(and 10 more bad files\)$") as caught:
        index(root, on_bad_file="stop")
    assert "\n" not in str(caught.value)


def test_one_sound_under_two_labels_is_used_under_neither(root: Path) -> None:
    for name in ("tru/[tru][nod][cla]0500__1.wav", "sax/[sax][nod][cla]0501__1.wav"):
        write_excerpt(root, name, 77)
    recordings, skipped = index(root)
    assert len(recordings) == len(TRAINING) + len(CLIPS)
    assert sorted(each.instrument for each in skipped.values()) == ["saxophone", "trumpet"]
    assert all("another instrument: remove the wrong one" in each.reason for each in skipped.values())


def test_a_damaged_wav_is_listed(root: Path) -> None:
    path = write_excerpt(root, "vio/[vio][nod][cla]0700__1.wav", 50)
    path.write_bytes(path.read_bytes()[:1000])
    write_excerpt(root, "vio/[vio][nod][cla]0701__1.wav", 51).write_bytes(b"no audio at all" * 20)
    _, skipped = index(root)
    assert sorted(skipped) == ["[vio][nod][cla]0700__1.wav", "[vio][nod][cla]0701__1.wav"]
    assert skipped["[vio][nod][cla]0700__1.wav"].reason.startswith("is truncated")
    assert skipped["[vio][nod][cla]0701__1.wav"].instrument == "violin"


def test_a_name_that_is_not_utf8_is_listed(root: Path) -> None:
    good = write_excerpt(root, "vio/[vio][nod][cla]0700__1.wav", 50)
    labelled = write_clip(root, "Part1/good-1", 51, "vio\n")
    strange = os.fsdecode(b"\xe9tude-1")
    try:
        good.rename(good.with_name(f"{strange}.wav"))
    except OSError:
        pytest.skip("this file system refuses such names")
    for path in (labelled, labelled.with_suffix(".txt")):
        path.rename(path.with_name(strange + path.suffix))
    recordings, skipped = index(root)
    assert len(recordings) == len(TRAINING) + len(CLIPS)
    assert [each.reason for each in skipped.values()] == ["has a name that is not UTF-8: rename it"]  # one name, twice
    settings = irmas_config(root)
    everything = build_index(irmas.read(root, settings), root, settings)
    assert len(everything[2]) == 2
    write_index(*everything, root / "index")
    assert [each.path for each in read_skipped(root / "index")] == [
        "IRMAS-TestingData-Part1/Part1/\\udce9tude-1.wav", "IRMAS-TrainingData/vio/\\udce9tude-1.wav",
    ]  # fmt: skip


@pytest.mark.parametrize("missing", ["", irmas.TRAINING_FOLDER])
def test_a_missing_folder_says_what_to_do(root: Path, missing: str) -> None:
    (root / missing).rename(root.parent / "elsewhere")
    with pytest.raises(DataError) as caught:
        list(irmas.read(root, irmas_config(root)))
    assert str(caught.value) == (
        f"folder {root / missing} is missing: unpack IRMAS there, run `dvc repro render_excerpts` for the stand-in, or "
        "change corpora.*.root in params.yaml"
    )


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "irmas").write_text("IRMAS")
    with pytest.raises(DataError, match="irmas is missing: unpack IRMAS there"):
        list(irmas.read(tmp_path / "irmas", irmas_config(tmp_path)))


def test_linked_folders_are_read_and_circles_are_not(root: Path) -> None:
    before = read(root)
    for folder in ("IRMAS-TrainingData/cel", "IRMAS-TestingData-Part1/Part1", "IRMAS-TestingData-Part3"):
        kept = root.parent / "kept" / folder
        kept.parent.mkdir(parents=True, exist_ok=True)
        (root / folder).rename(kept)
        (root / folder).symlink_to(kept)
    (root / "IRMAS-TrainingData" / "pia" / "round").symlink_to(root / "IRMAS-TrainingData")
    (root.parent / "kept" / "IRMAS-TestingData-Part3" / "self").symlink_to("self")
    assert read(root, links_outside=True) == before


def test_a_link_out_of_the_root_is_followed_only_where_that_is_allowed(root: Path) -> None:
    folder, kept = root / "IRMAS-TrainingData/cel", root.parent / "kept"
    names = {path.name for path in folder.iterdir() if path.suffix == ".wav"}
    folder.rename(kept)
    folder.symlink_to(kept)
    assert names
    assert all("leads out of the corpus' root" in read(root)[name].problem for name in names)
    assert not any(read(root, links_outside=True)[name].problem for name in names)


def test_names_that_differ_in_the_case_of_their_ending_are_two(root: Path) -> None:
    path = next((root / "IRMAS-TrainingData").rglob("*.wav"))
    path.with_suffix(".WAV").write_bytes(path.read_bytes())
    found = [each.recording for each in irmas.read(root, irmas_config(root))]
    assert len(found) == len(set(found)) == len(read(root))


def test_without_test_parts_the_training_excerpts_are_read(root: Path) -> None:
    for part in root.glob("IRMAS-TestingData-*"):
        part.rename(root.parent / part.name)
    assert {each.bank for each in irmas.read(root, irmas_config(root))} == {"training"}


def test_an_empty_corpus_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / irmas.TRAINING_FOLDER / "cel").mkdir(parents=True)
    with caplog.at_level(logging.WARNING, "tutti"):
        assert index(tmp_path) == ({}, {})
    assert "no recording under" in caplog.text
    with pytest.raises(DataError, match="no recordings were found under"):
        index(tmp_path, on_bad_file="stop")


def test_only_the_rendered_folder_is_a_stand_in(tmp_path: Path) -> None:
    assert irmas_config(irmas.STAND_IN).is_rendered
    assert not irmas_config(tmp_path).is_rendered


def test_mirdata_reads_the_same_labels(root: Path) -> None:
    name = "mirdata.datasets.irmas"
    theirs = pytest.importorskip(name, reason="mirdata, the data set's other reader, is not installed")
    compared = 0
    for entry in irmas.read(root, irmas_config(root)):
        if entry.bank != "training":
            codes = theirs.load_pred_inst(str((root / entry.path).with_suffix(".txt")))
            assert tuple(sorted(irmas.INSTRUMENTS[code] for code in codes)) == entry.instruments
            compared += 1
    assert compared == len(CLIPS)
