"""Every mistake in ``params.yaml`` is one sentence that names the key, the value and what is allowed."""

import copy
import importlib
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tutti import config
from tutti.errors import ParameterError

ROOT = Path(__file__).parents[1]
ORIGINAL = config.read_yaml(ROOT / "params.yaml")
MODELS = sorted(ORIGINAL["tasks"]["cultural"]["models"])
ABSENT = "<absent>"
TASK = "tasks/cultural"
EXCERPTS = "tasks/predominant"
RENDER = "corpora/irmas/render"
NOTES = "corpora/nsynth"
FAMILIES = "tasks/families"
BINARY = f"{FAMILIES}/models/mixtures/binary"


def _with(path: str, value: Any) -> dict[str, Any]:
    """Return the repository's parameters with one value replaced, or removed."""
    values: dict[str, Any] = copy.deepcopy(ORIGINAL)
    *groups, key = path.split("/")
    place: Any = values
    for group in groups:
        place = place[group]
    if value == ABSENT:
        del place[key]
    else:
        place[key] = value
    return values


def _complaint(tmp_path: Path, path: str, value: Any) -> str:
    with pytest.MonkeyPatch.context() as patch:  # writing and reading YAML would take most of a test's time
        patch.setattr(config, "read_yaml", lambda _: _with(path, value))
        with pytest.raises(ParameterError) as caught:
            config.load(tmp_path / "params.yaml")
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_the_repositorys_parameters_are_valid() -> None:
    params = config.load(ROOT / "params.yaml")
    assert params.sizes == params.scales["default"]
    assert set(params.scales) == {"smoke", "default", "paper"}
    assert params.mixing_task("cultural").clips.gain_db == (-6.0, 6.0)


GROUPS = [
    "", "scales", "scales/smoke", "scales/smoke/corpus", "scales/smoke/cultural", "scales/smoke/cultural/clips",
    "scales/smoke/cultural/training", "scales/smoke/cultural/variety", "scales/smoke/evaluation", "corpora/rendered",
    "scales/smoke/cultural/embedding", "corpora/rendered/render", "corpora/folder", TASK, f"{TASK}/split",
    f"{TASK}/clips", f"{TASK}/features/log_mel", f"{TASK}/features/mfcc", f"{TASK}/features/timbre",
    f"{TASK}/learned_features/vggish", f"{TASK}/embedding", *(f"{TASK}/models/{model}" for model in MODELS),
    f"{TASK}/models/han_cnn/training",
    f"{TASK}/evaluation", f"{TASK}/studies", f"{TASK}/studies/leak", f"{TASK}/studies/enter_leave",
    f"{TASK}/studies/variety", f"{TASK}/studies/variety/feature", f"{TASK}/studies/variety/model", "report", "detect",
    "tracking", "scales/smoke/predominant", "scales/smoke/predominant/corpus", "scales/smoke/predominant/training",
    "corpora/irmas", RENDER, EXCERPTS, f"{EXCERPTS}/split", f"{EXCERPTS}/clips", f"{EXCERPTS}/clips/mixed_validation",
    f"{EXCERPTS}/features/log_mel", f"{EXCERPTS}/features/timbre", f"{EXCERPTS}/models/han_cnn",
    f"{EXCERPTS}/models/svm", f"{EXCERPTS}/evaluation", f"{EXCERPTS}/studies", f"{EXCERPTS}/studies/aggregation",
    f"{EXCERPTS}/studies/inside",
    "scales/smoke/families", "scales/smoke/families/corpus", "scales/smoke/families/training", NOTES, f"{NOTES}/render",
    FAMILIES, f"{FAMILIES}/split", f"{FAMILIES}/clips", f"{FAMILIES}/features/stft_db", f"{FAMILIES}/models/notes",
    f"{FAMILIES}/models/mixtures", BINARY, f"{BINARY}/training", f"{FAMILIES}/evaluation", f"{FAMILIES}/studies",
]  # fmt: skip


@pytest.mark.parametrize("group", [group for group in GROUPS if group != "scales"])
def test_an_unknown_key_is_named_with_the_known_ones(tmp_path: Path, group: str) -> None:
    said = _complaint(tmp_path, f"{group}/surprise".lstrip("/"), 1)
    place = f"{group.replace('/', '.')}: " if group else ""
    assert said.startswith(f"params.yaml: {place}key 'surprise' is unknown here: choose one of ")
    known: Any = ORIGINAL
    for part in group.split("/") if group else ():
        known = known[part]
    assert all(key in said for key in known)


@pytest.mark.parametrize("group", GROUPS[1:])
def test_a_group_that_is_none_is_named(tmp_path: Path, group: str) -> None:
    for value, quoted in ((None, "empty"), ([1], "[1]"), ("x", "'x'")):
        said = _complaint(tmp_path, group, value)
        assert said.startswith(f"params.yaml: {group.replace('/', '.')} is {quoted}, and must be a group of keys")


