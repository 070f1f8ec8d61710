"""A folder of recordings as people have them: names, sessions, copies, links, bad files, what is no audio."""

import csv
import logging
import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from folder_corpus import RATE, folder_config, tone, write_tone

from stages import index as stage
from tutti import config, taxonomy
from tutti.corpora.adapters import folder
from tutti.corpora.index import build_index, read_recordings, read_skipped, write_index
from tutti.corpora.recording import Recording, Skipped
from tutti.errors import DataError, TuttiError, UnknownNameError

RECORDINGS = os.environ.get("TUTTI_RECORDINGS", "")


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


def index(root: Path, **changes: Any) -> tuple[dict[str, Recording], dict[str, Skipped]]:
    """Return the recordings and what was skipped, by path."""
    settings = folder_config(root, **changes)
    recordings, events, skipped = build_index(folder.read(root, settings), root, settings)
    assert not events
    return {each.path: each for each in recordings}, {each.path: each for each in skipped}


@pytest.mark.parametrize(
    ("name", "instrument"),
    [
        ("Violin", "violin"),
        ("STEEL drum", "steel_drums"),
        ("Güiro", "guiro"),
        (unicodedata.normalize("NFD", "Querflöte"), "flute"),
        ("India-Sitar", "sitar"),
        ("South Africa - Kalimba", "kalimba"),
        ("Guinea-Bissau-Flute", "flute"),
        ("Hi-hat", "hi_hat"),
    ],
)
def test_folders_bear_names_as_people_write_them(tmp_path: Path, name: str, instrument: str) -> None:
    write_tone(tmp_path / name / "take 1 (ä).wav", 440)
    (found,) = folder.read(tmp_path, folder_config(tmp_path))
    assert found.instrument == instrument
    assert (tmp_path / found.path).is_file()
    assert found.recording == unicodedata.normalize("NFC", found.recording)


def test_both_forms_of_a_name_beside_each_other_are_two_recordings(tmp_path: Path) -> None:
    for name, pitch in ((unicodedata.normalize("NFC", "Güiro"), 440), (unicodedata.normalize("NFD", "Güiro"), 550)):
        write_tone(tmp_path / name / "1.wav", pitch)
    recordings, skipped = index(tmp_path)
    assert len(recordings) == 2
    assert not skipped


def test_what_stands_before_a_hyphen_is_a_country_only_when_no_instrument_has_such_a_word(tmp_path: Path) -> None:
    write_tone(tmp_path / "Bass-Clarinet" / "1.wav", 440)
    with pytest.raises(UnknownNameError, match="Bass-Clarinet is no instrument"):
        list(folder.read(tmp_path, folder_config(tmp_path)))
    (tmp_path / "Bass-Clarinet").rename(tmp_path / "India-Sitar")
    with pytest.raises(UnknownNameError, match="India-Sitar is no instrument"):
        list(folder.read(tmp_path, folder_config(tmp_path, country_prefix=False)))


def test_all_unknown_folders_are_named_with_what_to_write(tmp_path: Path) -> None:
    for name in ("Erhu", "Vlolin", "Kankles", "Oboe"):
        write_tone(tmp_path / name / "1.wav", 440)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "notes.txt").write_text("no recordings here")
    with pytest.raises(UnknownNameError) as caught:
        list(folder.read(tmp_path, folder_config(tmp_path)))
    said = str(caught.value)
    assert "\n" not in said
    assert "`erhu: {title: Erhu, hornbostel_sachs: chordophone}`; as unknown are 2 more: Kankles, Vlolin" in said
    assert "`taxonomy` in params.yaml" in said


def test_what_is_hidden_or_no_audio_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_tone(tmp_path / "Oboe" / "1.FLAC", 440)
    for name in (".DS_Store", "Oboe/._1.FLAC", "README.md", "Oboe/takes.CSV", "__MACOSX/Oboe/1.wav", ".git/a.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\1")
    with caplog.at_level(logging.INFO, "tutti"):
        recordings, skipped = index(tmp_path)
    assert list(recordings) == ["Oboe/1.FLAC"]
    assert not skipped
    assert "2 files are no audio by their names and are not read (1 .csv, 1 .md)" in caplog.text


