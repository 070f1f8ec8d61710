"""The comparison, its figures and the page, from what ``evaluate`` itself writes for a tiny made-up task."""

import base64
import io
import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from made_up_results import NINE, SETS, write_leaked
from matplotlib.figure import Figure
from PIL import Image
from ruamel.yaml import YAML

from stages import report as stage
from tutti import config, taxonomy
from tutti.config import POLICIES, TEST_SETS, Params
from tutti.errors import DataError
from tutti.evaluation.judging import judge
from tutti.reporting import figures, sentences, study_figures, style, terminal
from tutti.reporting.comparison import COLUMNS, comparison_table, read_results, read_summary
from tutti.reporting.words import number, readable
from tutti.store import read_json, write_json

ROOT = Path(__file__).parents[1]
NAMES = ["bongos", "flute", "kalimba", "oboe", "sitar", "taiko", "violin"]
UNHEARD = "violin"  # in no test clip, so it cannot be judged
MODELS = {"random_forest": 0.7, "han_relu": 2.5}
N_CLIPS, RATE = 24, 22050
MISTAKES, TEST_CLIPS = Path("metrics/cultural/han_relu/mistakes.json"), Path("data/cultural/clips/unseen_recording")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository with the project's parameters, but one task only and few mistakes to show."""
    root = tmp_path_factory.mktemp("repository")
    yaml = YAML()  # the safe one would sort the models
    content = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["report"]["worst_mistakes"] = 2
    content["detect"]["model"] = "han_relu"
    for other in ("predominant", "families"):
        del content["tasks"][other]
    content["sweeps"] = {}
    models = content["tasks"]["cultural"]["models"]
    content["tasks"]["cultural"]["models"] = {name: models[name] for name in MODELS}
    yaml.dump(content, root / "params.yaml")
    return root


@pytest.fixture(scope="module")
def params(root: Path) -> Params:
    return config.load(root / "params.yaml")


@pytest.fixture(scope="module")
def judged(root: Path, params: Params) -> Path:
    """A repository in which two models of the task were scored and evaluated."""
    task_data = root / "data" / "cultural"
    for number_, name in enumerate(SETS):
        _make_set(task_data, name, np.random.default_rng([3, number_]))
    write_leaked(task_data, list(MODELS), NAMES[0])
    for model in MODELS:
        out = root / "metrics" / "cultural" / model
        judge(task_data, model, params.task("cultural"), seed=1, replicates=20, out=out)
    return root