SECTIONS = ["seed", "scale", "scales", "corpora", "tasks", "report", "detect", "tracking"]
KEYS = [f"{TASK}/clips", f"{TASK}/corpus", "scales/paper/cultural", f"{TASK}/models/han_cnn/training/loss"]
KEYS += [f"{TASK}/models/han_cnn/repeat", f"{TASK}/split/test_banks", f"{TASK}/features/log_mel/normalise"]
KEYS += [f"{EXCERPTS}/clips/mixed_validation", f"{EXCERPTS}/studies/settings_of", "scales/paper/predominant", RENDER]


@pytest.mark.parametrize("path", [*SECTIONS, *KEYS])
def test_a_missing_key_is_named(tmp_path: Path, path: str) -> None:
    said = _complaint(tmp_path, path, ABSENT)
    assert said.startswith(f"params.yaml: {path.replace('/', '.')} is missing: add it")


NEW = [NOTES, FAMILIES, *(f"scales/{scale}/families" for scale in ORIGINAL["scales"])]  # all of whose keys are tried
OPEN = [f"{FAMILIES}/{group}" for group in ("classes", "features", "models")]  # groups of entries that users name
OPEN += [f"{NOTES}/families", f"{NOTES}/render/banks"]
KINDS = ("adapter", "architecture", "extractor", "method")


def _keys(group: str) -> Iterator[str]:
    """Yield the paths of all keys below a group; of several entries that users name, those of the last one."""
    found: Any = ORIGINAL
    for part in group.split("/"):
        found = found[part]
    for key in list(found)[-1:] if group in OPEN else found:
        if group not in OPEN:
            yield f"{group}/{key}"
        if isinstance(found[key], dict):
            yield from _keys(f"{group}/{key}")


EVERY_KEY = [path for group in NEW for path in _keys(group) if not path.startswith(f"{FAMILIES}/classes/")]


def test_every_key_is_tried() -> None:
    assert len(EVERY_KEY) > 80
    assert {f"{BINARY}/training/patience", f"{NOTES}/render/velocities", "scales/paper/families/corpus"} <= {*EVERY_KEY}


@pytest.mark.parametrize("path", EVERY_KEY)
def test_every_key_of_the_task_on_notes_is_needed(tmp_path: Path, path: str) -> None:
    group, _, key = path.rpartition("/")
    said = _complaint(tmp_path, path, ABSENT)
    if key in KINDS:
        assert said.startswith(f"params.yaml: {group.replace('/', '.')}: key {key!r} is missing: choose one of ")
    else:
        assert said.startswith(f"params.yaml: {path.replace('/', '.')} is missing: add it")


@pytest.mark.parametrize("path", EVERY_KEY)
def test_every_key_of_the_task_on_notes_refuses_a_value_of_another_type(tmp_path: Path, path: str) -> None:
    before: Any = ORIGINAL
    for part in path.split("/"):
        before = before[part]
    group, _, key = path.rpartition("/")
    value = -0.5 if isinstance(before, str | list) else "x"  # no number of seconds either
    place = f"{group.replace('/', '.')}: {key}" if key in KINDS else path.replace("/", ".")
    said = _complaint(tmp_path, path, value)
    assert said.startswith(f"params.yaml: {place} is {value!r}")
    assert re.search(", and must be |: choose one of |: must be ", said)
    assert "\n" not in said