def spoil_some(root: Path) -> None:
    for number in range(3):
        write_tone(root / "Oboe" / f"good {number}.wav", 440 + number)
    (root / "Oboe" / "empty.wav").write_bytes(b"")
    (root / "Oboe" / "text.mp3").write_bytes(b"this is no audio" * 200)
    soundfile.write(root / "Oboe" / "none.wav", np.zeros(0), RATE)
    soundfile.write(root / "Oboe" / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(root / "Oboe" / "opposed.wav", np.stack([tone(300, 1), -tone(300, 1)], axis=1), RATE)
    write_tone(root / "Oboe" / "short.wav", 440, seconds=0.05)
    cut = write_tone(root / "Oboe" / "cut.flac", 440, seconds=2)
    cut.write_bytes(cut.read_bytes()[:9000])
    (root / "Oboe" / "gone.wav").symlink_to("nowhere.wav")
    write_tone(root / "stray.wav", 700)
    (root / "Violin" / "session").mkdir(parents=True)


REASONS = {
    "Oboe/empty.wav": "is an empty file",
    "Oboe/text.mp3": "is not audio",
    "Oboe/none.wav": "holds no samples",
    "Oboe/silent.wav": "is silent",
    "Oboe/opposed.wav": "is silent",
    "Oboe/short.wav": "lasts 0.050 s, less than the corpus' min_seconds 0.1",
    "Oboe/cut.flac": "is truncated or damaged",
    "Oboe/gone.wav": "is missing",
    "stray.wav": "stands in no instrument's folder",
    "Violin": "holds no recording",
}


def test_bad_files_are_left_out_listed_and_told_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spoil_some(tmp_path / "root")
    recordings, skipped = index(tmp_path / "root")
    assert list(recordings) == [f"Oboe/good {number}.wav" for number in range(3)]
    assert {path: each.reason.startswith(REASONS[path]) for path, each in skipped.items()} == dict.fromkeys(
        REASONS, True
    )
    assert skipped["Violin"].instrument == "violin"
    assert "10 of 13 files are left out, as skipped.csv lists; the first: Oboe/cut.flac is truncated" in caplog.text
    write_index(list(recordings.values()), [], list(skipped.values()), tmp_path / "index")
    assert read_skipped(tmp_path / "index") == list(skipped.values())
    with (tmp_path / "index" / "skipped.csv").open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == sorted(REASONS)


def test_stop_names_the_first_bad_file(tmp_path: Path) -> None:
    spoil_some(tmp_path)
    with pytest.raises(DataError, match=r"Oboe/cut\.flac is truncated .*\(and 9 more bad files\)"):
        index(tmp_path, on_bad_file="stop")


def test_copies_are_left_out_and_of_two_instruments_both(tmp_path: Path) -> None:
    for number in range(3):
        write_tone(tmp_path / "Oboe" / f"{number}.wav", 440 + number)
    samples, _ = soundfile.read(tmp_path / "Oboe" / "1.wav", dtype="int16")
    soundfile.write(tmp_path / "Oboe" / "copy.flac", samples, RATE)
    write_tone(tmp_path / "Violin" / "other.wav", 442)
    recordings, skipped = index(tmp_path)
    assert sorted(recordings) == ["Oboe/0.wav", "Oboe/1.wav"]
    assert skipped["Oboe/copy.flac"].reason == "holds the same sound as Oboe/1.wav"
    assert skipped["Oboe/2.wav"].reason.startswith("holds the same sound as Violin/other.wav, another instrument")
    assert skipped["Violin/other.wav"].reason.startswith("holds the same sound as Oboe/2.wav, another instrument")


def test_links_are_followed_within_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    outside = write_tone(tmp_path / "elsewhere" / "Violin" / "1.wav", 440)
    write_tone(root / "Oboe" / "1.wav", 550)
    (root / "Oboe" / "in.wav").symlink_to(write_tone(root / ".kept" / "a.wav", 660))
    (root / "Oboe" / "out.wav").symlink_to(write_tone(tmp_path / "elsewhere" / "2.wav", 880))
    (root / "Oboe" / "round").symlink_to(root / "Oboe")
    (root / "Oboe" / "self.wav").symlink_to("self.wav")
    (root / "Violin").symlink_to(outside.parent)
    recordings, skipped = index(root)
    assert sorted(recordings) == ["Oboe/1.wav", "Oboe/in.wav"]
    assert skipped["Oboe/out.wav"].reason.startswith("is a link that leads out of the corpus' root")
    assert skipped["Oboe/round"].reason.startswith("is a link to a folder that it stands in")
    assert skipped["Violin"].reason.startswith("is a link that leads out")
    assert sorted(index(root, links_outside=True)[0]) == [
        "Oboe/1.wav", "Oboe/in.wav", "Oboe/out.wav", "Violin/1.wav",
    ]  # fmt: skip


def test_sessions_and_patterns_are_groups(tmp_path: Path) -> None:
    for number, name in enumerate(("s1/a_1", "s1/cd2/b_2", "a_3", "a_4", "b_5", "6")):
        write_tone(tmp_path / "Oboe" / f"{name}.wav", 440 + number)

    def groups(**changes: Any) -> dict[str, str]:
        return {path.removeprefix("Oboe/"): each.group for path, each in index(tmp_path, **changes)[0].items()}

    plain = groups()
    assert plain["s1/a_1.wav"] == plain["s1/cd2/b_2.wav"]
    assert len(set(plain.values())) == 5
    found = groups(group_pattern="^(.)_")
    assert found["a_3.wav"] == found["a_4.wav"] != found["b_5.wav"]
    assert len(set(found.values())) == 4
    assert len(set(groups(sessions=False).values())) == 6


def test_a_folder_without_sub_folders_is_told_how_to_be(tmp_path: Path) -> None:
    write_tone(tmp_path / "flute 1.wav", 440)
    with pytest.raises(DataError, match=r"holds 1 recordings, such as flute 1\.wav, but in no folder: move them"):
        index(tmp_path)


def test_an_empty_folder_gives_an_empty_index(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "root").mkdir()
    settings = folder_config(tmp_path / "root")
    write_index(*build_index(folder.read(tmp_path / "root", settings), tmp_path / "root", settings), tmp_path / "index")
    assert read_recordings(tmp_path / "index") == []
    assert "no recording under" in caplog.text


def test_a_name_that_is_not_utf8_is_listed(tmp_path: Path) -> None:
    write_tone(tmp_path / "Oboe" / "1.wav", 440)
    try:
        Path(os.fsdecode(bytes(tmp_path) + b"/Oboe/\xff.wav")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system refuses such names")
    recordings, skipped = index(tmp_path)
    assert list(recordings) == ["Oboe/1.wav"]
    assert [each.reason for each in skipped.values()] == ["has a name that is not UTF-8: rename it"]


OWN = "erhu: {title: Erhu, hornbostel_sachs: chordophone, aliases: [二胡]}\n"


def test_a_users_taxonomy_reaches_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "params.yaml").read_text()
    Path("own.yaml").write_text(OWN, encoding="utf-8")
    Path("params.yaml").write_text(text.replace("taxonomy: tutti/taxonomy.yaml", "taxonomy: own.yaml"))
    write_tone(tmp_path / "recordings" / "二胡" / "1.wav", 440)
    try:
        stage.main(stage.parser().parse_args(["--corpus", "folder", "--out", "index"]))
    finally:
        taxonomy.use(taxonomy.BUILT_IN)
    assert [each.instrument for each in read_recordings(Path("index"))] == ["erhu"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (OWN.replace("chordophone", "stringed"), "own.yaml: erhu.hornbostel_sachs is 'stringed': choose one of aero"),
        (OWN.replace("title", "tittle"), "own.yaml: erhu: key 'tittle' is unknown: choose one of"),
        (OWN.replace("二胡", "violin"), "taxonomy: 'violin' names both violin and erhu"),
        (OWN + OWN, "own.yaml is not valid YAML: found duplicate key"),
        ("- erhu\n", "own.yaml must map instrument names to their entries"),
        (None, "own.yaml is missing"),
    ],
)
def test_a_wrong_taxonomy_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("taxonomy: tutti/taxonomy.yaml", "taxonomy: own.yaml"))
    if content is not None:
        Path("own.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(TuttiError) as caught:
        config.load()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert taxonomy.load().names == taxonomy.load(taxonomy.TAXONOMY_FILE).names


@pytest.mark.skipif(not RECORDINGS, reason="TUTTI_RECORDINGS names no folder of real recordings")
def test_real_recordings_can_be_read(tmp_path: Path) -> None:
    for each in Path(RECORDINGS).iterdir():
        if each.is_dir() and each.name in taxonomy.load():
            (tmp_path / each.name).symlink_to(each)
    recordings, skipped = index(tmp_path, links_outside=True)
    assert len(recordings) > 50
    assert len(skipped) < len(recordings) / 10
