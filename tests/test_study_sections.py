"""The report's sections on leak, entering and leaving, and variety: what they claim; missing files are fine."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tutti import config
from tutti.config import Params
from tutti.errors import DataError
from tutti.reporting import studies, study_sentences
from tutti.reporting.comparison import Result

ROOT = Path(__file__).parents[1]
NAN = float("nan")
LEAK_ROW = ("model", "f1_leaked", "f1_honest", "difference", "difference_low", "difference_high")
NOTHING = pd.DataFrame(columns=list(LEAK_ROW))


@pytest.fixture
def params() -> Params:
    return config.load(ROOT / "params.yaml")


@pytest.fixture
def results(tmp_path: Path) -> list[Result]:
    """Two models with all studies."""
    from made_up_results import add_studies

    models = {"han_cnn": 2.9, "random_forest": 0.8}
    folders = {name: tmp_path / "metrics" / "cultural" / name for name in models}
    for folder in folders.values():
        folder.mkdir(parents=True)
    add_studies(tmp_path, models, ["flute", "taiko"])
    return [Result("cultural", name, "rendered", folder, pd.DataFrame()) for name, folder in folders.items()]


def leaks(*rows: tuple[str, float, float, float, float]) -> pd.DataFrame:
    full = [(name, leaked, honest, leaked - honest, low, high) for name, leaked, honest, low, high in rows]
    return pd.DataFrame(full, columns=list(LEAK_ROW))


def test_all_three_sections_are_there_with_figure_and_sentences(results: list[Result], params: Params) -> None:
    found = studies.studies(results, params)
    assert [study.anchor for study in found] == ["leak", "enter-leave", "variety"]
    for study in found:
        assert study.figures
        assert 1 <= len(study.sentences) <= 2
        assert all("nan" not in sentence for sentence in study.sentences)
    leak, enter_leave, variety = found
    assert [row[0] for row in leak.rows] == ["Flute", "Taiko"]
    assert leak.rows[0][1:] == ("0.82", "0.72", "0.10", "0.02 to 0.18")
    assert [row[-1] for row in enter_leave.rows] == ["0.43", "\N{EN DASH}"]
    assert "0.40 on the bank it heard, 80% of the 0.50 that 8 give; with 1 it is 0.20." in variety.sentences[0]
    assert (
        "clearly lifts the macro F1 of perceptron on the other bank: it is 0.35 with one bank and 0.47 with both"
        in (variety.sentences[1])
    )


@pytest.mark.parametrize(("name", "left"), [
    (studies.LEAK, ["enter-leave", "variety"]), (studies.ENTER_LEAVE, ["leak", "variety"]),
])  # fmt: skip
def test_a_study_without_files_has_no_section(
    results: list[Result], params: Params, name: str, left: list[str]
) -> None:
    for result in results:
        (result.folder / name).unlink()
    assert [study.anchor for study in studies.studies(results, params)] == left
    assert not studies.studies([Result("cultural", "none", "rendered", Path("nowhere/none"), pd.DataFrame())], params)


def test_a_model_without_the_study_is_left_out(results: list[Result], params: Params) -> None:
    (results[0].folder / studies.LEAK).unlink()
    (results[0].folder / studies.ENTER_LEAVE_JSON).unlink()
    leak, enter_leave, _ = studies.studies(results, params)
    assert "random forest" in leak.sentences[0]
    assert len(leak.sentences) == 1
    assert len(enter_leave.rows) == 1


@pytest.mark.parametrize(("damage", "said"), [
    (lambda folder: (folder / studies.LEAK).write_text("scope\n"), r"leak\.csv has no column 'threshold_policy'"),
    (lambda folder: (folder / studies.ENTER_LEAVE_JSON).write_text("[]"), r"enter_leave\.json does not hold"),
    (lambda folder: (folder / "../variety" / studies.VARIETY).write_text("model\n"), r"variety\.csv has no column"),
])  # fmt: skip
def test_damage_is_named(results: list[Result], params: Params, damage: Callable[[Path], int], said: str) -> None:
    damage(results[0].folder)
    with pytest.raises(DataError, match=said):
        studies.studies(results, params)


def test_what_is_false_in_a_score_is_said_only_where_the_interval_says_so() -> None:
    sure = study_sentences.leak(leaks(("han_cnn", 0.81, 0.58, 0.15, 0.31)), NOTHING, 5)
    assert sure == [
        "Of the F1 of 0.81 that Han's CNN reaches on the 5 leaking instruments, 0.23 is false (interval +0.15 to "
        "+0.31): on recordings that it was not trained on it reaches 0.58."
    ]
    unsure = study_sentences.leak(leaks(("han_cnn", 0.60, 0.58, -0.05, 0.09)), NOTHING, 1)[0]
    assert "holds zero, so that no part of the score is shown to be false" in unsure
    assert "the leaking instrument " in unsure
    worse = study_sentences.leak(leaks(("han_cnn", 0.50, 0.58, -0.10, -0.05)), NOTHING, 5)[0]
    assert "the leak did not help it" in worse


def test_the_spread_over_models_names_the_right_ones_and_skips_the_unjudged() -> None:
    rows = leaks(("han_cnn", 0.8, 0.6, 0.1, 0.3), ("xgboost", 0.5, 0.49, -0.1, 0.1), ("bi_lstm", NAN, NAN, NAN, NAN))
    everything = leaks(("han_cnn", 0.72, 0.7, 0.0, 0.1))
    first, second = study_sentences.leak(rows, everything, 5)
    assert first.endswith("; in the mean of all instruments the leak makes 0.72 out of 0.70.")
    assert second == (
        "Over 2 models the difference goes from +0.01 (XGBoost) to +0.20 (Han's CNN); its interval lies above zero "
        "for 1."
    )
    assert study_sentences.leak(rows[2:], NOTHING, 5) == ["No model could be judged on the leaking instruments."]


def test_entering_and_leaving_compares_the_shortest_and_the_longest_that_were_judged() -> None:
    rows = [("han_cnn", "0.0-0.2", NAN, 0), ("han_cnn", "0.2-0.4", 0.31, 9), ("han_cnn", "0.8-1.0", 0.72, 50)]
    bins = pd.DataFrame(rows, columns=["model", "sounding", "recall", "support"])
    levels = {"han_cnn": study_sentences.Levels({"micro_f1": 0.5}, {"micro_f1": 0.7}, None)}
    assert study_sentences.enter_leave(bins, levels) == [
        "An instrument that sounds in 20% to 40% of the clip is named by Han's CNN in 31% of the cases, one that "
        "sounds in 80% to 100% in 72%.",
        "The micro F1 of Han's CNN is 0.50 on these clips and 0.70 where all instruments play all the time; it sees "
        "a clip as a whole and cannot say when an instrument plays.",
    ]
    assert study_sentences.enter_leave(bins[:1], {}) == ["No model could be judged on these clips."]


def test_variety_says_nothing_of_conditions_that_are_missing() -> None:
    columns = ["model", "recordings", "banks", "tested_on", "macro_f1", "macro_f1_low", "macro_f1_high"]
    one = pd.DataFrame([("perceptron", 1, "one", "heard_bank", 0.3, 0.2, 0.4)], columns=columns)
    assert study_sentences.variety(one) == ["No condition of this study could be judged."]
    both = pd.DataFrame(
        [("perceptron", 2, banks, "other_bank", score, score - 0.1, score + 0.1) for banks, score in
         (("one", 0.3), ("both", 0.25))], columns=columns,
    )  # fmt: skip
    assert study_sentences.variety(both) == [
        "At 2 recordings of each instrument, training on both banks does not lift the macro F1 of perceptron on the "
        "other bank: it is 0.30 with one bank and 0.25 with both."
    ]