WRONG = [
    ("seed", "many", "is 'many', and must be a whole number"),
    ("seed", 1.5, "is 1.5, and must be a whole number"),
    ("seed", True, "is true, and must be a whole number"),
    ("seed", None, "is empty, and must be a whole number"),
    ("seed", -1, "is -1, and must be at least 0"),
    ("scale", 3, "is 3, and must be a text"),
    ("scale", "smok", "is 'smok': choose one of default, paper, smoke; did you mean 'smoke'?"),
    ("scales", {}, "is {}, and must be a group with at least 1 entry"),
    ("scales/smoke/corpus/recordings_per_instrument", 2, "is 2, and must be at least 3"),
    ("scales/smoke/corpus/recording_seconds", math.nan, "is nan, and must be a finite number"),
    ("scales/smoke/corpus/recording_seconds", math.inf, "is inf, and must be a finite number"),
    ("scales/smoke/corpus/recording_seconds", 121.0, "is 121.0, and must be at most 120"),
    ("scales/smoke/corpus/instruments", "flute", "is 'flute', and must be `all` or a list of instruments"),
    ("scales/smoke/corpus/instruments", [], "is [], and must be a list of at least one name"),
    ("scales/smoke/corpus/instruments", ["oboe", "oboe"], "must be a list without repetitions: 'oboe' stands twice"),
    ("scales/smoke/corpus/instruments", ["oboe", "flut"], "instrument 'flut' is not in the taxonomy"),
    ("scales/smoke/corpus/instruments", ["oboe", 3], "instrument '3' is not in the taxonomy"),
    ("scales/smoke/cultural/clips/train", 0, "is 0, and must be at least 1"),
    ("corpora/rendered/root", "", "is '', and must be at least 1 character long"),
    ("corpora/rendered/render/banks", {}, "is {}, and must be a group with at least 1 entry"),
    ("corpora/rendered/render/sample_rate_hz", 7999, "is 7999, and must be at least 8000"),
    ("corpora/rendered/render/sample_rate_hz", 96001, "is 96001, and must be at most 96000"),
    ("corpora/rendered/render/reverb", "on", "is 'on', and must be true or false"),
    (f"{TASK}/corpus", "iramas", "is 'iramas': choose one of folder, irmas, nsynth, rendered; did you mean 'irmas'?"),
    (f"{TASK}/split/training_banks", "fluidr3", "is 'fluidr3', and must be a list of at least one name"),
    (f"{TASK}/split/training_banks", ["fluidr4"], "is 'fluidr4': choose one of fluidr3, timgm6mb; did"),
    (f"{TASK}/split/training_banks", [], "is [], and must be a list of at least one name"),
    (f"{TASK}/split/unseen_banks", "b", "is 'b', and must be a list of names, such as [a, b], or [] for none"),
    ("taxonomy", None, "is empty, and must be a text"),
    ("corpora/folder/group_pattern", "(", "is '(', and must be a regular expression, or null: missing )"),
    ("corpora/folder/on_bad_file", "ask", "is 'ask', and must be 'skip' or 'stop'"),
    (f"{TASK}/clips/seconds", "5", "is '5', and must be a number"),
    (f"{TASK}/clips/seconds", 0.1, "is 0.1, and must be at least 0.5"),
    (f"{TASK}/clips/gain_db", [3], "is [3], and must be a list of two numbers, the lower one first"),
    (f"{TASK}/clips/gain_db", 3.0, "is 3.0, and must be a list of two numbers, the lower one first"),
    (f"{TASK}/clips/gain_db", [6.0, -6.0], "is [6.0, -6.0], and must go from the lower to the higher value"),
    (f"{TASK}/clips/draw", "any", "is 'any', and must be 'all' or 'class'"),
    (f"{TASK}/clips/late_entry_probability", 1.1, "is 1.1, and must be at most 1"),
    (f"{TASK}/clips/min_sounding_seconds", 0.0, "is 0.0, and must be above 0"),
    (f"{TASK}/clips/label_files", 1, "is 1, and must be true or false"),
    (f"{TASK}/features", {}, "is {}, and must be a group with at least 1 entry"),
    (f"{TASK}/features/log_mel/floor", "1e-05x", "is '1e-05x', and must be a number"),
    (f"{TASK}/learned_features/vggish/sample_rate_hz", 22050, "is 22050, and must be 16000"),
    (f"{TASK}/learned_features/vggish/handle", "", "is '', and must be at least 1 character long"),
    (f"{TASK}/embedding/width", 0.0, "is 0.0, and must be above 0"),
    (f"{TASK}/embedding/gain_db", [6.0, -6.0], "must go from the lower to the higher value"),
    (f"{TASK}/embedding/max_mixed", 6, "is 6, and must be at most 5"),
    (f"{TASK}/embedding/min_sounding_seconds", 1.0, "is 1.0, and must be at most 0.96"),
    ("scales/smoke/cultural/embedding/patches", 0, "is 0, and must be at least 1"),
    (f"{TASK}/models", {}, "is {}, and must be a group with at least 1 entry"),
    (f"{TASK}/models/han_cnn/feature", "mel", "is 'mel': choose one of log_mel, mfcc, timbre, vggish; did"),
    (f"{TASK}/models/han_cnn/activation", "gelu", "is 'gelu', and must be 'tanh', 'relu'"),
    (
        f"{TASK}/models/han_cnn/training",
        "han_2018",
        "group of keys or the name of published settings: choose one of han_2017",
    ),
    (f"{TASK}/models/han_cnn/training/max_epochs", 0, "is 0, and must be at least 1"),
    (f"{TASK}/models/han_cnn/training/monitor", "loss", "is 'loss', and must be 'validation_loss', 'training_loss' or"),
    (f"{TASK}/models/c_gru_log_mel/cell", "rnn", "is 'rnn', and must be 'lstm' or 'gru'"),
    (f"{TASK}/models/c_gru_log_mel/filters", [16, 32], "is [16, 32], and must be a list of three numbers of filters"),
    (f"{TASK}/models/random_forest/trees", 0, "is 0, and must be at least 1"),
    (f"{TASK}/evaluation/fixed_threshold", "abc", "is 'abc', and must be a number"),
    (f"{TASK}/evaluation/confidence", 2.0, "is 2.0, and must be at most 0.999"),
    (f"{TASK}/evaluation/min_active_seconds", 0.0, "is 0.0, and must be above 0"),
    (f"{TASK}/studies/leak/instruments", 0, "is 0, and must be at least 1"),
    (f"{TASK}/studies/enter_leave/late_entry_probability", 1.5, "is 1.5, and must be at most 1"),
    (f"{TASK}/studies/variety/recordings", 4, "is 4, and must be a list of at least one name, such as [a, b]"),
    (f"{TASK}/studies/variety/recordings", [0], "is 0, and must be at least 1"),
    (f"{TASK}/studies/variety/recordings", [2, 1], "must be a list of rising numbers, such as [1, 2, 4]"),
    (f"{TASK}/studies/variety/model/l2", -1.0, "is -1.0, and must be at least 0"),
    ("scales/smoke/cultural/clips/enter_leave", 0, "is 0, and must be at least 1"),
    ("scales/smoke/cultural/variety/train", 0, "is 0, and must be at least 1"),
    ("report/task", "frames", "is 'frames': choose one of cultural"),
    ("report/task", "predominant", "is 'predominant': choose one of cultural"),
    ("report/task", "families", "is 'families': choose one of cultural"),
    ("detect/task", "frames", "is 'frames': choose one of cultural, families, predominant"),
    ("scales/smoke/predominant/mixed_validation", 0, "is 0, and must be at least 1"),
    ("scales/smoke/predominant/corpus/songs_per_instrument", 2, "is 2, and must be at least 3"),
    ("scales/smoke/predominant/corpus/test_clips", 3, "is 3, and must be at least 4"),
    ("corpora/irmas/min_seconds", 61.0, "is 61.0, and must be at most 60"),
    ("corpora/irmas/on_bad_file", "ask", "is 'ask', and must be 'skip' or 'stop'"),
    (f"{RENDER}/banks", {"part1": "FluidR3_GM.sf2"}, "must name a sound bank for training and one for a part"),
    (f"{RENDER}/banks", {"training": "FluidR3_GM.sf2"}, "must name a sound bank for training and one for a part"),
    (f"{RENDER}/banks/part4", "FluidR3_GM.sf2", "is 'part4', and must be 'training', 'part1', 'part2' or 'part3'"),
    (f"{RENDER}/training_seconds", 0.9, "is 0.9, and must be at least 1"),
    (f"{RENDER}/excerpts_per_song", [0, 2], "is 0, and must be at least 1"),
    (f"{RENDER}/excerpts_per_song", [3, 2], "is [3, 2], and must be a list of two whole numbers, the lower one first"),
    (f"{RENDER}/excerpts_per_song", [1.5, 2], "is 1.5, and must be a whole number"),
    (f"{RENDER}/accompaniment", [1, 9], "is 9, and must be at most 8"),
    (f"{RENDER}/accompaniment_db", [-10.0, -20.0], "must go from the lower to the higher value"),
    (f"{RENDER}/drums_probability", -0.1, "is -0.1, and must be at least 0"),
    (f"{RENDER}/label_shares", [0.5, 0.4], "is [0.5, 0.4], and must add up to 1, and adds up to 0.9"),
    (f"{RENDER}/label_shares", 1.0, "is 1.0, and must be a list of shares that add up to 1, such as [0.5, 0.5]"),
    (f"{EXCERPTS}/split/test_banks", ["part4"], "is 'part4': choose one of part1, part2, part3, training; did you"),
    (f"{EXCERPTS}/split/test_banks", "part1", "is 'part1', and must be a list of names, such as [a, b], or [] for"),
    (f"{EXCERPTS}/clips/excerpt_seconds", 0.4, "is 0.4, and must be at least 0.5"),
    (f"{EXCERPTS}/clips/mixed_validation/label_shares", [0.7, 0.4], "must add up to 1, and adds up to 1.1"),
    (f"{EXCERPTS}/clips/mixed_validation/label_shares", [1.5, -0.5], "is 1.5, and must be at most 1"),
    (f"{EXCERPTS}/clips/mixed_validation/label_shares", [], "is [], and must be a list of shares"),
    (f"{EXCERPTS}/clips/mixed_validation/fade_seconds", 0.6, "is 0.6, and must be at most 0.5"),
    (f"{EXCERPTS}/clips/mixed_validation/gain_db", [3.0, -3.0], "must go from the lower to the higher value"),
    (f"{EXCERPTS}/features/log_mel/normalise", "rms", "is 'rms', and must be 'none' or 'peak'"),
    (f"{EXCERPTS}/models/han_cnn/feature", "vggish", "is 'vggish': choose one of log_mel, timbre"),
    (f"{EXCERPTS}/models/han_cnn/repeat", 0, "is 0, and must be at least 1"),
    (f"{EXCERPTS}/models/han_cnn/hop_seconds", "window", "is 'window', and must be half_window or a number above 0"),
    (f"{EXCERPTS}/models/han_cnn/hop_seconds", 0.0, "is 0.0, and must be half_window or a number above 0"),
    (f"{EXCERPTS}/models/han_cnn/windows_per_clip", -1, "is -1, and must be at least 0"),
    (f"{EXCERPTS}/evaluation/aggregation", "s3", "is 's3', and must be 's1', 's2' or 'adaptive'"),
    (f"{EXCERPTS}/studies/settings_of", "cnn", "is 'cnn': choose one of han_cnn, svm; did you mean 'han_cnn'?"),
    (f"{EXCERPTS}/studies/inside/model", "cnn", "is 'cnn': choose one of han_cnn; did you mean 'han_cnn'?"),
    (f"{EXCERPTS}/studies/inside/perplexity", 0.5, "is 0.5, and must be at least 1"),
    (f"{EXCERPTS}/studies/aggregation/s1", [0.4, 0.2], "must be a list of rising thresholds in 0..1, such as"),
    (f"{EXCERPTS}/studies/aggregation/s2", [0.4, 1.2], "is 1.2, and must be at most 1"),
    (f"{EXCERPTS}/studies/aggregation/s2", 0.4, "is 0.4, and must be a list"),
    ("report/main_policy", "best", "is 'best', and must be 'fixed', 'validated_global' or 'validated_per_class'"),
    ("detect/model", "cnn", f"is 'cnn': choose one of {', '.join(MODELS)}; did you mean 'han_cnn'?"),
    ("tracking/experiment_prefix", "", "is '', and must be at least 1 character long"),
    (f"{NOTES}/families", {}, "is {}, and must be a group with at least 1 entry"),
    (f"{NOTES}/families/flute", "wooden", "is 'wooden', and must be 'acoustic', 'electronic' or 'synthetic'"),
    (f"{NOTES}/min_seconds", -1.0, "is -1.0, and must be at least 0"),
    (f"{NOTES}/on_bad_file", "ask", "is 'ask', and must be 'skip' or 'stop'"),
    (f"{NOTES}/render/banks", {}, "is {}, and must be a group with at least 1 entry"),
    (f"{NOTES}/render/banks/part1", "GM.sf2", "is 'part1', and must be 'train', 'valid' or 'test'"),
    (f"{NOTES}/render/velocities", [0], "is 0, and must be at least 1"),
    (f"{NOTES}/render/velocities", [25, 25], "must be a list of different whole numbers within 1..127"),
    ("scales/smoke/families/corpus/notes_per_instrument", 0, "is 0, and must be `all` or a whole number from 1 on"),
    ("scales/smoke/families/train_mixtures", 39, "is 39, and must be at least 40"),
    ("scales/smoke/families/validation_per_size", 1, "is 1, and must be at least 2"),
    ("scales/smoke/families/exam_per_size", 1, "is 1, and must be at least 2"),
    (f"{FAMILIES}/corpus", "nsinth", "is 'nsinth': choose one of folder, irmas, nsynth, rendered; did you mean"),
    (f"{FAMILIES}/split/unseen_banks", ["tset"], "is 'tset': choose one of test, train, valid; did you mean 'test'?"),
    (f"{FAMILIES}/classes", {}, "is {}, and must be a group with at least 1 entry"),
    (f"{FAMILIES}/classes", ["flute"], "is ['flute'], and must be a group of keys"),
    (f"{FAMILIES}/classes/flute", None, "is empty, and must be one key and its value, such as {family: flute} or {ins"),
    (f"{FAMILIES}/classes/flute", {}, "is {}, and must be one key and its value, such as {family: flute} or {instrum"),
    (f"{FAMILIES}/classes/flute", "flute", "is 'flute', and must be one key and its value, such as {family: flute}"),
    (f"{FAMILIES}/classes/flute", {"family": "flute", "instruments": "a"}, "must be one key and its value, such as"),
    (f"{FAMILIES}/classes/flute/family", "", "is '', and must be at least 1 character long"),
    (f"{FAMILIES}/classes/flute/family", 3, "is 3, and must be a text"),
    (f"{FAMILIES}/classes/Flute", {"family": "flute"}, "is 'Flute', and must be made of a to z, 0 to 9 and _"),
    (f"{FAMILIES}/clips/families", [], "is [], and must be a list of at least one name, such as [a, b]"),
    (f"{FAMILIES}/clips/families", ["reed", "reed"], "must be a list without repetitions: 'reed' stands twice"),
    (f"{FAMILIES}/clips/seconds", 0.4, "is 0.4, and must be at least 0.5"),
    (f"{FAMILIES}/clips/gain_db", [3.0, -3.0], "must go from the lower to the higher value"),
    (f"{FAMILIES}/clips/peak_dbfs", 0.5, "is 0.5, and must be at most 0"),
    (f"{FAMILIES}/features/stft_db/normalise", "rms", "is 'rms', and must be 'none' or 'peak'"),
    (f"{FAMILIES}/models/mixtures/feature", "log_mel", "is 'log_mel': choose one of stft_db"),
    (f"{FAMILIES}/models/mixtures/trained_on", "both", "is 'both', and must be 'notes' or 'mixtures'"),
    (f"{FAMILIES}/models/mixtures/pairs_per_epoch", 0, "is 0, and must be at least 1"),
    (f"{FAMILIES}/models/mixtures/same_size_share", 1.1, "is 1.1, and must be at most 1"),
    (f"{FAMILIES}/models/mixtures/confusable_share", -0.1, "is -0.1, and must be at least 0"),
    (f"{FAMILIES}/models/mixtures/stop_at_precision", 98.0, "is 98.0, and must be at most 1"),
    (f"{FAMILIES}/models/mixtures/stop_at_recall", -0.1, "is -0.1, and must be at least 0"),
    (f"{BINARY}/dropout", 1.0, "is 1.0, and must be at most 0.95"),
    (f"{BINARY}/norm_momentum", 1.0, "is 1.0, and must be below 1"),
    (f"{FAMILIES}/evaluation/objective", "micro_f1", "is 'micro_f1', and must be 'accuracy_hamming' or 'accuracy_iou'"),
    (f"{FAMILIES}/evaluation/fixed_threshold", 1.5, "is 1.5, and must be at most 1"),
    (f"{FAMILIES}/studies/regimes", ["mixtures", "note"], "is 'note': choose one of mixtures, notes; did you mean"),
    (f"{FAMILIES}/studies/regimes", ["notes", "notes"], "must be a list without repetitions: 'notes' stands twice"),
]


