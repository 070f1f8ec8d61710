"""The page of a task on excerpts: what it shows and claims, what it does without, and the tables that it needs."""

import io
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_excerpts import (
    ACTIVATIONS,
    DATA,
    MAIN,
    MODELS,
    NAMES,
    SHORT,
    TASK,
    WINDOWS,
    add_experiments,
    add_skipped,
    make,
)
from matplotlib.figure import Figure
from PIL import Image
from ruamel.yaml import YAML

from stages import report_excerpts as stage
from tutti import config
from tutti.config import POLICIES, TEST_SETS, Params
from tutti.errors import DataError, ParameterError
from tutti.evaluation.aggregation import S1, S2
from tutti.reporting import excerpts_figures, published_excerpts, style
from tutti.reporting.comparison import COLUMNS
from tutti.reporting.excerpts_claims import Claim, claims
from tutti.reporting.excerpts_results import Excerpts, read_excerpts
from tutti.reporting.experiments import Experiments, read_experiments, read_present
from tutti.store import read_json

ROOT = Path(__file__).parents[1]
EXPERIMENTS = Path("metrics/experiments") / TASK
VOID = {"meta", "link", "br", "img", "use", "path", "input", "hr"}
N_FIGURES = 3 * 2 + 2  # three on each side, and two on thresholds
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def params() -> Params:
    return config.load(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Path:
    """A repository in which two models of the task were judged, files were skipped, and two sweeps were made."""
    root = tmp_path_factory.mktemp("excerpts") / "repository"
    make(root, params)
    shutil.copy(ROOT / "params.yaml", root)
    add_skipped(root)
    add_experiments(root, params.cutting_task(TASK))
    return root


@pytest.fixture(scope="module")
def page(judged: Path) -> str:
    """The page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(judged)
        return _run_stage()


@pytest.fixture(scope="module")
def excerpts(judged: Path, params: Params) -> Excerpts:
    return _read(judged, params)


def _run_stage() -> str:
    out = Path("metrics") / f"{TASK}.html"
    stage.main(stage.parser().parse_args(["--task", TASK, "--page", str(out)]))
    return out.read_text(encoding="utf-8")


def _read(root: Path, params: Params) -> Excerpts:
    return read_excerpts(params, TASK, root / "metrics", root / "models", root / "data")


class _Page(HTMLParser):
    """Collects links, tags, ids and text, and checks that every element is closed where it must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self._optional = {"li", "dt", "dd", "p"}
        self.feed(text)
        self.text = " ".join(self.text.replace("\N{NO-BREAK SPACE}", " ").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [str(found[name]) for name in ("src", "href", "xlink:href", "data", "srcset") if name in found]
        self.ids += [str(found["id"])] if "id" in found else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data + " "


def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere(page: str) -> None:
    parsed = _Page(page)
    assert parsed.open == []
    assert parsed.links
    assert [link[:40] for link in parsed.links if not link.startswith(("data:", "#"))] == []
    assert not {"script", "iframe", "object", "embed", "base", "img"} & set(parsed.tags)
    assert re.findall(r"url\((?!#)[^)]*\)", page) == []
    assert "http" not in page
    assert "@import" not in page
    assert len(set(parsed.ids)) == len(parsed.ids)
    for link in parsed.links:
        assert not link.startswith("#") or link[1:] in parsed.ids
    assert parsed.tags.count("svg") == N_FIGURES


@pytest.mark.usefixtures("workspace")
def test_the_same_bytes_each_time(page: str) -> None:
    assert _run_stage() == page


def test_all_measures_are_those_that_were_judged(page: str, judged: Path) -> None:
    shown = page[page.index('<table class="all">') :]
    shown = shown[: shown.index("</table>")]
    rows = [re.findall(r'<data value="([^"]*)"', row) for row in shown.split("<tr>")[1:]]
    summaries = [pd.read_csv(judged / "metrics" / TASK / model / "summary.csv") for model in MODELS]
    expected = pd.concat(summaries)[list(COLUMNS[5:])].to_numpy(float)
    found = np.array([row for row in rows if row], float)
    order = [np.flatnonzero((np.abs(found - row) < 1e-9).all(axis=1)) for row in expected]
    assert sorted(int(place[0]) for place in order) == list(range(len(expected)))


def test_the_papers_figures_stand_in_dashed_columns_of_their_own(page: str) -> None:
    text = _Page(page).text
    assert "Not the same experiment." in text
    tables = re.findall(r'<table class="beside">.*?</table>', page, re.DOTALL)
    found = [re.findall(r'<td class="paper">([^<]*)</td>', table) for table in tables]
    assert [[value for value in row if value] for row in found] == [["0.655", "0.557", "0.602"],
                                                                   ["0.541", "0.508", "0.503"]]  # fmt: skip
    activations = page[page.index('<h2 id="activations">') : page.index('<h2 id="windows">')]
    theirs = re.findall(r'<td class="paper">([^<]+)</td>', activations)
    assert theirs == ["0.499", "0.399", "0.591", "0.486", "0.588", "0.490", "0.593", "0.492", "0.602", "0.503"]
    assert text.count("not the same experiment") == 3


def test_published_figures_are_a_papers() -> None:
    paper = published_excerpts.of_task(TASK)
    for row in (*paper.activations.values(), *paper.aggregations.values()):
        precision, recall, f1 = row.micro
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall), abs=0.004)
    assert paper.activations[paper.models[MAIN]].micro == paper.aggregations["s2"].micro
    with pytest.raises(ParameterError, match="choose one of predominant"):
        published_excerpts.of_task("cultural")


