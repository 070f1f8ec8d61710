"""The study of variety: what its conditions train on, what tests them, and the same bytes from the same seed."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from solo_corpus import CLASS_OF, bursts, clips_config, files_in, write_corpus

from tutti import config
from tutti.config import TRAIN, UNSEEN_RECORDING, VALIDATION, SplitConfig
from tutti.corpora.recording import Recording
from tutti.corpora.takes import Condition, Plan, plan_study
from tutti.errors import LeakError, ParameterError
from tutti.scales import VarietyScale
from tutti.variety import COLUMNS, Study, run_study

SPLIT = SplitConfig(
    training_banks=("a",), test_banks=(), unseen_banks=("b",), validation_fraction=0.1, test_fraction=0.2
)


def _recordings(counts: Mapping[tuple[str, str], int]) -> list[Recording]:
    """Return recordings by bank and instrument."""
    names = [(bank, instrument, take) for (bank, instrument), count in counts.items() for take in range(count)]
    return [
        Recording(f"{bank}/{name}/{take}", f"{bank}/{name}/{take}.flac", name, bank, f"{bank}/{name}/{take}",
                  f"{bank}{name}{take}", "", 16000, 1, 3.0, "")
        for bank, name, take in names
    ]  # fmt: skip


def _plan(counts: Mapping[tuple[str, str], int], wanted: tuple[int, ...] = (1, 2, 4, 8), **changes: Any) -> Plan:
    return plan_study(_recordings(counts), SPLIT.model_copy(update=changes), wanted, 1)


FULL = _plan(dict.fromkeys(product("ab", ("flute", "oboe", "sitar")), 11))


def _by_name(plan: Plan) -> dict[tuple[str, int], Condition]:
    return {(each.banks, each.recordings): each for each in plan.conditions}


def test_eleven_recordings_give_eight_to_train_with() -> None:
    assert list(_by_name(FULL)) == [
        ("one", 1),
        ("one", 2),
        ("one", 4),
        ("one", 8),
        ("both", 2),
        ("both", 4),
        ("both", 8),
    ]
    for bank in "ab":
        sizes = {side: {len(ids) for ids in held.values()} for side, held in FULL.takes[bank].items()}
        assert sizes == {TRAIN: {8}, VALIDATION: {1}, UNSEEN_RECORDING: {2}}
    assert FULL.left_out == ({"recordings": 1, "banks": "both", "reason": "1 cannot come half from each of two banks"},)


def test_smaller_conditions_are_part_of_larger_ones() -> None:
    conditions = _by_name(FULL)
    for kind, counts in (("one", (1, 2, 4, 8)), ("both", (2, 4, 8))):
        sets = [set(conditions[kind, count].train) for count in counts]
        assert all(small < large for small, large in pairwise(sets))
    for condition in FULL.conditions:
        held = pd.Series(condition.train).str.split("/", expand=True)[[0, 1]].value_counts().to_dict()
        banks = "a" if condition.banks == "one" else "ab"
        each = condition.recordings // len(banks)
        assert held == {(bank, name): each for bank in banks for name in FULL.instruments}
    assert set(conditions["both", 8].train) & set(conditions["one", 8].train) == set(conditions["one", 4].train)


def test_what_tests_or_validates_trains_nothing() -> None:
    trained = {name for condition in FULL.conditions for name in condition.train}
    for bank in "ab":
        test, validation = (set(FULL.recordings(bank, side)) for side in (UNSEEN_RECORDING, VALIDATION))
        assert len(test) == 6
        assert not trained & (test | validation)
        assert not test & validation


def test_what_the_corpus_lacks_is_left_out_with_the_reason() -> None:
    counts = {("a", "flute"): 6, ("a", "oboe"): 11, ("a", "sitar"): 3, ("a", "taiko"): 6, ("a", "harp"): 2}
    plan = _plan(counts, unseen_banks=())
    assert list(_by_name(plan)) == [("one", 1), ("one", 2), ("one", 4)]
    assert plan.instruments == ("flute", "oboe", "taiko")
    reasons = {str(each.get("instrument", (each.get("banks"), each.get("recordings")))): str(each["reason"])
               for each in plan.left_out}  # fmt: skip
    assert reasons["harp"].startswith("it lacks recordings to train, validate and test with")
    assert reasons["sitar"] == "it has 1 training recordings in a bank, fewer than 4"
    assert reasons["('one', 8)"] == "most instruments have fewer than 8 training recordings in a bank"
    assert reasons["('both', 2)"] == "there is one bank only"


def test_a_bank_of_other_instruments_is_left_out() -> None:
    counts = {("a", "flute"): 5, ("a", "oboe"): 5, ("a", "sitar"): 5, ("b", "flute"): 5}
    plan = _plan(counts)
    assert plan.banks == ("a",)
    assert plan.left_out[0] == {"bank": "b", "reason": "it lacks most of the instruments of a"}


def test_one_sound_in_both_banks_is_refused() -> None:
    recordings = _recordings(dict.fromkeys(product("ab", ("flute", "oboe")), 11))
    sides = plan_study(recordings, SPLIT, (1,), 1).takes
    one, other = sides["a"][TRAIN]["flute"][0], sides["b"][UNSEEN_RECORDING]["flute"][0]
    same = [replace(each, audio_sha256="x") if each.recording in (one, other) else each for each in recordings]
    with pytest.raises(LeakError, match="have the same sound"):
        plan_study(same, SPLIT, (1,), 1)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Return a study of four instruments in two banks, a pitch an instrument."""
    root, names = tmp_path_factory.mktemp("corpus"), list(CLASS_OF)[:4]
    sounds = {
        f"{bank}-{name}-{take}/{name}": bursts((150 + 300 * index) * (1 + take / 97 + 0.05 * number), 2.5)
        for index, name in enumerate(names)
        for number, bank in enumerate("ab")
        for take in range(5)
    }
    corpus = write_corpus(root, sounds)
    table = corpus.recordings.merge(corpus.split, on="recording")
    table["instrument"] = table["recording"].str.split("/").str[1]
    rows: list[Any] = list(table.itertuples())
    recordings = [
        Recording(row.recording, row.path, row.instrument, row.recording[0], row.recording, row.audio_sha256, "", 16000,
                  1, 2.5, "")
        for row in rows
    ]  # fmt: skip
    params = config.load()
    task = params.mixing_task("cultural")
    variety = task.studies.variety
    model = variety.model.model_copy(update={"epochs": 30, "hidden_units": 32, "batch_size": 4})
    return Study(
        plan=plan_study(recordings, SPLIT, (1, 2), 1),
        recordings=table,
        events=corpus.events,
        root=root,
        class_of={name: CLASS_OF[name] for name in names},
        clips=clips_config(max_polyphony=2),
        config=variety.model_copy(update={"model": model}),
        sizes=VarietyScale(train=6, validation=5, test=6, max_epochs=1),
        evaluation=task.evaluation,
        replicates=20,
        seed=1,
    )