@pytest.mark.parametrize(("path", "value", "said"), WRONG, ids=lambda part: str(part)[:40])
def test_a_wrong_value_is_one_sentence(tmp_path: Path, path: str, value: Any, said: str) -> None:
    sentence = _complaint(tmp_path, path, value)
    assert sentence.startswith(f"params.yaml: {path.replace('/', '.')}")
    assert said in sentence
    assert "\n" not in sentence


COMBINED = [
    ("corpora/rendered/adapter", "rendred", "adapter is 'rendred': choose one of folder, irmas, nsynth, rendered; did"),
    ("corpora/rendered/adapter", ABSENT, "key 'adapter' is missing: choose one of folder, irmas, nsynth, rendered"),
    (f"{TASK}/features/log_mel/extractor", "logmel", "extractor is 'logmel': choose one of log_mel,"),
    (f"{TASK}/models/han_cnn/architecture", "hann", "architecture is 'hann': choose one of "),
    (f"{TASK}/models/han_cnn/architecture", None, "architecture is None: choose one of "),
    (f"{TASK}/split/test_fraction", 0.9, "validation_fraction 0.1 and test_fraction 0.9 must leave"),
    (f"{TASK}/split/training_banks", ["fluidr3", "timgm6mb"], "bank 'timgm6mb' stands in training_banks and"),
    (f"{TASK}/method", "mixed", "method is 'mixed': choose one of cut, mix, overlay; did you mean 'mix'?"),
    (f"{TASK}/method", ["mix"], "method is ['mix']: choose one of cut, mix, overlay"),
    (f"{TASK}/method", ABSENT, "key 'method' is missing: choose one of cut, mix, overlay"),
    (f"{TASK}/method", "cut", "key 'learned_features' is unknown here: choose one of clips, corpus"),
    (f"{EXCERPTS}/split/test_banks", ["training"], "bank 'training' stands in training_banks and in test_banks: keep"),
    (f"{EXCERPTS}/split/unseen_banks", ["part1"], "bank 'part1' stands in test_banks and in unseen_banks: keep it in"),
    (f"{EXCERPTS}/split/test_fraction", 0.2, "test_fraction 0.2 and test_banks both name the test: set test_fraction"),
    (f"{EXCERPTS}/clips/mixed_validation/seconds", [0.4, 9.0], "seconds [0.4, 9.0] must lie within 0.5..600"),
    (f"{RENDER}/test_seconds", [0.5, 9.0], "test_seconds [0.5, 9.0] must lie within 1..120"),
    (f"{TASK}/clips/string_gap_seconds", [-3.0, 0.0], "string_gap_seconds [-3.0, 0.0] must lie within -1..10"),
    (f"{TASK}/clips/max_polyphony", 1, "min_polyphony 2 is above max_polyphony 1"),
    (f"{NOTES}/adapter", "nsinth", "adapter is 'nsinth': choose one of folder, irmas, nsynth, rendered; did you mean"),
    (f"{FAMILIES}/method", "mix", "key 'classes' is unknown here: choose one of clips, corpus, embedding,"),
    (f"{FAMILIES}/split/unseen_banks", ["train"], "bank 'train' stands in training_banks and in unseen_banks: keep it"),
    (f"{FAMILIES}/features/stft_db/hop_length", 4096, "hop_length 4096 must be at most n_fft 2048, or samples are"),
    (f"{BINARY}/architecture", "chen", "architecture is 'chen': choose one of bi_lstm, c_rnn, chen_cnn,"),
    (f"{FAMILIES}/studies/regimes", ["notes"], "regimes names 1 models: name the two that are compared"),
    (f"{FAMILIES}/studies/regimes", ["a", "b", "c"], "regimes names 3 models: name the two that are compared"),
]