def test_a_table_row_of_an_activation_is_the_mean_over_its_trainings(page: str, judged: Path) -> None:
    table = pd.read_csv(judged / EXPERIMENTS / "aggregations.csv")
    own = table[(table["activation"] == "tanh") & (table["aggregation"] == "s2")]
    row = re.search(r'<tr class=""><th class="text" scope="row">tanh</th>.*?</tr>', page)
    assert row
    shown = [float(value) for value in re.findall(r'<data value="([^"]*)"', row[0])]
    columns = [f"{average}_{name}" for average in ("micro", "macro") for name in ("precision", "recall", "f1")]
    sides = [own[own["split"] == side] for side in TEST_SETS]
    expected = [sides[0]["validation_objective"].mean(), *sides[0][columns].mean()]
    expected += list(sides[1][["micro_f1", "macro_f1"]].mean())
    assert shown == pytest.approx(expected, abs=1e-9)
    deviations = [float(value) for value in re.findall(r"<small>&plusmn; ([0-9.]*)</small>", row[0])]
    assert deviations[1] == pytest.approx(sides[0]["micro_precision"].std(), abs=0.0005)
    assert "<td>3</td>" in row[0]


def _numbers(*tables: pd.DataFrame) -> set[str]:
    values = {value for table in tables for value in table.select_dtypes("number").to_numpy(float).ravel()}
    return {f"{abs(value):.3f}" for value in values}


def test_every_number_of_the_claims_stands_in_a_table(excerpts: Excerpts, judged: Path) -> None:
    table = pd.read_csv(judged / EXPERIMENTS / "aggregations.csv")
    own = table[table["aggregation"] == "s2"]
    own = own.drop_duplicates(["activation", "window_seconds", "repeat", "split"], keep="last")
    keys = ["activation", "window_seconds", "split"]
    trainings = own.groupby(keys)[["macro_f1", "validation_objective"]]
    ours = pd.read_csv(judged / "metrics" / TASK / MAIN / "aggregations.csv")
    fixed = pd.DataFrame({"macro_f1": ours["macro_f1"] - ours["macro_f1_minus_fixed"]})
    known = _numbers(trainings.mean(), trainings.std(), trainings.min(), trainings.max(), ours, fixed)
    told = claims(excerpts)
    assert [claim.title for claim in told] == ["Activation", "Window", "Aggregation", "Threshold"]
    for claim in told:
        found = re.findall(r"[0-9]\.[0-9]{3}", " ".join(claim.ours))
        assert len(found) > 5
        assert set(found) <= known, claim.title