@pytest.fixture(scope="module")
def reported(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it in which the stage ran."""
    root = tmp_path_factory.mktemp("reported") / "repository"
    shutil.copytree(judged, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        _run_stage()
    return root


@pytest.fixture(scope="module")
def page(reported: Path) -> str:
    """The report."""
    return (reported / "metrics" / "report.html").read_text(encoding="utf-8")


def _make_set(task_data: Path, name: str, random: np.random.Generator) -> None:
    folder = task_data / "clips" / name
    (folder / "manifest").mkdir(parents=True)
    (folder / "audio").mkdir()
    usable = len(NAMES) - (name != "validation")
    reference = np.zeros((N_CLIPS, len(NAMES)), np.uint8)
    clips, events = [], []
    for clip in range(N_CLIPS):
        chosen = sorted(random.choice(usable, int(random.integers(2, 6)), replace=False))
        reference[clip, chosen] = 1
        heard = {NAMES[index]: f"b/{NAMES[index]}/{random.integers(3)}" for index in chosen}
        clips.append(
            {
                "clip": f"{clip:03}",
                "file": f"{clip:03}.flac",
                "duration_s": 1.0,
                "polyphony": len(chosen),
                "instruments": list(heard),
                "recordings": list(heard.values()),
            }
        )
        events += [
            {
                "clip": f"{clip:03}",
                "recording": recording,
                "instrument": instrument,
                "onset_s": 0.0,
                "offset_s": 1.0,
                "pitch_midi": 60.0,
                "velocity": 80,
            }
            for instrument, recording in heard.items()
        ]
        tone = 0.3 * np.sin(2 * np.pi * (300 + 40 * clip) * np.arange(RATE) / RATE)
        soundfile.write(folder / "audio" / f"{clip:03}.flac", tone.astype(np.float32), RATE)
    pd.DataFrame(clips).to_parquet(folder / "manifest" / "clips.parquet")
    pd.DataFrame(events).to_parquet(folder / "manifest" / "events.parquet")
    write_json(folder / "manifest" / "classes.json", NAMES)
    for model, skill in MODELS.items():
        scores = task_data / "scores" / model
        scores.mkdir(parents=True, exist_ok=True)
        write_json(scores / "classes.json", NAMES)
        logits = random.normal(-1.5, 1.0, reference.shape) + skill * reference
        np.savez(
            scores / f"{name}.npz",
            scores=(1 / (1 + np.exp(-logits))).astype(np.float32),
            clip=np.arange(N_CLIPS),
            onset_s=np.zeros(N_CLIPS),
            window_s=0.0,
            skipped=np.zeros(0, np.int64),
            clip_s=np.full(N_CLIPS, 1.0),
        )


def _run_stage() -> Path:
    out = Path("metrics")
    words = ["--comparison", str(out / "comparison.csv"), "--tables", str(out / "tables")]
    stage.main(stage.parser().parse_args([*words, "--page", str(out / "report.html")]))
    return out / "report.html"


class _Page(HTMLParser):
    """Collects links, tags and the rows of the table of all measures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._in_all = self._in_text_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.links += [str(found[name]) for name in ("src", "href", "xlink:href", "data", "srcset") if name in found]
        self.ids += [str(found["id"])] if "id" in found else []
        if tag == "table":
            self._in_all = found.get("class") == "all"
        if self._in_all and tag == "tr":
            self.rows.append([])
        if self._in_all and tag == "data":
            self.rows[-1].append(str(found["value"]))
        self._in_text_cell = self._in_all and tag == "td" and found.get("class") == "text"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_text_cell and data.strip():
            self.rows[-1].append(data)


def test_comparison_has_one_row_for_each_result_and_the_evaluated_numbers(judged: Path, params: Params) -> None:
    table = comparison_table(read_results(params, judged / "metrics"))
    assert tuple(table.columns) == COLUMNS
    assert len(table) == len(MODELS) * 2 * 3
    assert not table.duplicated(["task", "model", "split", "threshold_policy"]).any()
    for model, rows in table.groupby("model"):
        summary = pd.read_csv(judged / "metrics" / "cultural" / str(model) / "summary.csv")
        shared = [name for name in COLUMNS if name in summary]
        pd.testing.assert_frame_equal(rows[shared].reset_index(drop=True), summary[shared])


def test_comparison_lists_the_models_of_params_and_no_folder_beside_them(workspace: Path, params: Params) -> None:
    shutil.copytree(workspace / "metrics/cultural/han_relu", workspace / "metrics/cultural/removed_long_ago")
    assert set(comparison_table(read_results(params, workspace / "metrics"))["model"]) == set(MODELS)


@pytest.mark.parametrize(("text", "message"), [
    (None, "is missing: run `make repro`"),
    ("", "cannot be read as a table"),
    ("split,threshold_policy\n", "has no column 'micro_f1'"),
])  # fmt: skip
def test_a_broken_summary_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "summary.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=re.escape(str(path)) + ".*" + re.escape(message)):
        read_summary(path)


def test_a_summary_with_a_row_twice_or_an_unknown_policy_is_refused(judged: Path, tmp_path: Path) -> None:
    summary = pd.read_csv(judged / "metrics/cultural/han_relu/summary.csv")
    path = tmp_path / "summary.csv"
    pd.concat([summary, summary[:1]]).to_csv(path, index=False)
    with pytest.raises(DataError, match="twice"):
        read_summary(path)
    summary.replace("fixed", "by_eye").to_csv(path, index=False)
    with pytest.raises(DataError, match="'by_eye'"):
        read_summary(path)


def test_page_loads_nothing_from_elsewhere(page: str) -> None:
    parsed = _Page(page)
    assert parsed.links
    assert [link[:40] for link in parsed.links if not link.startswith(("data:", "#"))] == []
    assert not {"script", "iframe", "object", "embed", "base"} & set(parsed.tags)
    assert "@import" not in page
    assert re.findall(r"url\((?!#)[^)]*\)", page) == []
    assert "http" not in re.sub(r"data:[a-z/+]+;base64,[A-Za-z0-9+/=\n ]+", "", page)


def test_page_shows_every_number_of_the_comparison(page: str, reported: Path) -> None:
    table = pd.read_csv(reported / "metrics" / "comparison.csv")
    rows = [row for row in _Page(page).rows if row]
    assert [row[:5] for row in rows] == table.iloc[:, :5].to_numpy().tolist()
    shown = np.array([row[5:] for row in rows], float)
    np.testing.assert_array_equal(shown, table.iloc[:, 5:].to_numpy(float))
    for value in table["macro_f1"]:
        assert f">{number(value)}<" in page


def test_page_names_every_model_and_says_that_the_corpus_is_a_stand_in(page: str) -> None:
    text = _Page(page).text
    for model in MODELS:
        assert readable(model).lower() in text.lower()
    assert "A stand-in corpus." in text
    assert "they do not tell how well a model would do on a recording of real music" in text
    assert "Not the same experiment." in text


def test_the_papers_numbers_stand_in_their_own_columns_of_rows_that_say_stand_in(page: str) -> None:
    rows = re.findall(
        r'<tr><th class="text" scope="row">([^<]*)</th><td class="text tight">([^<]*)</td>(.*?)</tr>', page
    )
    found = [(name, corpus, re.findall(r'<td class="paper">([^<]*)</td>', rest)) for name, corpus, rest in rows]
    assert found == [
        ("Han&#39;s ReLU CNN", "stand-in", ["0.582", "0.513", "0.504"]),
        ("Random forest", "stand-in", ["0.679", "0.130", "0.190"]),
        ("Han&#39;s ReLU CNN", "stand-in", ["0.593", "0.513", "0.550"]),
        ("Random forest", "stand-in", ["0.946", "0.128", "0.225"]),
    ]


def test_headline_is_made_from_the_comparison(params: Params, judged: Path) -> None:
    table = comparison_table(read_results(params, judged / "metrics"))
    main = table["threshold_policy"] == params.report.main_policy
    table.loc[main & (table["split"] == "unseen_recording"), "macro_f1"] = [0.91, 0.12]
    table.loc[main & (table["split"] == "unseen_bank"), "macro_f1"] = [0.34, 0.56]
    assert sentences.headline(table, params, 7) == (
        "On unseen recordings, random forest names the instruments with a macro F1 of 0.91 (mean of 7 instruments); on "
        "an unseen sound bank with 0.34."
    )


def test_an_instrument_without_test_clips_is_listed_as_not_judged(page: str) -> None:
    assert f"{taxonomy.load().get(UNHEARD).title}: no clip of the test set holds it" in _Page(page).text
    assert f"mean of {len(NAMES) - 1} instruments" in _Page(page).text


def test_mistakes_can_be_seen_and_heard(page: str, params: Params, judged: Path) -> None:
    players = [link for link in _Page(page).links if link.startswith("data:audio/mpeg;base64,")]
    assert len(players) == params.report.worst_mistakes + 1  # the best model's, and a third of the other's
    for player in players:
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(player.partition(",")[2])))
        assert rate == RATE
        assert len(samples) / rate == pytest.approx(1.0, abs=0.15)
        assert 0.3 < np.abs(samples).max() <= 1.0
        assert len(player) < 60_000
    main = {"split": params.report.main_split, "threshold_policy": params.report.main_policy}
    worst = next(item for item in read_json(judged / MISTAKES) if main.items() <= item.items())
    text = " ".join(_Page(page).text.split())
    for name in worst["missed"]:
        assert f"missed: {taxonomy.load().get(name).title} ({worst['scores'][name]:.2f})" in text
    for name in worst["false"]:
        assert f"falsely named: {taxonomy.load().get(name).title} ({worst['scores'][name]:.2f})" in text