@pytest.mark.parametrize(("path", "value", "said"), COMBINED, ids=lambda part: str(part)[:40])
def test_values_that_do_not_fit_together_are_named(tmp_path: Path, path: str, value: Any, said: str) -> None:
    group = path.rpartition("/")[0].replace("/", ".")
    assert _complaint(tmp_path, path, value).startswith(f"params.yaml: {group}: {said}")


def test_only_solo_recordings_are_mixed(tmp_path: Path) -> None:
    said = _complaint(tmp_path, f"{TASK}/corpus", "irmas")
    assert "tasks.cultural.corpus is 'irmas', whose recordings are not of one instrument each: choose a corpus" in said


@pytest.mark.parametrize("corpus", ["folder", "irmas", "rendered"])
def test_only_notes_are_overlaid(tmp_path: Path, corpus: str) -> None:
    said = _complaint(tmp_path, f"{FAMILIES}/corpus", corpus)
    assert said == (
        f"params.yaml: tasks.families.corpus is {corpus!r}, whose recordings are not single notes: choose a corpus of "
        "notes, or method mix"
    )


def test_a_class_has_one_of_the_known_keys(tmp_path: Path) -> None:
    said = _complaint(tmp_path, f"{FAMILIES}/classes/piccolo", {"famly": "flute"})
    place = "params.yaml: tasks.families.classes.piccolo"
    assert said == f"{place}: key 'famly' is unknown here: choose one of family, instruments; did you mean 'family'?"
    said = _complaint(tmp_path, f"{FAMILIES}/classes/piccolo", {"instruments": "flute_("})
    assert said.startswith(f"{place}.instruments is 'flute_(', and must be a regular expression, and is none: miss")