def test_the_winner_is_chosen_on_validation_clips_and_its_test_is_told(excerpts: Excerpts, judged: Path) -> None:
    table = pd.read_csv(judged / EXPERIMENTS / "aggregations.csv")
    own = table[(table["aggregation"] == "s2") & (table["split"] == TEST_SETS[0]) & (table["window_seconds"] == 1.0)]
    own = own.drop_duplicates(["activation", "repeat"], keep="last")
    means = own.groupby("activation")[["validation_objective", "macro_f1"]].mean()
    best = str(means["validation_objective"].idxmax())
    title = published_excerpts.of_task(TASK).activations[best].title
    said = claims(excerpts)[0].ours
    objective, score = (float(means[name].to_dict()[best]) for name in ("validation_objective", "macro_f1"))
    assert f"the best is {title}: {objective:.3f} \N{PLUS-MINUS SIGN}" in said[0]
    assert f"On unseen recordings {title} reaches {score:.3f} \N{PLUS-MINUS SIGN}" in said[1]
    assert "on an unseen sound bank it is" in said[1]


def _tried(rows: dict[Any, tuple[list[float], list[float]]], excerpts: Excerpts, key: str = "activation") -> Excerpts:
    """Return results with experiments of our own: validation and test scores of the trainings of each setting."""
    assert excerpts.present is not None
    now = {"activation": excerpts.present.activation, "window_seconds": excerpts.present.window_seconds}
    table = pd.DataFrame([
        {"experiment": f"{value}-{repeat}", **now, key: value, "repeat": repeat, "split": split, "aggregation": "s2",
         "validation_objective": validation, "macro_f1": test, "micro_f1": test}
        for value, (objectives, scores) in rows.items()
        for repeat, (validation, test) in enumerate(zip(objectives, scores, strict=True), 1)
        for split in excerpts.sides[:1]
    ])  # fmt: skip
    none = excerpts.experiments.grid[:0]
    values = {name: getattr(excerpts, name) for name in Excerpts.__dataclass_fields__}
    return Excerpts(**values | {"experiments": Experiments(table, none, none, 0), "sides": excerpts.sides[:1]})


LEAKY, RELU = "leaky_relu_0.33", "relu"


@pytest.mark.parametrize(("rows", "verdict", "said"), [
    ({LEAKY: ([0.6, 0.6], [0.52, 0.55]), RELU: ([0.5, 0.5], [0.50, 0.51])}, "same",
     "all trainings with LReLU(0.33) are above the others (0.520 to 0.550, 0.500 to 0.510)"),
    ({LEAKY: ([0.6, 0.6], [0.50, 0.55]), RELU: ([0.5, 0.5], [0.50, 0.51])}, "open", "cannot be told apart"),
    ({LEAKY: ([0.5, 0.5], [0.50, 0.51]), RELU: ([0.6, 0.6], [0.52, 0.55])}, "other",
     "all trainings with ReLU are above the others"),
    ({LEAKY: ([0.5, 0.5], [0.52, 0.55]), RELU: ([0.6, 0.6], [0.50, 0.51])}, "same",
     "all trainings with LReLU(0.33) are above the others (0.500 to 0.510, 0.520 to 0.550)"),
    ({LEAKY: ([0.6], [0.55]), RELU: ([0.5, 0.5], [0.50, 0.51])}, "open", "without repeats of both"),
    ({"tanh": ([0.6, 0.6], [0.5, 0.5]), RELU: ([0.5, 0.5], [0.3, 0.3])}, "untried", "LReLU(0.33) was not tried."),
    ({RELU: ([0.6, 0.6], [0.4, 0.5])}, "untried", "nothing else was tried. On unseen recordings it reaches 0.450"),
])  # fmt: skip
def test_settings_are_told_apart_only_where_their_ranges_are(
    excerpts: Excerpts, rows: dict[Any, tuple[list[float], list[float]]], verdict: str, said: str
) -> None:
    claim = claims(_tried(rows, excerpts))[0]
    assert list(claim.verdicts.values()) == [verdict]
    assert said in " ".join(claim.ours)


