"""Made-up results in the form that the stages write, for tests of what stands across models; also a page to look at.

``python tests/made_up_results.py FOLDER`` writes a report of nine models and all 63 instruments with all studies.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from tutti import config, taxonomy
from tutti.config import POLICIES
from tutti.evaluation.judging import judge
from tutti.reporting import studies
from tutti.store import write_json

ROOT = Path(__file__).parents[1]
RATE = 22050
SETS = ("validation", "unseen_recording", "unseen_bank", "enter_leave")
NINE = {
    "random_forest": 0.8, "xgboost": 1.4, "bi_lstm": 1.0, "c_lstm_mfcc": 1.6, "c_gru_mfcc": 1.7, "c_lstm_log_mel": 2.2,
    "c_gru_log_mel": 2.3, "han_relu": 2.8, "han_cnn": 2.9,
}  # fmt: skip


def make(root: Path, models: Mapping[str, float], names: Sequence[str], n_clips: int, params: config.Params) -> None:
    """Write clips, scores and what ``evaluate`` says of models of some skill; the last name never sounds in a test."""
    data = root / "data" / "cultural"
    for number, name in enumerate(SETS):
        _write_set(data, name, models, names, n_clips, np.random.default_rng([3, number]))
    write_leaked(data, list(models), names[0])
    for model in models:
        judge(data, model, params.task("cultural"), seed=1, replicates=20, out=root / "metrics" / "cultural" / model)


def _write_set(
    data: Path, name: str, models: Mapping[str, float], names: Sequence[str], n_clips: int, random: np.random.Generator
) -> None:
    folder = data / "clips" / name
    (folder / "manifest").mkdir(parents=True)
    (folder / "audio").mkdir()
    reference = np.zeros((n_clips, len(names)), np.uint8)
    clips: list[dict[str, Any]] = []
    for clip in range(n_clips):
        chosen = sorted(random.choice(len(names) - (name != "validation"), random.integers(2, 6), replace=False))
        reference[clip, chosen] = 1
        heard = {names[index]: f"b/{names[index]}/{random.integers(3)}" for index in chosen}
        about = {"clip": f"{clip:04}", "file": "all.flac", "duration_s": 5.0, "polyphony": len(chosen)}
        clips.append(about | {"instruments": list(heard), "recordings": list(heard.values())})
    events = [
        {"clip": clip["clip"], "recording": recording, "instrument": instrument, "onset_s": 0.0, "offset_s": 5.0,
         "pitch_midi": 60.0, "velocity": 80}
        for clip in clips for instrument, recording in zip(clip["instruments"], clip["recordings"], strict=True)
    ]  # fmt: skip
    tone = 0.3 * np.sin(2 * np.pi * np.cumsum(np.linspace(200, 4000, 5 * RATE)) / RATE)
    soundfile.write(folder / "audio" / "all.flac", tone.astype(np.float32), RATE)
    pd.DataFrame(clips).to_parquet(folder / "manifest" / "clips.parquet")
    pd.DataFrame(events).to_parquet(folder / "manifest" / "events.parquet")
    write_json(folder / "manifest" / "classes.json", list(names))
    hard = random.normal(0, 0.8, len(names))
    for model, skill in models.items():
        scores = data / "scores" / model
        scores.mkdir(parents=True, exist_ok=True)
        write_json(scores / "classes.json", list(names))
        lift = (skill - hard - 0.8 * (name == "unseen_bank")) * reference
        logits = random.normal(-3.0, 1.0, reference.shape) + 1.4 * lift
        values = (1 / (1 + np.exp(-logits))).astype(np.float32)
        np.savez(scores / f"{name}.npz", scores=values, clip=np.arange(n_clips), onset_s=np.zeros(n_clips),
                 window_s=0.0, skipped=np.zeros(0, np.int64), clip_s=np.full(n_clips, 5.0))  # fmt: skip


def write_leaked(data: Path, models: Sequence[str], instrument: str) -> None:
    """Write the set ``leaked``: the clips of unseen recordings that hold an instrument, with one it was trained on."""
    honest, manifest = data / "clips/unseen_recording/manifest", data / "clips/leaked/manifest"
    manifest.mkdir(parents=True)
    table = pd.read_parquet(honest / "clips.parquet")
    rows = [row for row, names in enumerate(table["instruments"]) if instrument in names]
    changed = [
        [f"b/{instrument}/train" if f"/{instrument}/" in name else name for name in table["recordings"].iloc[row]]
        for row in rows
    ]
    table = table.iloc[rows].assign(recordings=pd.Series(changed, table.index[rows]))
    table.to_parquet(manifest / "clips.parquet")
    events = pd.read_parquet(honest / "events.parquet")
    events[events["clip"].isin(table["clip"])].to_parquet(manifest / "events.parquet")
    shutil.copy(honest / "classes.json", manifest)
    leak = [{"instrument": instrument, "recording": f"b/{instrument}/train", "clips": len(rows)}]
    write_json(manifest / "leak.json", leak)
    for model in models:
        with np.load(data / "scores" / model / "unseen_recording.npz") as arrays:
            scores = np.sqrt(arrays["scores"][rows])
        count = len(rows)
        np.savez(data / "scores" / model / "leaked.npz", scores=scores, clip=np.arange(count), onset_s=np.zeros(count),
                 window_s=0.0, skipped=np.zeros(0, np.int64), clip_s=np.full(count, 5.0))  # fmt: skip


def add_studies(root: Path, models: Mapping[str, float], leaking: Sequence[str]) -> None:
    """Write the files of all three studies, with numbers that follow from a model's skill."""
    for model, skill in models.items():
        folder, honest = root / "metrics" / "cultural" / model, skill / 4
        leak, sounding = [], []
        for policy in POLICIES:
            for place, scope in enumerate([*leaking, studies.LEAKING, studies.ALL]):
                gain = 0.02 if scope == studies.ALL else 0.1 + 0.02 * place
                low, high = gain - 0.08, gain + 0.08
                leak.append((scope, policy, honest + gain, honest, gain, low, high, 120))
            for place in range(5):
                name = f"{place / 5:.1f}-{(place + 1) / 5:.1f}"
                sounding.append((policy, name, honest * (0.4 + 0.15 * place), 60 + 40 * place))
            sounding.append((policy, studies.ALL, honest * 0.8, 700))
        pd.DataFrame(leak, columns=list(studies.LEAK_COLUMNS)).to_csv(folder / studies.LEAK, index=False)
        table = pd.DataFrame(sounding, columns=list(studies.SOUNDING_COLUMNS))
        table.to_csv(folder / studies.ENTER_LEAVE, index=False)
        each = {name: {policy: {"micro_f1": honest * share, "macro_f1": honest * share - 0.03} for policy in POLICIES}
                for name, share in (("enter_leave", 0.8), ("unseen_recording", 1.0), ("windows", 0.6))}  # fmt: skip
        windows = None if model in ("random_forest", "xgboost") else {"f1": each.pop("windows")}
        clips = {name: each[name] for name in ("enter_leave", "unseen_recording")}
        write_json(folder / studies.ENTER_LEAVE_JSON, {"clips": clips, "windows": windows})
    _add_variety(root / "metrics" / "cultural" / "variety")


