"""The tables across models: the paper's form, Hornbostel-Sachs classes and confused pairs, counted by hand."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tutti import config
from tutti.config import Params
from tutti.errors import DataError
from tutti.evaluation.classification import AVERAGES
from tutti.reporting import page_tables, published
from tutti.reporting.comparison import Result
from tutti.reporting.confusions import ALL_MODELS, by_group, confused_pairs
from tutti.reporting.paper_tables import COLUMNS, average_table, beside_paper
from tutti.reporting.tables import cross_tables, write_tables

ROOT = Path(__file__).parents[1]
GROUP = {"flute": "aerophone", "oboe": "aerophone", "agogo": "idiophone", "sitar": "chordophone"}
F1 = {"flute": 0.8, "oboe": 0.4, "agogo": 0.5, "sitar": None}
PAIRS = {("flute", "oboe"): 6, ("oboe", "flute"): 1, ("flute", "agogo"): 2, ("agogo", "flute"): 3}
SIDES, POLICIES = ("unseen_recording", "unseen_bank"), config.POLICIES


@pytest.fixture(scope="module")
def params() -> Params:
    return config.load(ROOT / "params.yaml")


@pytest.fixture
def results(tmp_path: Path) -> list[Result]:
    """Two models whose tables say the same on both sides and at all thresholds."""
    return [_write(tmp_path / name, name) for name in ("xgboost", "han_cnn")]


def _write(folder: Path, model: str) -> Result:
    folder.mkdir()
    which: list[dict[str, Any]] = [
        {"split": split, "threshold_policy": policy} for split in SIDES for policy in POLICIES
    ]
    classes = [
        row | {"instrument": name, "hornbostel_sachs": GROUP[name], "precision": f1, "recall": f1, "f1": f1,
               "support": 0 if f1 is None else 10}
        for row in which for name, f1 in F1.items()
    ]  # fmt: skip
    pairs = [row | {"reference": a, "predicted": b, "count": n} for row in which for (a, b), n in PAIRS.items()]
    report = [row | {"class": name, "precision": 0.1, "recall": 0.2, "f1-score": 0.3, "support": 40}
              for row in which for name in (*F1, *AVERAGES)]  # fmt: skip
    for name, rows in (("per_class", classes), ("confusion", pairs), ("classification_report", report)):
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    ends = {f"{average}_f1_{end}": 0.25 for average in ("macro", "micro") for end in ("low", "high")}
    return Result("cultural", model, "rendered", folder, pd.DataFrame([row | ends for row in which]))


def test_classes_have_the_mean_of_their_judged_instruments_and_their_share_of_confusions(results: list[Result]) -> None:
    table = by_group(results).set_index(["model", "split", "threshold_policy", "hornbostel_sachs"])
    assert len(table) == 2 * 2 * 3 * 3
    row = table.xs(("xgboost", "unseen_bank", "fixed", "aerophone"))
    assert (row["n_instruments"], row["n_judged"], row["confusions"]) == (2, 2, 9)
    assert row["macro_f1"] == pytest.approx(0.6)
    assert row["inside"] == pytest.approx(7 / 9)
    assert row["inside_by_chance"] == pytest.approx(1 / 3)
    silent = table.xs(("xgboost", "unseen_bank", "fixed", "chordophone"))
    assert (silent["n_judged"], silent["confusions"]) == (0, 0)
    assert silent[["macro_f1", "inside"]].isna().all()


def test_pairs_count_both_directions_over_all_models_and_for_each(results: list[Result]) -> None:
    table = confused_pairs(results, "fixed", 1)
    assert list(table["scope"]) == [ALL_MODELS, ALL_MODELS, "xgboost", "xgboost", "han_cnn", "han_cnn"]
    first = table.iloc[0]
    assert (first["first"], first["second"], first["same_class"]) == ("flute", "oboe", True)
    assert (first["first_missed"], first["second_missed"], first["count"]) == (12, 2, 14)
    assert table.iloc[2]["count"] == 7
    second = confused_pairs(results, "fixed", 5).query("scope == 'han_cnn' and split == 'unseen_bank'").iloc[1]
    assert (second["first"], second["second"], second["first_missed"], second["second_missed"]) == (
        "agogo", "flute", 3, 2,
    )  # fmt: skip


def test_the_papers_figures_stand_only_in_rows_measured_alike_that_name_both_corpora(
    results: list[Result], params: Params
) -> None:
    table = beside_paper(results, params)
    assert tuple(table.columns) == COLUMNS
    assert set(table["class"]) == {"agogo", *AVERAGES}
    assert set(table["corpus_kind"]) == {"stand-in, rendered"}
    theirs = table[table["paper_f1"].notna()]
    assert set(zip(theirs["model"], theirs["split"], theirs["threshold_policy"], strict=True)) == {
        ("xgboost", "unseen_recording", "fixed")
    }
    assert theirs[["paper", "paper_corpus", "paper_model", "paper_class"]].notna().all(axis=None)
    agogo = theirs.set_index("class").loc["agogo"]
    assert (agogo["paper_class"], agogo["paper_precision"], agogo["paper_f1"], agogo["paper_support"]) == (
        "Brazil-Agogo", 0.667, 0.034, 115,
    )  # fmt: skip


def test_the_published_figures_are_those_of_the_papers_tables_9_and_10() -> None:
    paper = published.of_task("cultural")
    assert paper is not None
    printed = {
        "random_forest": ((0.946, 0.128, 0.225), (0.679, 0.130, 0.190)),
        "xgboost": ((0.829, 0.286, 0.426), (0.751, 0.287, 0.363)),
        "bi_lstm": ((0, 0, 0), (0, 0, 0)),
        "c_lstm_mfcc": ((0.294, 0.198, 0.237), (0.270, 0.205, 0.220)),
        "c_gru_log_mel": ((0.471, 0.333, 0.390), (0.440, 0.342, 0.361)),
        "han_relu": ((0.593, 0.513, 0.550), (0.582, 0.513, 0.504)),
    }
    for model, averages in printed.items():
        system = paper.system(model)
        assert system is not None
        assert tuple(system.averages[f"{name} avg"][:3] for name in ("micro", "macro")) == averages
        assert set(system.averages) == set(AVERAGES)
        assert set(system.instruments) == set(paper.instruments)
        for precision, recall, f1, _ in system.instruments.values():
            mean = 2 * precision * recall / (precision + recall) if precision + recall else 0
            assert f1 == pytest.approx(mean, abs=0.003)
    assert paper.system("han_cnn") is None
    assert published.of_task("families") is None


def test_averages_have_our_interval_and_every_file_is_written(
    results: list[Result], params: Params, tmp_path: Path
) -> None:
    tables = cross_tables(params, results)
    macro = average_table(tables["beside_paper"], results, "macro")
    assert len(macro) == 2 * 2 * 3
    assert list(macro)[6:11] == ["precision", "recall", "f1", "f1_low", "f1_high"]
    assert set(macro["f1_low"]) == {0.25}
    write_tables(tables, tmp_path / "tables")
    names = {path.name for path in (tmp_path / "tables" / "cultural").iterdir()}
    assert names == {f"{name}.csv" for name in tables}
    again = pd.read_csv(tmp_path / "tables/cultural/macro.csv")
    assert again["paper_f1"].notna().sum() == 1


def test_the_page_shows_both_policies_beside_the_paper(results: list[Result], params: Params) -> None:
    shown = page_tables.paper_tables(results, cross_tables(params, results), params)
    assert shown is not None
    for average in shown["averages"]:
        first, second = average["rows"]
        assert [len(row["ours"]) for row in (first, second)] == [2, 2]
        assert (first["corpus"], first["system"], len(first["paper"])) == ("stand-in", "XGBoost", 3)
        assert (second["system"], second["paper"]) == ("", [])


def test_a_report_without_a_column_is_named(results: list[Result], params: Params) -> None:
    (results[0].folder / "classification_report.csv").write_text("split\n")
    with pytest.raises(DataError, match=r"classification_report\.csv has no column 'threshold_policy'"):
        beside_paper(results, params)
