"""The figures of the report and of MLflow, each from one table that ``evaluate`` wrote.

All are narrow (4.2 inches), so that their text stays legible on a telephone; colours are those of ``style``.
"""

import librosa
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tutti.audio import Samples
from tutti.reporting import style
from tutti.reporting.words import instrument_title, readable, sentence_case, shortened, split_name

_WIDTH_IN = 4.2
_ROW_IN = 0.2
_LONGEST = 18  # characters of a name: two must leave room for bars
_N_FFT, _HOP, _N_MELS = 1024, 256, 128
_HZ_TICKS = (500, 1000, 2000, 4000, 8000)
_RANGE_DB = 70.0


def per_class_f1(per_class: pd.DataFrame) -> Figure:
    """Draw the F1 of every instrument: a bar for the first split of the table, a ring for the second.

    Args:
        per_class: rows of one threshold policy; columns split, instrument, hornbostel_sachs (it colours the bar), f1
            (0..1, NaN where an instrument cannot be judged: left out).
    """
    splits = list(dict.fromkeys(per_class["split"]))
    scores = per_class.pivot(index="instrument", columns="split", values="f1")[splits].dropna(subset=splits[:1])
    scores = scores.sort_values(splits[0], kind="stable")
    groups = dict(zip(per_class["instrument"], per_class["hornbostel_sachs"], strict=True))
    figure, axes = style.new_axes(_WIDTH_IN, 1.2 + _ROW_IN * max(len(scores), 3))
    rows = np.arange(len(scores))
    names = [str(name) for name in scores.index]
    _grouped_bars(axes, rows, scores[splits[0]].to_numpy(float), [str(groups[name]) for name in names])
    for split in splits[1:2]:
        axes.plot(
            scores[split],
            rows,
            "o",
            ms=4,
            mfc=style.PAPER,
            mec=style.INK,
            mew=1.1,
            label=split_name(split),
            clip_on=False,
            zorder=4,
        )
    axes.set_yticks(rows, [_label(name) for name in names])
    axes.set_ylim(-0.7, max(len(scores), 1) - 0.3)
    axes.set_xlim(0, 1)
    style.finish(axes, grid="x", x=f"F1 per instrument (bars: {split_name(splits[0])})")
    style.legend(figure, axes)
    return style.settled(figure)


def threshold_curve(curve: pd.DataFrame, validated: float | None = None) -> Figure:
    """Draw precision, recall and F1 against the threshold.

    Args:
        curve: columns threshold, micro_precision, micro_recall, micro_f1, macro_f1 (0..1) of one split.
        validated: the threshold that validation clips chose, marked by a line.
    """
    figure, axes = style.new_axes(_WIDTH_IN, 2.9)
    lines = {
        "micro_precision": ("precision", style.SECOND, "--"),
        "micro_recall": ("recall", style.THIRD, "-."),
        "micro_f1": ("F1, all decisions", style.ACCENT, "-"),
        "macro_f1": ("F1, mean of instruments", style.INK, "-"),
    }
    for column, (label, colour, dashes) in lines.items():
        width = 2.0 if column.endswith("f1") else 1.3
        axes.plot(curve["threshold"], curve[column], dashes, color=colour, linewidth=width, label=label)
    if validated is not None:
        axes.axvline(validated, color=style.MUTED, linewidth=1, linestyle=":")
        right = validated < 0.6
        style.note(
            axes,
            validated + (0.015 if right else -0.015),
            1.02,
            f"validated: {validated:.2f}",
            align="left" if right else "right",
            colour=style.MUTED,
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.06)
    style.finish(axes, grid="both", x="threshold on the score", y="share (0 to 1)")
    style.legend(figure, axes)
    return style.settled(figure)


def polyphony(per_polyphony: pd.DataFrame) -> Figure:
    """Draw F1 against the number of instruments in a clip, one line a split.

    Args:
        per_polyphony: columns split, polyphony, micro_f1 (0..1), n_clips.
    """
    figure, axes = style.new_axes(_WIDTH_IN, 2.6)
    top = per_polyphony.groupby("polyphony")["micro_f1"].max()
    for colour, (split, rows) in zip(style.SERIES, per_polyphony.groupby("split", sort=False), strict=False):
        rows = rows.dropna(subset=["micro_f1"])
        name = split_name(str(split))
        axes.plot(rows["polyphony"], rows["micro_f1"], "o-", color=colour, linewidth=2, ms=5, label=name)
        for x, y in zip(rows["polyphony"], rows["micro_f1"], strict=True):
            axes.annotate(
                f"{y:.2f}",
                (x, y),
                (0, 7 if y >= top[x] else -14),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=colour,
                fontfamily="DejaVu Sans",
            )
    counts = sorted(set(per_polyphony["polyphony"]))
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.margins(x=0.08)
    axes.set_ylim(0, 1.06)
    style.finish(axes, grid="y", x="instruments in the clip", y="F1, all decisions")
    style.legend(figure, axes)
    return style.settled(figure)