def test_each_condition_is_judged_on_both_banks(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, processes in (("one", "1"), ("two", "2")):
        monkeypatch.setenv("TUTTI_WORKERS", processes)
        run_study(study, tmp_path / name)
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two"), "the same bytes from any number of processes"
    assert sorted(files_in(tmp_path / "one")) == ["variety.csv", "variety.json"]
    table = pd.read_csv(tmp_path / "one/variety.csv")
    assert tuple(table.columns) == COLUMNS
    found = list(table[["recordings", "banks", "tested_on"]].itertuples(index=False, name=None))
    wanted = [(1, "one"), (2, "one"), (2, "both")]
    assert found == [(*each, bank) for each in wanted for bank in ("heard_bank", "other_bank")]
    assert table["macro_f1"].between(table["macro_f1_low"], table["macro_f1_high"]).all()
    assert (table["n_train"] == 6).all()
    assert (table["n_clips"] == 6).all()
    assert table["macro_f1"].max() > 0.6, "a pitch tells the instruments apart"


def test_a_study_without_conditions_says_so(study: Study, tmp_path: Path) -> None:
    run_study(replace(study, plan=replace(study.plan, conditions=())), tmp_path / "out")
    assert (tmp_path / "out/variety.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_too_many_mixtures_are_one_sentence_and_leave_nothing(study: Study, tmp_path: Path) -> None:
    sizes = study.sizes.model_copy(update={"train": 7})
    with pytest.raises(ParameterError, match="only 6 combinations of 2 to 2 among 4 instruments exist"):
        run_study(replace(study, sizes=sizes), tmp_path / "out")
    assert not list(tmp_path.iterdir())
