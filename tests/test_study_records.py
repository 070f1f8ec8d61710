"""What MLflow gets of the studies: few numbers, the tables themselves, and the same key for the same content."""

from pathlib import Path

import pytest

from tutti import config
from tutti.errors import DataError
from tutti.reporting.records import variety_params
from tutti.reporting.study_records import model_studies, variety_record
from tutti.store import write_json

TAGS = {"task": "cultural", "model": "han_cnn", "corpus": "rendered"}
LEAK = """scope,threshold_policy,f1_leaked,f1_honest,difference,difference_low,difference_high,n_clips
flute,validated_global,0.9,0.5,0.4,0.3,0.5,12
leaking,validated_global,0.9,0.5,0.4,0.3,0.5,12
all,fixed,0.1,0.1,0.0,0.0,0.0,30
all,validated_global,0.6,0.5,0.1,0.05,0.15,30
"""
VARIETY = """model,recordings,banks,tested_on,macro_f1,macro_f1_low,macro_f1_high,micro_f1,n_train,n_clips
perceptron,1,one,heard_bank,0.4,0.3,0.5,0.45,100,50
perceptron,1,one,other_bank,0.2,0.1,0.3,0.25,100,50
"""


def _write(folder: Path) -> None:
    (folder / "leak.csv").write_text(LEAK)
    (folder / "enter_leave.csv").write_text("threshold_policy,sounding,recall,support\nvalidated_global,all,0.5,4\n")
    numbers = {"validated_global": {"micro_f1": 0.5, "macro_f1": None}}
    sets = {"enter_leave": numbers, "unseen_recording": numbers}
    write_json(folder / "enter_leave.json", {"clips": sets, "windows": {"f1": numbers}})


def test_a_models_studies_are_a_run_of_few_numbers_and_the_tables(tmp_path: Path) -> None:
    _write(tmp_path)
    (record,) = model_studies("key", {"seed": "1"}, TAGS, tmp_path)
    assert record.metrics == {
        "leak.leaking.f1_leaked": 0.9, "leak.leaking.f1_honest": 0.5, "leak.leaking.difference": 0.4,
        "leak.all.f1_leaked": 0.6, "leak.all.f1_honest": 0.5, "leak.all.difference": 0.1,
        "enter_leave.micro_f1": 0.5, "windows.micro_f1": 0.5,
    }  # fmt: skip
    assert record.tags["kind"] == "study"
    assert record.texts["leak.csv"] == LEAK
    assert (
        model_studies("key", {}, TAGS, tmp_path)[0].key == record.key != model_studies("x", {}, TAGS, tmp_path)[0].key
    )


def test_a_task_without_studies_has_no_such_run(tmp_path: Path) -> None:
    assert model_studies("key", {}, TAGS, tmp_path) == []
    assert variety_record(config.load(), "cultural", tmp_path, {}) == []


def test_variety_is_a_run_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "variety.csv").write_text(VARIETY)
    (tmp_path / "variety.json").write_text("{}")
    params = config.load()
    (record,) = variety_record(params, "cultural", tmp_path, variety_params(params, "cultural"))
    assert record.metrics == {"macro_f1.heard_bank.one.1": 0.4, "macro_f1.other_bank.one.1": 0.2}
    assert record.params["tasks.cultural.studies.variety.recordings"] == "[1, 2, 4, 8]"
    assert len(params.mixing_task("cultural").studies.variety.recordings) * 4 <= 20


def test_a_broken_table_is_one_sentence(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / "leak.csv").write_text("scope\nflute\n")
    with pytest.raises(DataError, match=r"leak\.csv has no column 'threshold_policy'"):
        model_studies("key", {}, TAGS, tmp_path)