def test_names_from_files_are_escaped(workspace: Path) -> None:
    hostile = '<img src="http://a.b/c.png" onerror=alert(1)>&"'
    for model in MODELS:
        folder = workspace / "metrics" / "cultural" / model
        for name in ("per_class.csv", "confusion.csv"):
            table = pd.read_csv(folder / name).replace("sitar", hostile)
            table.to_csv(folder / name, index=False)
        text = (folder / "mistakes.json").read_text()
        (folder / "mistakes.json").write_text(text.replace('"sitar"', json.dumps(hostile)))
    parsed = _Page(_run_stage().read_text(encoding="utf-8"))
    assert "img" not in parsed.tags
    assert hostile in parsed.text


def test_page_and_comparison_are_the_same_bytes_each_time(workspace: Path, reported: Path) -> None:
    _run_stage()
    tables = [path.relative_to(reported) for path in sorted((reported / "metrics/tables").rglob("*.csv"))]
    assert len(tables) == 5
    for name in ("metrics/report.html", "metrics/comparison.csv", *map(str, tables)):
        assert (workspace / name).read_bytes() == (reported / name).read_bytes()


def test_ids_on_the_page_are_unique(page: str) -> None:
    ids = _Page(page).ids
    assert len(ids) > 50
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("damage", "message"), [
    (lambda root: (root / MISTAKES).write_text('{"clip": 1}'), "not a list of mistakes"),
    (lambda root: (root / MISTAKES).with_name("per_class.csv").unlink(), "per_class.csv is missing"),
    (lambda root: (root / TEST_CLIPS / "manifest" / "clips.parquet").write_text("?"), "cannot be read"),
    (lambda root: shutil.rmtree(root / TEST_CLIPS / "audio"), "is missing"),
])  # fmt: skip
def test_what_is_missing_or_damaged_is_named_and_no_page_is_written(workspace: Path, damage, message: str) -> None:  # type: ignore[no-untyped-def]
    damage(workspace)
    with pytest.raises(DataError, match=message):
        _run_stage()
    assert not {"report.html", ".report"} & {path.name for path in (workspace / "metrics").iterdir()}
    assert not list((workspace / "metrics").glob(".*"))


