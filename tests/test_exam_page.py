"""The page of the exam: what it shows and claims, names and cells of every kind, and what MLflow gets of the files."""

import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_exam import FAMILIES, MODELS, ROOT, TASK, make
from matplotlib.figure import Figure
from PIL import Image

from stages import report_exam as stage
from tutti import config
from tutti.config import POLICIES, TEST_SETS, Params
from tutti.errors import DataError, ParameterError
from tutti.reporting import exam_figures, exam_sentences, published_exam, style
from tutti.reporting.comparison import METRICS
from tutti.reporting.exam_contest import Contest, sentences
from tutti.reporting.exam_page import write_page
from tutti.reporting.exam_results import Exam, read_exam
from tutti.reporting.exam_words import class_title, points, signed_points, sizes_told
from tutti.reporting.records import records
from tutti.store import write_json
from tutti.tracking import Record

VOID = {"meta", "link", "br", "img", "use", "path", "input", "hr"}
CLASSES = FAMILIES[:6]
SIZES = [*map(str, range(7)), "all"]
N_FIGURES = 2 + 1 + 4  # by size a side, the differences, two of the classes a side
EVIL = "<i>x</i>"
OTHER = ("saxophone", "string", "synth_lead", EVIL)
MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def params() -> Params:
    return config.load(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Path:
    """A repository in which both models of the task sat the exam; its data are made up."""
    root = tmp_path_factory.mktemp("families") / "repository"
    make(root, params, per_size=6, classes=CLASSES)
    shutil.copy(ROOT / "params.yaml", root)
    for model in MODELS:
        folder = root / "models" / TASK / model
        spec = {"task": TASK, "model": model, "corpus": "nsynth", "feature": "stft_db", "seed": 1, "scale": "default"}
        spec |= {"config": params.model(TASK, model).model_dump(mode="json"), "data": {"train_notes": {"clips": "c0"}}}
        write_json(folder / "spec.json", spec)
        (folder / "history.csv").write_text(
            "epoch,loss,validation_loss,validation_precision,validation_recall\n1,0.7,0.6,0.5,0.4\n2,0.6,0.5,0.6,0.5\n"
        )
        (folder / "binaries.csv").write_text("class,epoch,loss\nbass,1,0.7\n")
        (folder / "bass.keras").write_bytes(b"weights of bass")
    return root


@pytest.fixture(scope="module")
def page(judged: Path) -> str:
    """The page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(judged)
        return _run_stage()


@pytest.fixture(scope="module")
def exam(judged: Path, params: Params) -> Exam:
    return read_exam(params, TASK, judged / "metrics", judged / "data")


@pytest.fixture(scope="module")
def other_root(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Path:
    """Results on one side only, of classes with other names, with cells that cannot be judged."""
    root = tmp_path_factory.mktemp("other")
    make(root, params, ("unseen_bank",), per_size=2, classes=OTHER)
    for model in MODELS:
        path = root / "metrics" / TASK / model / "by_size.csv"
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        columns = [name for name in map(str, table) if name.startswith("emr")]
        table.loc[table["size"] == "2", columns] = ""
        table.to_csv(path, index=False)
        path = root / "metrics" / TASK / model / "single_notes.csv"
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.loc[table["class"] == "string", ["precision", "recall", "f1"]] = ""
        table.to_csv(path, index=False)
    path = root / "metrics" / TASK / "regimes" / "differences.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[(table["size"] == "2") & (table["metric"] == "emr"), ["difference", "low", "high"]] = ""
    table.to_csv(path, index=False)
    return root


@pytest.fixture(scope="module")
def other_page(other_root: Path, params: Params) -> str:
    """The page of these, as if musicians had played the notes."""
    corpora = params.corpora | {"nsynth": params.corpora["nsynth"].model_copy(update={"root": "/somewhere/nsynth"})}
    path = other_root / "page.html"
    own = params.model_copy(update={"corpora": corpora})
    write_page(path, own, TASK, other_root / "metrics", other_root / "data")
    return path.read_text(encoding="utf-8")


def _run_stage(task: str = TASK) -> str:
    out = Path("metrics") / f"{TASK}.html"
    stage.main(stage.parser().parse_args(["--task", task, "--page", str(out)]))
    return out.read_text(encoding="utf-8")


class _Page(HTMLParser):
    """Collects links, tags, ids and text, and checks that every element is closed where it must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.text = " ".join(self.text.split())

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


def _tables(page: str, kind: str) -> list[list[str]]:
    """Return the rows of the bodies of all tables of a kind."""
    tables = re.findall(rf'<table class="{kind}">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    return [re.findall(r"<tr.*?</tr>", table, re.DOTALL) for table in tables]


def _values(row: str) -> list[float]:
    return [float(value) for value in re.findall(r'<data value="([^"]*)"', row)]


@pytest.mark.parametrize("which", ["page", "other_page"])
def test_the_page_is_well_formed_and_loads_nothing_from_elsewhere(which: str, request: pytest.FixtureRequest) -> None:
    text: str = request.getfixturevalue(which)
    parsed = _Page(text)
    assert parsed.open == []
    assert parsed.links
    assert [link for link in parsed.links if not link.startswith(("data:", "#"))] == []
    assert not {"script", "iframe", "object", "embed", "base", "img"} & set(parsed.tags)
    assert re.findall(r"url\((?!#)[^)]*\)", text) == []
    assert "http" not in text
    assert "@import" not in text
    assert len(set(parsed.ids)) == len(parsed.ids)
    for link in parsed.links:
        assert not link.startswith("#") or link[1:] in parsed.ids
    assert parsed.tags.count("svg") == (N_FIGURES if which == "page" else 1 + 1 + 2)


def test_a_size_table_holds_what_was_judged_and_what_the_paper_prints(page: str, exam: Exam) -> None:
    tables = _tables(page, "sizes")
    assert len(tables) == 2 * 3
    paper = exam.paper.sizes
    for rows, side in zip(tables, TEST_SETS, strict=False):
        first, second = (model.sizes(side).set_index("size") for model in exam.regimes)
        for row, size in zip(rows, SIZES, strict=True):
            metrics = ["accuracy_hamming", "accuracy_iou", "emr"]
            own = [table[name].to_dict()[size] for table in (first, second) for name in metrics]
            floor = [first[f"floor_{name}"].to_dict()[size] for name in metrics]
            assert _values(row) == pytest.approx([*own, *floor])
            assert re.findall(r'<td class="paper">([^<]*)</td>', row) == [each.text for each in paper[size]]
            limits = [first[f"accuracy_hamming_{end}"].to_dict()[size] for end in ("low", "high")]
            assert f"<small>{points(limits[0])} to {points(limits[1])}</small>" in row
    printed = [re.findall(r'<td class="paper">([^<]*)</td>', row)[1] for row in tables[0]]
    assert printed == ["100", "79", "4", "2", "0", "0", "0", "17"]


def test_table_vi_stands_beside_the_papers(page: str, exam: Exam) -> None:
    tables = _tables(page, "notes")
    assert len(tables) == 3
    rows = dict(zip([*CLASSES, "accuracy", "exact match", "macro", "weighted"], tables[0], strict=True))
    notes = [model.note_rows("unseen_recording_notes").set_index("class") for model in exam.regimes]
    for name, row in rows.items():
        own = [table[figure].to_dict()[name] for table in notes for figure in ("precision", "recall", "f1")]
        assert _values(row) == pytest.approx(own)
    theirs = re.findall(r'<td class="paper">([^<]*)</td>', rows["bass"])
    assert theirs == ["42", "100", "60", "28"]
    assert re.findall(r'<td class="paper">([^<]*)</td>', rows["accuracy"]) == ["97", "97", "97", "8,518"]
    assert set(re.findall(r'<td class="paper">([^<]*)</td>', rows["macro"])) == {""}


def test_a_stand_in_is_said_in_every_row_beside_a_number_of_the_paper(page: str, other_page: str) -> None:
    text = _Page(page).text
    assert "A stand-in corpus. No musician was recorded" in text
    assert "Not the same experiment." in text
    rows = [row for kind in ("sizes", "notes") for table in _tables(page, kind) for row in table]
    assert len(rows) == 6 * 8 + 3 * 10
    assert all("paper" in row and ">stand-in<" in row for row in rows)
    assert page.count("Mixtures, stand-in") == 2
    assert "A stand-in corpus." not in other_page
    assert ">stand-in<" not in other_page
    assert "Mixtures, stand-in" not in other_page
    rows = [row for kind in ("sizes", "notes") for table in _tables(other_page, kind) for row in table]
    assert all(">nsynth<" in row for row in rows)


def test_names_are_escaped_and_never_looked_up_in_the_taxonomy(other_page: str) -> None:
    assert EVIL not in other_page.replace("\n", "")
    assert "&lt;i&gt;x&lt;/i&gt;" in other_page
    assert "audio/&lt;i&gt;bad&lt;/i&gt;.wav" in other_page
    text = _Page(other_page).text
    for title in ("Synth lead", "Saxophone", "String", EVIL):
        assert title in text
    assert class_title("no_instrument_at_all") == "No instrument at all"


def test_what_cannot_be_judged_is_not_available(other_page: str) -> None:
    row = next(row for row in _tables(other_page, "sizes")[0] if re.search(r'scope="row">2<', row))
    cells = re.findall(r"<data value=\"([^\"]*)\">([^<]*)</data>(<small>)?", row)
    assert cells[2] == ("nan", "n/a", "")
    assert cells[5] == ("nan", "n/a", "")
    assert "n/a" not in [cells[0][1], cells[1][1]]
    row = next(row for row in _tables(other_page, "notes")[0] if ">String<" in row)
    assert re.findall(r"<data[^>]*>([^<]*)</data>", row) == ["n/a"] * 6
    row = next(row for row in _tables(other_page, "differences")[0] if re.search(r'scope="row">2<', row))
    assert "n/a" in row
    assert "nan" not in _Page(other_page).text.split()


def test_only_sides_with_clips_are_told(other_page: str) -> None:
    text = _Page(other_page).text
    assert "unseen sound bank" in text
    assert "unseen recordings" not in text.lower()
    assert len(_tables(other_page, "sizes")) == 3
    assert len(_tables(other_page, "matrix")) == 2


def test_the_headline_and_the_tiles_are_made_from_numbers(page: str, exam: Exam) -> None:
    first, second = (model.overall("unseen_recording") for model in exam.regimes)
    right = [f"{100 * float(row['accuracy_hamming']):.0f}%" for row in (first, second)]
    whole = [f"{100 * float(row['emr']):.0f}%" for row in (first, second)]
    said = re.search(r"<h1>(.*?)</h1>", page)
    assert said
    assert said[1] == (
        f"On unseen recordings of 0 to 6 families at once, binaries trained on mixtures get {right[0]} of all answers "
        f"right and {whole[0]} of the clips wholly right; trained on single notes, {right[1]} and {whole[1]}."
    )
    assert re.findall(r"<li><b>(.*?)</b>", page) == [*right, *whole, "84"]
    assert "its EMR of 79% at one family would cap that at 89.5%, and it prints 97%" in _Page(page).text


def test_the_matrices_are_those_that_were_judged(page: str, exam: Exam) -> None:
    tables = _tables(page, "counts")
    assert len(tables) == 4
    classes = exam.regimes[1].classes("unseen_bank").set_index(["class", "size"])[["tp", "fn", "fp", "tn"]]
    expected = {
        name: [int(value) for value in row] for name, row in zip(classes.index, classes.to_numpy(), strict=True)
    }
    for row, family in zip(tables[3], CLASSES, strict=True):
        cells = [[int(value) for value in re.split(" |<br>", cell)] for cell in re.findall(r"<td>(.*?)</td>", row)]
        assert cells == [expected[family, size] for size in SIZES]
    rates = re.findall(r'class="rate (\w+)"(?: style="--v:([\d.]+)")?>([^<]*)<', _tables(page, "matrix")[0][0])
    assert rates[:2][0] == ("none", "", "n/a")  # no clip of silence holds a bass
    assert len(rates) == 2 * len(SIZES)


def test_thresholds_are_those_that_were_chosen(page: str, judged: Path) -> None:
    limits = json.loads((judged / "metrics" / TASK / "notes" / "thresholds.json").read_text())["policies"]
    for policy in ("validated_global", "validated_per_class"):
        assert f'<data value="{limits[policy]["guitar"]}">' in page


def _contest(limits: dict[int, tuple[float, float]], metric: str = "emr") -> Contest:
    values = {str(size): ((low + high) / 2, low, high) for size, (low, high) in limits.items()}
    return Contest(metric, "mixtures", "notes", values | {"all": (0.0, 0.0, 0.0)})


@pytest.mark.parametrize(("limits", "said"), [
    ({size: (0.1, 0.2) for size in range(5)},
     "mixtures is above notes at every size from 2 to 4 (+15.0 points)."),
    ({1: (0.1, 0.2), 2: (0.1, 0.3), 3: (0.02, 0.04), 4: (-0.1, 0.2), 5: (0.3, 0.4), 6: (0.01, 0.03), 7: (0.4, 0.6)},
     "mixtures is above notes at 2, 3 and 5 to 7 families (+2.0 to +50.0 points); at 4 the interval holds zero."),
    ({2: (-0.1, 0.1), 3: (-0.1, 0.0)},
     "mixtures is above notes at no size from 2 to 3; at 2 and 3 the interval holds zero."),
    ({0: (0.5, 0.6), 1: (0.5, 0.6), 2: (-0.3, -0.1), 3: (0.1, 0.1), 4: (-0.4, -0.2)},
     "mixtures is above notes at 3 families (+10.0 points); at 2 and 4 it is below "
     f"({MINUS}20.0 to {MINUS}30.0 points)."),
    ({2: (0.0004, 0.2), 3: (0.0006, 0.2)},
     "mixtures is above notes at 3 families (+10.0 points); at 2 the interval holds zero."),
    ({2: (float("nan"), float("nan")), 3: (0.1, 0.2)},
     "mixtures is above notes at 3 families (+15.0 points); at 2 it is not known."),
    ({0: (0.5, 0.6), 1: (0.5, 0.6)}, "no clip holds 2 families or more."),
])  # fmt: skip
def test_the_sentence_lists_the_sizes_whose_interval_leaves_zero_out(
    limits: dict[int, tuple[float, float]], said: str
) -> None:
    assert _contest(limits).sentence() == f"Exact match ratio (EMR): {said}"


def test_the_sentences_of_the_page_are_about_its_numbers(page: str, exam: Exam) -> None:
    text = _Page(page).text
    for side in TEST_SETS:
        for sentence in sentences(exam, side):
            assert sentence in text
    rows = exam.contest("unseen_bank")
    rows = rows[(rows["metric"] == "accuracy_hamming") & rows["size"].isin([str(size) for size in range(2, 7)])]
    above = rows[rows["low"].round(3) > 0]["size"].tolist()
    told = sentences(exam, "unseen_bank")[0]
    assert 0 < len(above) < 5
    assert f"above notes at {sizes_told([int(size) for size in above], range(2, 7))} families" in told
    marked = [len(re.findall(r'<td class="(?:first )?above">', row)) for row in _tables(page, "differences")[0]]
    table = pd.concat([exam.contest(side) for side in TEST_SETS])
    assert sum(marked) == int((table["low"].round(3) > 0).sum()) > 0


def test_families_that_are_no_classes_are_named(exam: Exam) -> None:
    item = {"instrument": "synth_lead", "reason": "2 groups, 3 are needed"}
    told = exam_sentences.left_out(replace(exam, left_out=[item]))
    assert told.startswith("1 family has too few instruments")
    assert "is in no clip and no score: Synth lead (2 groups, 3 are needed)." in told
    assert exam_sentences.left_out(replace(exam, left_out=[item, item])).startswith("2 families have too few")
    assert exam_sentences.left_out(exam) == ""


@pytest.mark.parametrize(("value", "text"), [
    (0.12345, "+12.3"), (-0.5, f"{MINUS}50.0"), (-0.0001, "0.0"), (0.0, "0.0"), (float("nan"), "n/a"),
])  # fmt: skip
def test_differences_are_told_in_points_of_percent(value: float, text: str) -> None:
    assert signed_points(value) == text


def test_published_figures_are_a_papers() -> None:
    paper = published_exam.of_task(TASK)
    assert list(paper.notes) == list(FAMILIES)
    assert paper.sizes["10"][1].text == "~0"
    assert sum(row.support for row in paper.notes.values()) == paper.accuracy.support
    for row in paper.notes.values():
        precision, recall, f1 = (each.value for each in row.figures)
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall), abs=0.011)
    for which in (0, 1):
        values = [printed[which].value for size, printed in paper.sizes.items() if size != "all"]
        assert paper.sizes["all"][which].value == pytest.approx(np.mean(values), abs=0.02)
    assert paper.sizes["7"][1].value == 0
    with pytest.raises(ParameterError, match="choose one of families"):
        published_exam.of_task("cultural")


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda root: (root / "notes/by_size.csv").unlink(), r"notes/by_size\.csv is missing"),
    (lambda root: (root / "notes/by_class.csv").write_text("split\n"), r"by_class\.csv has no column"),
    (lambda root: (root / "regimes/differences.csv").unlink(), r"differences\.csv is missing"),
    (lambda root: _rewrite(root / "regimes/differences.csv", "mixtures", "other"), "is not about mixtures and notes"),
    (lambda root: _rewrite(root / "notes/by_size.csv", "validated_global", "fixed"), "lacks unseen_recording at"),
    (lambda root: _rewrite(root / "notes/thresholds.json", "bass", "tuba"), "is about other classes than another"),
    (lambda root: _rewrite(root / "notes/summary.csv", "unseen_bank", "elsewhere"), "other ones than another model's"),
    (lambda root: (root.parents[1] / "data/families/split/split.parquet").unlink(), r"split\.parquet is missing"),
])  # fmt: skip
def test_damaged_files_are_one_sentence(
    workspace: Path, params: Params, spoil: Callable[[Path], Any], message: str
) -> None:
    spoil(workspace / "metrics" / TASK)
    with pytest.raises(DataError, match=message) as caught:
        write_page(Path("page.html"), params, TASK, Path("metrics"), Path("data"))
    assert "\n" not in str(caught.value)
    assert not Path("page.html").exists()