def _add_variety(folder: Path) -> None:
    folder.mkdir(parents=True)
    rows = []
    for recordings in (1, 2, 4, 8):
        for banks in ("one", "both"):
            for tested in ("heard_bank", "other_bank"):
                score = 0.2 + 0.1 * np.log2(recordings) - (0.15 if tested == "other_bank" and banks == "one" else 0)
                score -= 0.03 * (banks == "both")
                limits = (score - 0.04, score + 0.04)
                rows.append(("perceptron", recordings, banks, tested, score, *limits, score + 0.05, 1000, 250))
    pd.DataFrame(rows, columns=list(studies.VARIETY_COLUMNS)).to_csv(folder / studies.VARIETY, index=False)


def _show(root: Path) -> None:
    from tutti.reporting.comparison import comparison_table, read_results
    from tutti.reporting.page import write_page
    from tutti.reporting.tables import cross_tables, write_tables

    params = config.load(ROOT / "params.yaml")
    task = params.task("cultural")
    models = {name: task.models.get(name, task.models["han_cnn"]) for name in NINE}
    params = params.model_copy(update={"tasks": {"cultural": task.model_copy(update={"models": models})}})
    names = list(taxonomy.load().names)
    if not root.exists():
        make(root, NINE, names, 400, params)
        add_studies(root, NINE, ["agogo", "flute", "koto", "taiko", "tuba"])
    results = read_results(params, root / "metrics")
    table, across = comparison_table(results), cross_tables(params, results)
    table.to_csv(root / "metrics" / "comparison.csv", index=False)
    write_tables(across, root / "metrics" / "tables")
    write_page(root / "metrics" / "report.html", params, results, table, across, root / "data")


if __name__ == "__main__":
    _show(Path(sys.argv[1]))