def test_a_class_of_instruments_is_read() -> None:
    values = _with(f"{FAMILIES}/classes/piccolo", {"instruments": "flute_acoustic_00[12]"})
    classes = config.Params.model_validate(values).overlay_task("families").classes
    assert classes["piccolo"] == config.InstrumentsClass(instruments="flute_acoustic_00[12]")
    assert classes["flute"] == config.FamilyClass(family="flute")


def _binaries_of(feature: str) -> dict[str, Any]:
    section: dict[str, Any] = copy.deepcopy(ORIGINAL["tasks"]["families"]["models"]["mixtures"])
    return section | {"feature": feature}


@pytest.mark.parametrize(
    ("path", "section"),
    [
        (f"{TASK}/models/han_cnn", _binaries_of("log_mel")),
        (f"{EXCERPTS}/models/svm", _binaries_of("log_mel")),
        (f"{FAMILIES}/models/mixtures", _binaries_of("stft_db")["binary"] | {"feature": "stft_db"}),
    ],
    ids=["mix", "cut", "overlay"],
)
def test_a_task_on_notes_takes_binaries_and_no_other_task_does(
    tmp_path: Path, path: str, section: dict[str, Any]
) -> None:
    assert _complaint(tmp_path, path, section) == (
        f"params.yaml: {path.replace('/', '.')}.architecture is {section['architecture']!r}: a task of method overlay "
        "takes one_vs_all, and only such a task does"
    )