def _rewrite(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.usefixtures("workspace")
def test_a_task_of_another_method_is_one_sentence() -> None:
    with pytest.raises(ParameterError, match="task 'cultural' has no method 'overlay'"):
        _run_stage("cultural")


@pytest.fixture(scope="module")
def published(judged: Path, params: Params) -> list[Record]:
    return records(params, TASK, judged / "models", judged / "metrics")


def test_mlflow_gets_few_numbers_and_the_tables(published: list[Record], exam: Exam) -> None:
    *trainings, regimes = published
    assert [record.name for record in trainings] == [model.name for model in exam.models]
    for training in trainings:
        assert training.metrics == {"best_validation_loss": 0.5, "epochs": 2}
        assert [sorted(row) for row in training.history] == [
            ["loss", "validation_loss", "validation_precision", "validation_recall"]
        ] * 2
        assert set(training.texts) == {"spec.json", "binaries.csv"}
        assert "weights.bass.keras" in training.tags
        assert "weights.binaries.csv" not in training.tags
        assert training.params[f"tasks.{TASK}.classes.bass.family"] == "bass"
        assert len(training.children) == len(TEST_SETS) * len(POLICIES)
        for child in training.children:
            assert set(child.metrics) == {*METRICS, "n_clips"}
            assert len(child.metrics) <= 20
            assert child.tags["stage"] == "examine"
            assert set(child.texts) == {"by_size.csv", "by_class.csv", "single_notes.csv"}
            assert bool(child.images) == (child.tags["threshold_policy"] == "validated_global")
    numbers = regimes.metrics
    assert len(numbers) == 2 * 3 * 2 <= 20
    rows = exam.contest("unseen_bank")
    own = rows[(rows["metric"] == "emr") & (rows["size"] == "all")]
    assert numbers["difference.unseen_bank.emr"] == own["difference"].iloc[0]
    low = rows[(rows["metric"] == "accuracy_iou") & rows["size"].isin([str(size) for size in range(2, 7)])]["low"]
    assert numbers["sizes_above.unseen_bank.accuracy_iou"] == (low.round(3) > 0).sum()
    for record in [*published, *(child for training in trainings for child in training.children)]:
        assert not set("#@,") & set("".join([*record.metrics, *record.params, *record.tags]))


def test_a_record_holds_its_own_part_of_the_tables_and_a_figure(published: list[Record]) -> None:
    child = next(each for each in published[0].children if each.name == "notes unseen_bank validated_global")
    sizes, classes, notes = (pd.read_csv(io.StringIO(child.texts[name])) for name in
                             ("by_size.csv", "by_class.csv", "single_notes.csv"))  # fmt: skip
    assert set(sizes["split"]) == set(classes["split"]) == {"unseen_bank"}
    assert set(notes["split"]) == {"unseen_bank_notes"}
    assert set(sizes["threshold_policy"]) == set(notes["threshold_policy"]) == {"validated_global"}
    assert sizes["size"].astype(str).tolist() == SIZES
    assert Image.open(io.BytesIO(child.images["by_size.png"]())).size[0] > 300


def _every_figure() -> dict[str, Figure]:
    sizes = [*map(str, range(12)), "all"]
    names = ["bass", "a_family_with_a_very_long_name", "x"]
    empty = {f"{name}{end}": float("nan") for name in ("accuracy_hamming", "accuracy_iou", "emr")
             for end in ("", "_low", "_high")}  # fmt: skip
    full = {name: 0.6 if name.endswith("high") else 0.4 for name in empty}
    floor = {f"floor_{name}": 0.5 for name in ("accuracy_hamming", "accuracy_iou", "emr")}
    rows = pd.DataFrame([{"size": size, **(empty if size == "3" else full), **floor} for size in sizes])
    nothing = rows.assign(**empty)
    some = pd.DataFrame([{"size": size, "metric": metric, "difference": 0.1, "low": -0.1, "high": 0.3}
                         for size in sizes for metric in ("accuracy_hamming", "accuracy_iou", "emr")])  # fmt: skip
    classes = pd.DataFrame([{"size": size, "class": name, "accuracy": 0.7} for size in sizes for name in names])
    paper = {str(size): [1 - size / 10, 0.0] for size in range(11)}
    long = "a_model_with_a_very_long_name_of_its_own"
    return {
        "sizes": exam_figures.by_size([("mixtures", rows), (long, rows)], paper, "paper, NSynth", is_stand_in=True),
        "nothing": exam_figures.by_size([("notes", nothing)], {}, "paper, NSynth"),
        "differences": exam_figures.differences([("unseen_recording", some), ("unseen_bank", some)]),
        "equal": exam_figures.differences([("unseen_bank", some.assign(difference=0.0, low=0.0, high=0.0))]),
        "classes": exam_figures.of_classes([("mixtures", classes), (long, classes)], "accuracy", names),
        "no_rate": exam_figures.of_classes([("notes", classes.assign(accuracy=float("nan")))], "accuracy", names[:1]),
    }


FIGURES = _every_figure()


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_and_its_texts_lie_inside_it(name: str) -> None:
    figure = FIGURES[name]
    pixels = np.asarray(Image.open(io.BytesIO(style.png(figure))).convert("RGBA"))
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 20
    for axes in figure.axes:
        texts = [axes.xaxis.label, axes.yaxis.label, axes.title, *axes.texts, *axes.get_xticklabels()]
        texts += [text for legend in figure.legends for text in legend.get_texts()]
        for text in texts:
            if not text.get_text() or not text.get_visible() or not axes.axison:
                continue
            box = text.get_window_extent()
            assert min(box.x0, box.y0) >= -1, text
            assert box.x1 <= figure.bbox.width + 1, text
            assert box.y1 <= figure.bbox.height + 1, text
        labels = [label for label in axes.get_xticklabels() if label.get_text() and axes.axison]
        boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
        assert all(left.x1 <= right.x0 + 1 for left, right in pairwise(boxes))
    titles = sorted((axes.title.get_window_extent() for axes in figure.axes if axes.axison), key=lambda box: box.y0)
    assert len(titles) == len([axes for axes in figure.axes if axes.axison])