def test_the_worst_window_is_judged_too(excerpts: Excerpts) -> None:
    rows = {1.0: ([0.6, 0.6], [0.5, 0.6]), 0.5: ([0.5, 0.5], [0.5, 0.6]), 3.0: ([0.55, 0.55], [0.3, 0.4])}
    rows |= {1.5: ([0.58, 0.58], [0.5, 0.6])}
    claim = claims(_tried(rows, excerpts, "window_seconds"))[1]
    assert list(claim.verdicts.values()) == ["open", "same"]
    text = " ".join(claim.ours).replace("\N{NO-BREAK SPACE}", " ")
    assert "The lowest on validation clips is 0.5 s: 0.500" in text
    assert "3.0 s reaches 0.350" in text
    without = claims(_tried({1.0: rows[1.0], 0.5: rows[0.5]}, excerpts, "window_seconds"))[1]
    assert list(without.verdicts.values()) == ["open"]


def _with_difference(excerpts: Excerpts, name: str, limits: tuple[float, float]) -> list[Claim]:
    main = excerpts.main
    row = (main.compared["split"] == excerpts.side) & (main.compared["aggregation"] == ("s1" if "s2" in name else "s2"))
    before = main.compared.copy()
    try:
        main.compared.loc[row, [f"{name}_low", f"{name}_high"]] = limits
        main.compared.loc[row, name] = sum(limits) / 2
        return claims(excerpts)
    finally:
        main.compared[:] = before


@pytest.mark.parametrize(("name", "place"), [("macro_f1_minus_s2", 2), ("macro_f1_minus_fixed", 3)])
@pytest.mark.parametrize(("limits", "verdict", "said"), [
    ((-0.04, 0.02), "open", f"a difference of {MINUS}0.010 (interval {MINUS}0.040 to +0.020), so that the two cannot"),
    ((-0.04, -0.02), "same", f"(interval {MINUS}0.040 to {MINUS}0.020), larger than its uncertainty"),
    ((0.02, 0.04), "other", "a difference of +0.030 (interval +0.020 to +0.040), larger than its uncertainty"),
    ((0.0001, 0.04), "open", "so that the two cannot be told apart"),
])  # fmt: skip
def test_one_training_is_told_apart_only_where_the_interval_leaves_zero_out(
    excerpts: Excerpts, name: str, place: int, limits: tuple[float, float], verdict: str, said: str
) -> None:
    claim = _with_difference(excerpts, name, limits)[place]
    assert list(claim.verdicts.values()) == [verdict]
    assert said in " ".join(claim.ours)


@pytest.mark.parametrize("how", ["missing", "empty", "header"])
def test_without_experiments_the_page_says_which_command_makes_them(workspace: Path, how: str) -> None:
    for path in sorted((workspace / EXPERIMENTS).glob("*.csv")):
        header = path.read_text().splitlines()[0] + "\n"
        path.unlink()
        if how != "missing":
            path.write_text("" if how == "empty" else header)
    parsed = _Page(_run_stage())
    for what, sweep in (("activations", "activation"), ("windows", "window")):
        assert f"No trainings with other {what} are known: \u201ctutti sweep {sweep}\u201d makes them." in parsed.text
    assert parsed.text.count("Not tried here") == 2
    assert parsed.tags.count("svg") == N_FIGURES  # the present model's own line and settings are still drawn
    assert "windows of 3.0 s" not in parsed.text
    assert "S2 is better than S1" in parsed.text


def test_a_sweep_that_was_not_made_has_no_table(workspace: Path, params: Params) -> None:
    add_experiments(workspace, params.cutting_task(TASK), sweeps=["activation"], repeats=1)
    text = _run_stage()
    table = text[text.index('<h2 id="activations">') : text.index('<h2 id="windows">')]
    assert "&plusmn;" not in table
    assert table.count('<th class="text" scope="row">') == len(ACTIVATIONS)
    # the window of 1 s was trained as one of the activations
    assert text[text.index('<h2 id="windows">') :].count("nothing else was tried") == 0
    assert "nothing else was tried" in _Page(text).text


def test_experiments_on_other_clips_are_left_out_and_counted(workspace: Path, params: Params) -> None:
    add_experiments(workspace, params.cutting_task(TASK), data="ab" * 32)
    count = 3 * (len(ACTIVATIONS) + len(WINDOWS))
    text = _Page(_run_stage()).text
    assert f"{count} trainings on other clips than the present ones are left out" in text
    assert text.count("Not tried here") == 2