def _without_feature(model: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in model.items() if key != "feature"}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (f"{BINARY}/training/batch_size", 31, "binary.training.batch_size 31 must be even, as it holds pairs"),
        (f"{BINARY}/windows_per_clip", 4, "binary.windows_per_clip 4 must be 1: pairs are of clips"),
        (f"{BINARY}/training/output_bias", "prior", "binary.training.output_bias must be zero, as batches are bal"),
        (f"{BINARY}/training/loss", "categorical_crossentropy", "binary.training.loss 'categorical_crossentropy' must"),
        (f"{BINARY}/training", "han_2017", "binary.training.loss 'categorical_crossentropy' must be binary_crossentr"),
        (f"{BINARY}/feature", "log_mel", "binary.feature must be left out: it is that of the set"),
        (BINARY, _without_feature(ORIGINAL["tasks"]["predominant"]["models"]["svm"]),
         "binary.architecture is 'svm', which is no network: choose one of bi_lstm, c_rnn, chen_cnn, han_cnn"),
        (BINARY, _without_feature(_binaries_of("stft_db")),
         "binary.architecture is 'one_vs_all', which is no network: choose one of bi_lstm, c_rnn, chen_cnn, han_cnn"),
    ],
    ids=["batch_size", "windows", "bias", "loss", "published", "feature", "estimator", "nested"],
)  # fmt: skip
def test_a_binary_is_a_network_of_one_output_in_batches_of_pairs(
    tmp_path: Path, path: str, value: Any, said: str
) -> None:
    assert _complaint(tmp_path, path, value).startswith(f"params.yaml: tasks.families.models.mixtures: {said}")


def test_a_binary_has_the_feature_of_its_set() -> None:
    values: Any = copy.deepcopy(ORIGINAL)
    values["tasks"]["families"]["models"]["mixtures"]["binary"]["feature"] = "stft_db"
    params, stated = (config.Params.model_validate(each) for each in (ORIGINAL, values))
    model = params.model("families", "mixtures")
    assert model.binary.feature == "stft_db"
    assert model == stated.model("families", "mixtures") == type(model).model_validate(model.model_dump(mode="json"))


def test_the_study_of_variety_extracts_what_its_model_sees(tmp_path: Path) -> None:
    said = _complaint(tmp_path, f"{TASK}/studies/variety/model/feature", "log_mel")
    assert "studies.variety: model.feature is 'log_mel', but the study extracts 'mel_statistics': make" in said