def _every_figure() -> dict[str, Figure]:
    """All figures at full size: 63 instruments, awkward values."""
    random = np.random.default_rng(5)
    known = list(taxonomy.load())
    per_class = pd.DataFrame([
        {"split": split, "instrument": each.name, "hornbostel_sachs": each.hornbostel_sachs, "f1": value}
        for split in ("unseen_recording", "unseen_bank")
        for each, value in zip(known, [np.nan, 0.0, 1.0, *random.uniform(size=len(known) - 3)], strict=True)
    ])  # fmt: skip
    steps = np.arange(1, 100) / 100
    curve = pd.DataFrame(
        {
            "threshold": steps,
            "micro_precision": steps,
            "micro_recall": 1 - steps,
            "micro_f1": 2 * steps * (1 - steps),
            "macro_f1": 1.5 * steps * (1 - steps),
        }
    )
    by_polyphony = pd.DataFrame([
        {"split": split, "polyphony": count, "micro_f1": value, "n_clips": 3}
        for split in ("unseen_recording", "unseen_bank") for count, value in ((2, 1.0), (3, 0.5), (4, np.nan), (5, 0.0))
    ])  # fmt: skip
    longest = sorted((each.name for each in known), key=lambda name: -len(name))
    pairs = pd.DataFrame([{"reference": a, "predicted": b, "count": 7} for a in longest[:5] for b in longest[:5]])
    rows = pd.DataFrame([
        {"model": model, "split": split, "macro_f1": value, "macro_f1_low": value - 0.1, "macro_f1_high": value + 0.02}
        for model, value in (("random_forest", 0.98), ("han_cnn", np.nan))
        for split in ("unseen_recording", "unseen_bank")
    ])  # fmt: skip
    every = [{"model": model, "split": split, "threshold_policy": policy, "macro_f1": random.choice([0.1, 0.9, np.nan])}
             for model in NINE for split in TEST_SETS for policy in POLICIES]  # fmt: skip
    by_policy = pd.DataFrame(every)
    kinds = ("aerophone", "chordophone", "idiophone", "membranophone")
    by_group = pd.DataFrame([{"model": model, "hornbostel_sachs": kind, "macro_f1": random.choice([0.0, 1.0, np.nan])}
                             for model in NINE for kind in kinds])  # fmt: skip
    leaks = pd.DataFrame([{"model": model, "f1_honest": 0.5, "f1_leaked": random.choice([0.4, 1.0])} for model in NINE])
    bins = [f"{low / 5:.1f}-{(low + 1) / 5:.1f}" for low in range(5)]
    sounding = pd.DataFrame([{"model": model, "sounding": name, "recall": random.choice([0.0, 1.0, np.nan])}
                             for model in NINE for name in bins])  # fmt: skip
    variety = pd.DataFrame([
        {"recordings": count, "banks": banks, "tested_on": tested, "macro_f1": value, "macro_f1_low": value - 0.05,
         "macro_f1_high": value + 0.05}
        for count in (1, 2, 4, 8) for banks in ("one", "both")
        for tested, value in (("heard_bank", 0.9), ("other_bank", 0.2))
    ])  # fmt: skip
    return {
        "policies": study_figures.policies(by_policy[by_policy["split"] == TEST_SETS[0]]),
        "groups": study_figures.groups(by_group),
        "leak": study_figures.leak(leaks),
        "sounding": study_figures.sounding(sounding),
        "variety": study_figures.variety(variety),
        "per_class": figures.per_class_f1(per_class),
        "threshold": figures.threshold_curve(curve, 0.97),
        "threshold_low": figures.threshold_curve(curve, 0.01),
        "polyphony": figures.polyphony(by_polyphony),
        "confusion": figures.confusion(pairs),
        "comparison": figures.comparison(rows),
        "spectrogram": figures.spectrogram(random.normal(0, 0.1, RATE * 2).astype(np.float32), RATE),
        "short": figures.spectrogram(np.zeros(100, np.float32), 8000),
    }


