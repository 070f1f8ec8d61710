"""What the studies found, in sentences made from their numbers; silent where a number is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from tutti.reporting.words import number, readable, signed

_PERCENT_OF = 100


@dataclass(frozen=True)
class Levels:
    """A model's F1 where instruments enter and leave.

    Attributes:
        clips: ``micro_f1`` and ``macro_f1`` (0..1) of whole clips in which instruments enter and leave.
        beside: the same where all play all the time.
        windows: the same window by window, against the exact times; None where a model sees the clip at once.
    """

    clips: Mapping[str, float]
    beside: Mapping[str, float]
    windows: Mapping[str, float] | None


def leak(means: pd.DataFrame, everything: pd.DataFrame, n_instruments: int) -> list[str]:
    """Return how much of the scores is false.

    Args:
        means: one row a model, the best first: model, f1_leaked, f1_honest, difference and its limits, over the
            leaking instruments.
        everything: the same over all instruments; it may be empty.
        n_instruments: how many leak.
    """
    known = means.dropna(subset=["f1_leaked", "f1_honest", "difference"])
    if known.empty:
        return ["No model could be judged on the leaking instruments."]
    found = [_false_part(known.iloc[0], n_instruments)]
    whole = everything[(everything["model"] == known["model"].iloc[0]) & everything["difference"].notna()]
    if len(whole):
        row = whole.iloc[0]
        found[0] = found[0][:-1] + (
            f"; in the mean of all instruments the leak makes {number(row['f1_leaked'], 2)} out of "
            f"{number(row['f1_honest'], 2)}."
        )
    if len(known) > 1:
        ordered = known.sort_values("difference", kind="stable")
        least, most = ordered.iloc[0], ordered.iloc[-1]
        sure = int((known["difference_low"] > 0).sum())
        ends = [signed(row["difference"]) for row in (least, most)]
        spread = f"is {ends[0]} for all of them" if ends[0] == ends[1] else (
            f"goes from {ends[0]} ({readable(least['model'])}) to {ends[1]} ({readable(most['model'])})"
        )  # fmt: skip
        found.append(f"Over {len(known)} models the difference {spread}; its interval lies above zero for {sure}.")
    return found


def _false_part(row: "pd.Series[float]", n_instruments: int) -> str:
    name, limits = readable(str(row["model"])), f"{signed(row['difference_low'])} to {signed(row['difference_high'])}"
    leaked, honest = number(row["f1_leaked"], 2), number(row["f1_honest"], 2)
    where = f"the {n_instruments} leaking instruments" if n_instruments > 1 else "the leaking instrument"
    if row["difference_low"] > 0:
        return (
            f"Of the F1 of {leaked} that {name} reaches on {where}, {number(row['difference'], 2)} is false (interval "
            f"{limits}): on recordings that it was not trained on it reaches {honest}."
        )
    return (
        f"On {where} {name} reaches an F1 of {leaked} with recordings it was trained on and of {honest} with others; "
        f"the interval of the difference, {limits}, holds zero, so that no part of the score is shown to be false."
    ) if row["difference_high"] >= 0 else (
        f"On {where} {name} reaches an F1 of {leaked} with recordings it was trained on and of {honest} with others, "
        f"so that the leak did not help it (interval of the difference {limits})."
    )  # fmt: skip


def enter_leave(bins: pd.DataFrame, levels: Mapping[str, Levels]) -> list[str]:
    """Return what entering and leaving costs the best model.

    Args:
        bins: model (the best first), sounding (rising), recall (0..1 or NaN), support.
        levels: by model.
    """
    best = str(bins["model"].iloc[0])
    own = bins[(bins["model"] == best) & bins["recall"].notna()]
    found = []
    if len(own) > 1:
        short, long = own.iloc[0], own.iloc[-1]
        found.append(
            f"An instrument that sounds in {_share(short['sounding'])} of the clip is named by {readable(best)} in "
            f"{_PERCENT_OF * short['recall']:.0f}% of the cases, one that sounds in {_share(long['sounding'])} in "
            f"{_PERCENT_OF * long['recall']:.0f}%."
        )
    if best in levels:
        found.append(_level(best, levels[best]))
    return found or ["No model could be judged on these clips."]


def _level(model: str, levels: Levels) -> str:
    here, beside = (number(part["micro_f1"], 2) for part in (levels.clips, levels.beside))
    text = (
        f"The micro F1 of {readable(model)} is {here} on these clips and {beside} where all instruments play all the "
        "time; "
    )
    if levels.windows is None:
        return text + "it sees a clip as a whole and cannot say when an instrument plays."
    return text + (
        f"judged window by window, against the times at which each instrument really sounds, it is "
        f"{number(levels.windows['micro_f1'], 2)}."
    )


def variety(rows: pd.DataFrame) -> list[str]:
    """Return what more recordings and a second bank bring.

    Args:
        rows: model, recordings, banks, tested_on, macro_f1 and its limits.
    """
    known = rows.dropna(subset=["macro_f1"])
    found = []
    for model, own in known.groupby("model", sort=False):
        one = own[(own["banks"] == "one") & (own["tested_on"] == "heard_bank")].sort_values("recordings")
        if len(one) > 1:
            fewer, most = one.iloc[-2], one.iloc[-1]
            share = f"{_PERCENT_OF * fewer['macro_f1'] / most['macro_f1']:.0f}% of" if most["macro_f1"] else "beside"
            found.append(
                f"With {fewer['recordings']:.0f} {_recordings(fewer['recordings'])} of each instrument "
                f"{readable(str(model))} reaches a macro F1 of {number(fewer['macro_f1'], 2)} on the bank it heard, "
                f"{share} the {number(most['macro_f1'], 2)} that {most['recordings']:.0f} give; with "
                f"{one.iloc[0]['recordings']:.0f} it is {number(one.iloc[0]['macro_f1'], 2)}."
            )
        found += _second_bank(str(model), own[own["tested_on"] == "other_bank"])
    return found or ["No condition of this study could be judged."]


def _second_bank(model: str, rows: pd.DataFrame) -> list[str]:
    sides = {str(banks): part.set_index("recordings") for banks, part in rows.groupby("banks")}
    if not {"one", "both"} <= set(sides):
        return []
    shared = sorted(set(sides["one"].index) & set(sides["both"].index))
    if not shared:
        return []
    one, both = (sides[name].loc[shared[-1]] for name in ("one", "both"))
    gain, sure = both["macro_f1"] - one["macro_f1"], both["macro_f1_low"] > one["macro_f1_high"]
    verb = "lifts" if gain > 0 else "does not lift"
    clearly = "clearly " if sure else ""
    return [
        f"At {shared[-1]:.0f} {_recordings(shared[-1])} of each instrument, training on both banks {clearly}{verb} the "
        f"macro F1 of {readable(model)} on the other bank: it is {number(one['macro_f1'], 2)} with one bank and "
        f"{number(both['macro_f1'], 2)} with both."
    ]


def _recordings(count: float) -> str:
    return "recording" if count == 1 else "recordings"


def _share(bin_name: str) -> str:
    """Return a bin such as ``0.2-0.4`` as ``20% to 40%``; anything else as it is."""
    try:
        return " to ".join(f"{_PERCENT_OF * float(end):.0f}%" for end in str(bin_name).split("-"))
    except ValueError:
        return str(bin_name)