def test_mp3_needs_a_rate_that_mp3_has(tmp_path: Path) -> None:
    values = _with(f"{TASK}/clips/format", "mp3")
    values["tasks"]["cultural"]["clips"]["sample_rate_hz"] = 8001
    with (tmp_path / "params.yaml").open("w") as stream:
        YAML(typ="safe").dump(values, stream)
    with pytest.raises(ParameterError, match="sample_rate_hz 8001 is none of MP3's: 16000, 22050"):
        config.load(tmp_path / "params.yaml")


def test_a_name_becomes_a_folder_and_a_stage(tmp_path: Path) -> None:
    said = _complaint(tmp_path, f"{TASK}/models/my net", ORIGINAL["tasks"]["cultural"]["models"]["han_cnn"])
    assert "tasks.cultural.models.my net is 'my net', and must be made of a to z, 0 to 9 and _" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "params.yaml is empty, and must be a group of keys (corpora, detect,"),
        (b"- a\n", "params.yaml is ['a'], and must be a group of keys"),
        (b"seed: [1", "params.yaml is not valid YAML: "),
        (b"seed: 1\n\tscale: x\n", "is not valid YAML: found a tab character that violates indentation (line 2"),
        (b"seed: 1\nseed: 2\n", 'is not valid YAML: found duplicate key "seed"'),
        (b"seed: 1\n---\nseed: 2\n", "is not valid YAML: expected a single document in the stream, but found another"),
        (b"seed: !!python/object:os.system x\n", "is not valid YAML: could not determine a constructor for the tag"),
        (b"\xff\xfe", "params.yaml is not text in UTF-8 (byte 0): save it as UTF-8"),
        (b"1: 2\n", "params.yaml: key 1 is unknown here: choose one of corpora"),
    ],
)
def test_a_file_that_is_no_parameters_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(ParameterError) as caught:
        config.load(tmp_path / "params.yaml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_model_has_the_name_of_a_study(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("\n      han_relu:\n", "\n      variety:\n"))
    with pytest.raises(ParameterError, match=r"tasks\.cultural\.models\.variety has the name under which"):
        config.load(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_be(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="is missing: run this command at the root of the repository"):
        config.load(tmp_path / "params.yaml")
    with pytest.raises(ParameterError, match="cannot be read: Is a directory"):
        config.load(tmp_path)


def test_numbers_are_read_as_dvc_writes_them(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text()
    before, name, after = text.partition("\n      han_cnn:\n")
    changed, count = re.subn(r"learning_rate: [\d.]+", "learning_rate: 1e-05", after, count=1)
    assert count == 1
    (tmp_path / "params.yaml").write_text(before + name + changed)
    assert config.load(tmp_path / "params.yaml").model("cultural", "han_cnn").training.learning_rate == 1e-5


def test_experiments_change_training_settings(tmp_path: Path) -> None:
    apply_overrides = importlib.import_module("dvc.utils.hydra").apply_overrides  # what `dvc exp run -S` does
    file = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", file)
    models = "tasks.cultural.models"
    apply_overrides(file, [f"{models}.han_cnn.training.learning_rate=1e-5", f"{models}.han_relu.training=meas_2025"])
    params = config.load(file)
    assert params.model("cultural", "han_cnn").training.learning_rate == 1e-5
    assert params.model("cultural", "han_relu").training.patience == 5


def test_an_unknown_item_lists_the_known_ones() -> None:
    params = config.load(ROOT / "params.yaml")
    for ask, said in (
        (lambda: params.task("frames"), "task 'frames' is not in params.yaml: choose one of cultural, families, pred"),
        (lambda: params.mixing_task("predominant"), "task 'predominant' has no method 'mix': choose one of cultural"),
        (lambda: params.overlay_task("cultural"), "task 'cultural' has no method 'overlay': choose one of families"),
        (lambda: params.cutting_task("cultural"), "task 'cultural' has no method 'cut': choose one of predominant"),
        (lambda: params.size("frames"), "size of task 'frames' is not in params.yaml: choose one of .*cultural"),
        (lambda: params.corpus("iowa"), "corpus 'iowa' is not in params.yaml: choose one of folder, irmas, nsynth"),
        (lambda: params.model("cultural", "cnn"), "model 'cnn' is not in params.yaml: choose one of .*han_cnn"),
        (lambda: params.feature("cultural", "mel"), "feature 'mel' is not in params.yaml: choose one of log_mel"),
    ):
        with pytest.raises(ParameterError, match=said):
            ask()


def test_loading_brings_in_no_heavy_package() -> None:
    code = "import sys; from tutti import config; config.load(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"keras", "matplotlib", "mlflow", "numba", "pandas", "scipy", "sklearn", "tensorflow"}
    assert not heavy & set(done.stdout.split())


def test_a_stage_stops_with_the_sentence_and_no_traceback(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("\nseed: 2025", "\nseed: soon"))
    done = subprocess.run(
        [sys.executable, "-m", "stages.split", "--task", "cultural", "--out", "out"],
        cwd=tmp_path, env={"PATH": "", "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: params.yaml: seed is 'soon', and must be a whole number\n"
    assert not (tmp_path / "out").exists()
