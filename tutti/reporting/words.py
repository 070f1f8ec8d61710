"""Names and numbers as people read them."""

import math
from collections.abc import Sequence

from tutti import taxonomy
from tutti.errors import UnknownNameError

SPLIT_NAMES = {
    "unseen_recording": "unseen recordings",
    "unseen_bank": "unseen sound bank",
    "validation": "validation",
}
POLICY_NAMES = {
    "fixed": "fixed",
    "validated_global": "validated for all",
    "validated_per_class": "validated per instrument",
}
_TITLES = {
    "han_relu": "Han's ReLU CNN",
    "bi_lstm": "bi-LSTM",
    "c_lstm_mfcc": "C-LSTM on MFCC",
    "c_gru_mfcc": "C-GRU on MFCC",
    "c_lstm_log_mel": "C-LSTM on log-mel",
    "c_gru_log_mel": "C-GRU on log-mel",
}
_SPELLED = {
    "cnn": "CNN", "crnn": "CRNN", "lstm": "LSTM", "gru": "GRU", "relu": "ReLU", "mfcc": "MFCC", "vggish": "VGGish",
    "han": "Han's", "f1": "F1", "map": "mAP", "emr": "EMR", "iou": "IoU", "xgboost": "XGBoost", "svm": "SVM",
}  # fmt: skip


def readable(name: str) -> str:
    """Return an identifier as words: ``han_cnn`` is ``Han's CNN``, ``pan_flute`` is ``pan flute``."""
    if name in _TITLES:
        return _TITLES[name]
    return " ".join(_SPELLED.get(part, part) for part in name.replace("-", "_").split("_"))


def sentence_case(text: str) -> str:
    """Return a text with its first letter in upper case and the rest as it is."""
    return text[:1].upper() + text[1:]


def split_name(split: str) -> str:
    """Return the name of a split as words."""
    return SPLIT_NAMES.get(split, readable(split))


def of_split(split: str) -> str:
    """Return a split as words after "of" or "on": ``an unseen sound bank``."""
    return "an unseen sound bank" if split == "unseen_bank" else split_name(split)


def policy_name(policy: str) -> str:
    """Return the name of a threshold policy as words."""
    return POLICY_NAMES.get(policy, readable(policy))


def number(value: float, digits: int = 3) -> str:
    """Return a score as text; what does not exist is ``n/a``, never 0."""
    return "n/a" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def percent(share: float) -> str:
    """Return a share of 0..1 as a whole number of percent; ``n/a`` where there is none."""
    return "n/a" if share is None or math.isnan(share) else f"{100 * share:.0f}%"


def signed(value: float, digits: int = 2) -> str:
    """Return a difference with its sign; ``n/a`` where there is none."""
    return "n/a" if math.isnan(value) else f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters, with an ellipsis where it was cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def listed(items: Sequence[str]) -> str:
    """Return items as ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def of(count: float, thing: str) -> str:
    """Return a count of things: ``1 clip``, ``2,874 clips``."""
    return f"{int(count):,} {thing}{'' if count == 1 else 's'}"


def quoted(text: str) -> str:
    """Return a text in quotation marks."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{text}\N{RIGHT DOUBLE QUOTATION MARK}"


def instrument_title(name: str) -> str:
    """Return an instrument's title in the taxonomy; its name as words where the taxonomy lacks it."""
    try:
        return taxonomy.load().get(name).title
    except UnknownNameError:
        return sentence_case(readable(name))