def test_of_a_setting_in_two_sweeps_the_last_counts(judged: Path) -> None:
    present = read_present(judged / "models" / TASK / MAIN)
    found = read_experiments(judged / EXPERIMENTS, present)
    assert found.n_left_out == 0
    keys = ["activation", "window_seconds", "repeat", "split", "aggregation"]
    assert not found.compared.duplicated(keys).any()
    twice = found.compared[(found.compared["activation"] == LEAKY) & (found.compared["window_seconds"] == 1.0)]
    assert twice["experiment"].str.startswith("window").all()


@pytest.mark.parametrize(("damage", "message"), [
    (lambda root: (root / EXPERIMENTS / "grid.csv").write_text("experiment,model\n1,2\n"),
     r"grid\.csv has no column 'activation': remove it and run `tutti collect`"),
    (lambda root: (root / EXPERIMENTS / "classes.csv").write_text(
        (root / EXPERIMENTS / "classes.csv").read_text().replace(",3.000000,", ",long,")),
     r"classes\.csv holds text in column 'window_seconds'"),
    (lambda root: (root / "models" / TASK / MAIN / "spec.json").write_text("{}"), r"spec\.json is incomplete"),
    (lambda root: (root / "metrics" / TASK / MAIN / "aggregation_classes.csv").unlink(), "is missing"),
    (lambda root: (root / "data" / TASK / "split" / "split.parquet").unlink(), "is missing"),
    (lambda root: (root / "metrics" / TASK / "svm" / "summary.csv").write_text(
        (root / "metrics" / TASK / "svm" / "summary.csv").read_text().replace("unseen_bank", "elsewhere")),
     "holds the sides elsewhere, unseen_recording"),
])  # fmt: skip
def test_what_is_damaged_is_named_and_no_page_is_written(
    workspace: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(workspace)
    page = workspace / "metrics" / f"{TASK}.html"
    page.unlink(missing_ok=True)
    with pytest.raises(DataError, match=message):
        _run_stage()
    assert not page.exists()


@pytest.mark.usefixtures("workspace")
def test_a_task_that_mixes_its_clips_has_no_such_page() -> None:
    with pytest.raises(ParameterError, match="'cultural'"):
        stage.main(stage.parser().parse_args(["--task", "cultural", "--page", "metrics/cultural.html"]))


def test_a_recorded_corpus_has_no_notice_of_a_stand_in(page: str, workspace: Path) -> None:
    assert "A stand-in corpus." in _Page(page).text
    assert "training and part1 from FluidR3_GM.sf2 and part2 and part3 from TimGM6mb.sf2" in _Page(page).text
    yaml = YAML()
    content = yaml.load((workspace / "params.yaml").read_text(encoding="utf-8"))
    content["corpora"]["irmas"]["root"] = "elsewhere/IRMAS"
    yaml.dump(content, workspace / "params.yaml")
    text = _Page(_run_stage()).text
    assert "stand-in" not in text
    assert "rendered" not in text
    assert "songs of each instrument for training" not in text
    assert "Ours are from another corpus (recordings)" in text


def test_a_side_without_clips_is_left_out(tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, params, sides=[TEST_SETS[0]], n_clips=30)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    add_experiments(tmp_path, params.cutting_task(TASK))
    monkeypatch.chdir(tmp_path)
    parsed = _Page(_run_stage())
    assert "unseen sound bank" not in parsed.text.lower()
    assert "No clip was left out." in parsed.text
    assert parsed.tags.count("svg") == 5  # one of each figure
    assert parsed.open == []


def test_skipped_clips_are_listed_once_with_the_models_that_skipped_them(page: str) -> None:
    table = page[page.index('<table class="skipped">') :]
    rows = [re.findall(r'<td class="text">([^<]*)</td>', row) for row in table[: table.index("</table>")].split("<tr>")]
    escaped = SHORT.replace("<", "&lt;").replace(">", "&gt;")
    assert rows[2:] == [
        ["Corpus", "IRMAS-TrainingData/cel/bad.wav", "holds no sound", "all"],
        ["Unseen recordings", escaped, "lasts 0.40 s, less than the window of 1.00 s", "Han&#39;s CNN"],
    ]
    assert "2 files and clips could not be used or scored" in _Page(page).text


def test_instruments_that_were_left_out_are_named(workspace: Path) -> None:
    path = workspace / "data" / TASK / "split" / "not_evaluable.json"
    path.write_text('[{"instrument": "tuba", "reason": "one <b>song</b>", "left_out": true}]')
    parsed = _Page(_run_stage())
    assert "Tuba (one <b>song</b>)" in parsed.text


def test_names_from_files_are_escaped(workspace: Path) -> None:
    hostile = '<img src="http://a.b/c.png" onerror=alert(1)>&"'
    for model in MODELS:
        for path in (workspace / "metrics" / TASK / model).glob("*.csv"):
            table = pd.read_csv(path, keep_default_na=False).replace("voice", hostile)
            table.to_csv(path, index=False)
        path = workspace / "metrics" / TASK / model / "thresholds.json"
        path.write_text(path.read_text().replace('"voice"', '"' + hostile.replace('"', '\\"') + '"'))
    for path in (workspace / EXPERIMENTS).glob("*.csv"):
        pd.read_csv(path).replace({"tanh": hostile, "voice": hostile}).to_csv(path, index=False)
    parsed = _Page(_run_stage())
    assert "img" not in parsed.tags
    assert hostile in parsed.text


def test_an_own_threshold_changes_what_the_page_says_it_changes(page: str, judged: Path) -> None:
    folder = judged / "metrics" / TASK / MAIN
    per_class = pd.read_csv(folder / "per_class.csv").set_index(["split", "threshold_policy", "instrument"])
    limits = read_json(folder / "thresholds.json")["policies"]["validated_per_class"]
    table = page[page.index('<table class="own">') :]
    rows = table[: table.index("</table>")].split("<tbody>")[1].split("<tr>")[1:]
    for row, name in zip(rows, NAMES, strict=True):
        shown = [float(value) for value in re.findall(r'<data value="([^"]*)"', row)]
        expected = [limits[name]]
        for side in TEST_SETS:
            expected += [per_class.loc[(side, policy, name), "f1"] for policy in POLICIES[1:]]
        assert shown == pytest.approx(expected)
        changes = [float(value.replace(MINUS, "-")) for value in re.findall(r"<td>([+\u2212][0-9.]+)</td>", row)]
        assert changes == pytest.approx([expected[2] - expected[1], expected[4] - expected[3]], abs=0.0006)
    summary = pd.read_csv(folder / "summary.csv").set_index(["split", "threshold_policy"])["macro_f1"]
    one, own = (summary[TEST_SETS[0], policy] for policy in POLICIES[1:])
    assert f"moves the macro F1 from {one:.3f} to {own:.3f} (" in _Page(page).text


def test_the_classes_of_aggregations_agree_with_the_other_tables(judged: Path) -> None:
    folder = judged / "metrics" / TASK / MAIN
    classes = pd.read_csv(folder / "aggregation_classes.csv")
    assert list(classes) == ["split", "setting", "instrument", "f1", "support"]
    assert len(classes) == 2 * 3 * len(NAMES)
    means = classes.groupby(["split", "setting"])["f1"].mean()
    compared = pd.read_csv(folder / "aggregations.csv").set_index(["split", "aggregation"])
    grid = pd.read_csv(folder / "aggregation_grid.csv").set_index(["split", "aggregation", "threshold"])["macro_f1"]
    per_class = pd.read_csv(folder / "per_class.csv")
    for side in TEST_SETS:
        assert means[side, "s1"] == pytest.approx(compared.loc[(side, S1), "macro_f1"], abs=1e-5)
        assert means[side, "threshold_0.2"] == pytest.approx(grid[side, S2, 0.2], abs=1e-5)
        own = per_class[(per_class["split"] == side) & (per_class["threshold_policy"] == "validated_global")]
        default = classes[(classes["split"] == side) & (classes["setting"] == "default")]
        for column in ("instrument", "f1", "support"):
            assert list(default[column]) == list(own[column])


def test_the_difference_from_the_fixed_threshold_is_that_of_the_summary(judged: Path) -> None:
    folder = judged / "metrics" / TASK / MAIN
    compared = pd.read_csv(folder / "aggregations.csv")
    compared = compared[compared["aggregation"] == S2].set_index("split")
    summary = pd.read_csv(folder / "summary.csv").set_index(["split", "threshold_policy"])
    for score in ("micro_f1", "macro_f1"):
        name, table = f"{score}_minus_fixed", summary[score].unstack()
        for side in TEST_SETS:
            change = table["validated_global"][side] - table["fixed"][side]
            assert compared[name][side] == pytest.approx(change, abs=2e-6)
            assert compared[f"{name}_low"][side] <= compared[name][side] <= compared[f"{name}_high"][side]


def _every_figure() -> dict[str, Figure]:
    random = np.random.default_rng(3)
    models = ["han_cnn", "svm", "a_model_with_a_long_name"]
    rows = pd.DataFrame([
        {"model": model, "threshold_policy": policy, **{f"{average}_{name}": random.uniform(0, 1)
         for average in ("micro", "macro") for name in ("precision", "recall", "f1", "f1_low", "f1_high")}}
        for model in models for policy in POLICIES[:2]
    ])  # fmt: skip
    rows.loc[1, "macro_f1"] = np.nan
    policies = {"validated_global": "validated", "fixed": "fixed 0.5"}
    grid = pd.DataFrame({"threshold": np.linspace(0.2, 0.6, 9), "micro_f1": np.linspace(0.3, 0.8, 9)})
    grid["macro_f1"] = grid["micro_f1"] - 0.1
    far = ((0.5, 0.1), (1.0, 1), (1.5, 2), (3.0, 4.9))
    lines = [(f"{seconds} s", grid, grid[:1] * scale) for seconds, scale in far]
    settings = ("as it is", "S1", "threshold 0.20", "windows of 3.0 s")
    classes = pd.DataFrame([{"setting": setting, "instrument": name, "f1": random.uniform(0, 1)}
                            for setting in settings for name in NAMES])  # fmt: skip
    classes.loc[0, "f1"] = np.nan
    own = pd.DataFrame({"instrument": NAMES, "threshold": random.uniform(0, 1, len(NAMES))})
    moved = pd.DataFrame([{"instrument": name, "split": side, "change": random.normal(0, 0.2)}
                          for name in NAMES for side in TEST_SETS])  # fmt: skip
    still = moved.assign(change=np.nan)
    return {
        "averages": excerpts_figures.averages(rows, policies),
        "one": excerpts_figures.averages(rows[:2], policies),
        "thresholds": excerpts_figures.thresholds(lines, 0.5),
        "line": excerpts_figures.thresholds(lines[:1], 0.5),
        "instruments": excerpts_figures.instruments(classes, NAMES),
        "own": excerpts_figures.own_thresholds(own, 0.41, 0.5),
        "changes": excerpts_figures.changes(moved, NAMES),
        "no_changes": excerpts_figures.changes(still, NAMES),
    }


FIGURES = _every_figure()


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_and_its_texts_lie_inside_it(name: str) -> None:
    figure = FIGURES[name]
    pixels = np.asarray(Image.open(io.BytesIO(style.png(figure))).convert("RGBA"))
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 20
    for axes in figure.axes:
        x, y = sorted(axes.get_xlim()), sorted(axes.get_ylim())
        texts = [*axes.texts, axes.xaxis.label, axes.yaxis.label, axes.title]
        texts += [text for text in axes.get_xticklabels() if x[0] <= text.get_position()[0] <= x[1]]
        texts += [text for text in axes.get_yticklabels() if y[0] <= text.get_position()[1] <= y[1]]
        texts += [text for legend in figure.legends for text in legend.get_texts()]
        for text in texts:
            if not text.get_text() or not text.get_visible():
                continue
            box = text.get_window_extent()
            assert min(box.x0, box.y0) >= -1, text
            assert box.x1 <= figure.bbox.width + 1, text
            assert box.y1 <= figure.bbox.height + 1, text
        labels = [label for label in axes.get_yticklabels() if label.get_text()]
        boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.y0)
        assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))


def test_the_made_up_data_is_the_present_models(judged: Path) -> None:
    present = read_present(judged / "models" / TASK / MAIN)
    assert present is not None
    assert (present.data, present.activation, present.window_seconds) == (DATA, LEAKY, 1.0)
    assert read_present(judged / "models" / TASK / "svm") is None