FIGURES = _every_figure()


def _within(place: float, limits: tuple[float, float]) -> bool:
    """Tell whether a tick is drawn; matplotlib keeps labels beyond the axes too."""
    return min(limits) <= place <= max(limits)


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_drawn_and_its_texts_lie_inside_it(name: str) -> None:
    figure = FIGURES[name]
    pixels = np.asarray(Image.open(io.BytesIO(style.png(figure))).convert("RGBA"))
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 20
    axes = figure.axes[0]
    texts = [*axes.texts, axes.xaxis.label, axes.yaxis.label]
    texts += [text for text in axes.get_xticklabels() if _within(text.get_position()[0], axes.get_xlim())]
    texts += [text for text in axes.get_yticklabels() if _within(text.get_position()[1], axes.get_ylim())]
    texts += [text for legend in figure.legends for text in legend.get_texts()]
    shown = [text for text in texts if text.get_text() and text.get_visible()]
    assert len(shown) > 4
    for text in shown:
        box = text.get_window_extent()
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.width + 1, text
        assert box.y1 <= figure.bbox.height + 1, text


@pytest.mark.parametrize("name", ["per_class", "confusion", "spectrogram", "policies", "groups", "leak"])
def test_labels_of_rows_do_not_overlap(name: str) -> None:
    figure = FIGURES[name]
    style.png(figure)
    boxes = sorted((label.get_window_extent() for label in figure.axes[0].get_yticklabels()), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))


def test_per_class_figure_leaves_out_what_cannot_be_judged() -> None:
    labels = [label.get_text() for label in FIGURES["per_class"].axes[0].get_yticklabels()]
    assert len(labels) == len(taxonomy.load()) - 1
    assert taxonomy.load().get(taxonomy.load().names[0]).title not in labels


def test_figures_are_the_same_bytes_each_time_and_leave_no_global_state() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    again = _every_figure()
    for name, figure in FIGURES.items():
        assert style.png(figure) == style.png(again[name])
        assert style.inline_svg(figure, name, "label") == style.inline_svg(again[name], name, "label")
    assert dict(matplotlib.rcParams) == before


def test_a_figure_without_rows_is_drawn() -> None:
    empty = pd.DataFrame({"reference": ["flute"], "predicted": ["flute"], "count": [3]})
    assert style.png(figures.confusion(empty)).startswith(b"\x89PNG")


def test_inline_svg_escapes_its_label_and_takes_the_colours_of_the_page() -> None:
    svg = style.inline_svg(FIGURES["polyphony"], "name", 'a "b" <c> & d')
    assert 'aria-label="a &quot;b&quot; &lt;c&gt; &amp; d"' in svg
    assert style.INK not in svg
    assert "currentColor" in svg


def test_terminal_table_is_aligned(params: Params, judged: Path) -> None:
    table = comparison_table(read_results(params, judged / "metrics"))
    heading, header, *rows = terminal.comparison_text(table).splitlines()
    assert heading == "task cultural, corpus rendered"
    assert len(rows) == len(table)
    end = header.index("macro F1") + len("macro F1")
    assert [float(row[:end].split()[-1]) for row in rows] == pytest.approx(table["macro_f1"], abs=0.0005)


def test_what_does_not_exist_is_not_written_as_zero() -> None:
    assert number(float("nan")) == "n/a"