def confusion(pairs: pd.DataFrame, most: int = 15) -> Figure:
    """Draw the pairs that are most often mistaken: an instrument sounds and is missed, another one is named instead.

    Args:
        pairs: columns reference, predicted, count; the diagonal is ignored.
        most: pairs to show.
    """
    wrong = pairs[(pairs["reference"] != pairs["predicted"]) & (pairs["count"] > 0)]
    wrong = wrong.sort_values(["count", "reference", "predicted"], ascending=[False, True, True]).head(most)[::-1]
    figure, axes = style.new_axes(_WIDTH_IN, 0.7 + _ROW_IN * max(len(wrong), 3))
    rows, counts = np.arange(len(wrong)), wrong["count"].to_numpy(float)
    axes.barh(rows, counts, color=style.ACCENT, height=0.7)
    axes.set_yticks(
        rows,
        [
            f"{_label(a)} \N{RIGHTWARDS ARROW} {_label(b)}"
            for a, b in zip(wrong["reference"], wrong["predicted"], strict=True)
        ],
    )
    longest = counts.max(initial=1.0)
    for row, count in zip(rows.tolist(), counts.tolist(), strict=True):
        style.note(axes, count + longest * 0.015, row, f"{count:g}")
    axes.set_xlim(0, longest * 1.12)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    style.finish(axes, grid="x", x="clips")
    return style.settled(figure)


def comparison(rows: pd.DataFrame, metric: str = "macro_f1") -> Figure:
    """Draw one metric of all models with its intervals, one bar a model and split.

    Args:
        rows: columns model, split, ``<metric>``, ``<metric>_low``, ``<metric>_high`` (0..1), one policy only.
        metric: the column to draw.
    """
    models, splits = list(dict.fromkeys(rows["model"])), list(dict.fromkeys(rows["split"]))
    height = 0.8 / max(len(splits), 1)
    figure, axes = style.new_axes(_WIDTH_IN, 1.0 + 0.27 * len(rows))
    for index, split in enumerate(splits):
        part = rows[rows["split"] == split].set_index("model").reindex(models)
        places = np.arange(len(models)) + (index - (len(splits) - 1) / 2) * height
        values = part[metric].to_numpy(float)
        axes.barh(places, values, height * 0.88, color=style.SERIES[index % len(style.SERIES)], label=split_name(split))
        high = _whiskers(axes, places, values, part, metric)
        for place, value, end in zip(places, values, high, strict=True):
            style.note(axes, end + 0.015, place, "n/a" if np.isnan(value) else f"{value:.2f}")
    axes.set_yticks(np.arange(len(models)), [shortened(sentence_case(readable(model)), _LONGEST) for model in models])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08)
    axes.set_xticks(np.arange(0, 1.01, 0.2))
    style.finish(axes, grid="x", x=f"{readable(metric)} with its interval")
    style.legend(figure, axes)
    return style.settled(figure)


def spectrogram(samples: Samples, sample_rate_hz: int) -> Figure:
    """Draw the log-mel spectrogram of a clip, with axes in seconds and Hz.

    Args:
        samples: ``(n,)`` mono.
        sample_rate_hz: samples per second.
    """
    top_hz = min(sample_rate_hz / 2, 11025.0)
    level_db = _log_mel_db(samples, sample_rate_hz, top_hz)
    figure, axes = style.new_axes(_WIDTH_IN, 1.9)
    axes.imshow(
        level_db,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-_RANGE_DB,
        vmax=0,
        extent=(0, len(samples) / sample_rate_hz, 0, _N_MELS),
        interpolation="nearest",
    )
    edges_hz = librosa.mel_frequencies(n_mels=_N_MELS + 2, fmin=0, fmax=top_hz)[1:-1]
    ticks = [hz for hz in _HZ_TICKS if hz < top_hz]
    axes.set_yticks(np.interp(ticks, edges_hz, np.arange(_N_MELS) + 0.5), [f"{hz:g}" for hz in ticks])
    style.finish(axes, grid="x", x="seconds", y="Hz")
    axes.grid(visible=False)
    return style.settled(figure)


def _label(instrument: str) -> str:
    return shortened(instrument_title(instrument), _LONGEST)


def _grouped_bars(axes: Axes, rows: np.ndarray, values: np.ndarray, groups: list[str]) -> None:
    for group in sorted(set(groups)):
        own = np.array([name == group for name in groups])
        colour = style.CLASS_COLOURS.get(group, style.OTHER_COLOUR)
        axes.barh(rows[own], values[own], 0.7, color=colour, label=readable(group) + "s")


def _whiskers(axes: Axes, places: np.ndarray, values: np.ndarray, part: pd.DataFrame, metric: str) -> np.ndarray:
    """Draw intervals and return where each bar, whisker included, ends."""
    low, high = part[f"{metric}_low"].to_numpy(float), part[f"{metric}_high"].to_numpy(float)
    known = np.isfinite(low) & np.isfinite(high)
    axes.hlines(places[known], low[known], high[known], color=style.INK, linewidth=1.3)
    return np.asarray(np.nan_to_num(np.fmax(values, high)))


def _log_mel_db(samples: Samples, sample_rate_hz: int, top_hz: float) -> np.ndarray:
    """Return the mel spectrogram in dB below its loudest place, ``(mel, time)``."""
    short = max(0, _N_FFT - len(samples))
    power = librosa.feature.melspectrogram(
        y=np.pad(samples, (0, short)), sr=sample_rate_hz, n_fft=_N_FFT, hop_length=_HOP, n_mels=_N_MELS, fmax=top_hz
    )
    return np.asarray(librosa.power_to_db(power, ref=max(float(power.max()), 1e-10), top_db=_RANGE_DB))
