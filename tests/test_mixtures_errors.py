"""Bad input to the mixtures: one sentence, and nothing half-written."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from solo_corpus import CLASS_OF, RATE, bursts, clips_config, eight_instruments, files_in

from tutti.errors import DataError, ParameterError, UnknownNameError
from tutti.mixtures.clip_set import Corpus, make_clips, read_corpus
from tutti.mixtures.recipe import read_recipes
from tutti.mixtures.replay import replay


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTTI_WORKERS", "1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return eight_instruments(tmp_path_factory.mktemp("corpus"))


def test_too_many_clips_say_how_many_combinations_exist(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="only 132 combinations of 2 to 5 among 8 instruments exist"):
        make_clips(corpus, clips_config(), "train", 133, 1, tmp_path / "out")
    assert not list(tmp_path.rglob("*.*"))
    assert not list((tmp_path / "out").iterdir())


def test_a_recording_that_changed_is_refused(tmp_path: Path) -> None:
    corpus = eight_instruments(tmp_path / "corpus")
    make_clips(corpus, clips_config(), "train", 4, 1, tmp_path / "out")
    before = files_in(tmp_path / "out")
    recipe = read_recipes(tmp_path / "out/manifest/recipes.jsonl")[0]
    changed = recipe.sources[0].path
    soundfile.write(corpus.root / changed, bursts(999, 3.0), RATE)
    with pytest.raises(DataError, match=f"{changed} holds other audio"):
        replay(recipe, corpus.root)
    with pytest.raises(DataError, match=f"{changed} holds other audio"):
        make_clips(corpus, clips_config(), "train", 5, 1, tmp_path / "out")
    assert files_in(tmp_path / "out") == before


def test_a_truncated_recording_is_named(tmp_path: Path) -> None:
    corpus = eight_instruments(tmp_path / "corpus")
    path = corpus.root / "oboe/1.flac"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"oboe/1\.flac"):
        make_clips(corpus, clips_config(), "train", 4, 1, tmp_path / "out")


def test_an_instrument_that_never_sounds_long_enough_is_named(tmp_path: Path) -> None:
    corpus = eight_instruments(tmp_path / "corpus")
    with pytest.raises(DataError, match=r"no recording of 'bongos' sounds for 1\.9 s within 2\.0 s"):
        make_clips(corpus, clips_config(min_sounding_seconds=1.9), "train", 4, 1, tmp_path / "out")


def test_wrong_splits_are_one_sentence(corpus: Corpus, tmp_path: Path) -> None:
    without_violin = {name: group for name, group in CLASS_OF.items() if name != "violin"}
    with pytest.raises(DataError, match="no recording on the side 'validation'"):
        make_clips(corpus, clips_config(), "validation", 4, 1, tmp_path)
    with pytest.raises(UnknownNameError, match="'violin' of the split is not in the taxonomy"):
        make_clips(replace(corpus, class_of=without_violin), clips_config(), "train", 4, 1, tmp_path)
    with pytest.raises(DataError, match="'bongos/0' is in the split but not in the index"):
        make_clips(replace(corpus, recordings=corpus.recordings.iloc[1:]), clips_config(), "train", 4, 1, tmp_path)
    with pytest.raises(DataError, match=r"split\.parquet is missing"):
        read_corpus(tmp_path, tmp_path, tmp_path, CLASS_OF)


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"clip": "a", "sources": [{"recording": 1}]}'])
def test_what_is_no_recipe_is_refused_by_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "recipes.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match=r"recipes\.jsonl, line 1 is no recipe"):
        read_recipes(path)


def test_a_recipe_with_a_wrong_type_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    make_clips(corpus, clips_config(), "train", 1, 1, tmp_path)
    path = tmp_path / "manifest/recipes.jsonl"
    values = json.loads(path.read_text())
    values["duration_ms"] = 2000.5
    path.write_text(json.dumps(values) + "\n")
    with pytest.raises(DataError, match=r"duration_ms is 2000\.5, but it must be a whole number"):
        read_recipes(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"min_polyphony": 4, "max_polyphony": 3}, "min_polyphony 4 is above max_polyphony 3"),
        ({"gain_db": [6.0, -6.0]}, "must go from the lower to the higher"),
        ({"min_sounding_seconds": 2.5}, "min_sounding_seconds 2.5 is above seconds 2.0"),
        ({"format": "mp3", "mp3_kbps": 192}, "mp3_kbps 192 is above 160, MP3's highest below 32000 Hz"),
        ({"format": "mp3", "sample_rate_hz": 11025}, "sample_rate_hz 11025 is none of MP3's"),
    ],
)
def test_parameters_that_contradict_each_other_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        clips_config(**changes)
