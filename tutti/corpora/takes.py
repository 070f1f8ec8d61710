"""Which recordings the conditions of the study of variety train on, and which are kept to test them.

The first two banks that the split names take part. Within each, recordings are split as for the models, so that what
tests a condition is heard in none. From the training recordings of an instrument, ranked by a hash of their name, each
condition takes the first ones: those of a smaller condition are among those of a larger one. With both banks, half of
them come from each.

All conditions must have the same instruments to be compared. Those with too few recordings are left out; conditions for
which more than half of the instruments have too few are left out instead. Both are listed with the reason.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tutti.config import TRAIN, UNSEEN_RECORDING, VALIDATION, SplitConfig
from tutti.corpora.recording import Recording
from tutti.corpora.splitting import Split, check_leaks, split
from tutti.seeding import child

Banks = Literal["one", "both"]
Takes = Mapping[str, Mapping[str, tuple[str, ...]]]  # side, then instrument, to ids of recordings

_SIDES = (TRAIN, VALIDATION, UNSEEN_RECORDING)


@dataclass(frozen=True)
class Condition:
    """One training set.

    Attributes:
        recordings: training recordings an instrument.
        banks: ``one`` (the first bank) or ``both``.
        train: ids of the recordings, sorted.
    """

    recordings: int
    banks: Banks
    train: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The whole study.

    Attributes:
        banks: one or two names.
        instruments: what all conditions know, sorted.
        conditions: in the order one bank, both banks; within each by the number of recordings.
        takes: by bank, then side and instrument.
        left_out: what is not done and why.
    """

    banks: tuple[str, ...]
    instruments: tuple[str, ...]
    conditions: tuple[Condition, ...]
    takes: Mapping[str, Takes]
    left_out: tuple[Mapping[str, object], ...]

    def recordings(self, bank: str, side: str) -> tuple[str, ...]:
        """Return the ids of a bank's recordings on a side, of the study's instruments only, sorted."""
        return tuple(sorted(name for each in self.instruments for name in self.takes[bank][side][each]))


def plan_study(recordings: Sequence[Recording], config: SplitConfig, counts: Sequence[int], seed: int) -> Plan:
    """Plan the study of variety.

    Args:
        recordings: the index.
        config: banks and fractions of the task's split.
        counts: training recordings an instrument, rising.
        seed: ranks recordings; the same as that of the task's split gives the same sides.

    Raises:
        DataError: when a bank is not in the index.
        LeakError: when one sound or one group would serve two sides.
    """
    banks = (*config.training_banks, *config.unseen_banks)[:2]
    takes = _takes(recordings, banks, config, seed)
    complete = [{name for name in takes[bank][TRAIN] if _evaluable(takes[bank], name)} for bank in banks]
    left_out: list[Mapping[str, object]] = []
    if len(banks) == 2 and 2 * len(complete[0] & complete[1]) < len(complete[0]):
        left_out.append({"bank": banks[1], "reason": f"it lacks most of the instruments of {banks[0]}"})
        banks, complete = banks[:1], complete[:1]
    known = sorted(set.intersection(*complete))
    fewest = {name: min(len(takes[bank][TRAIN][name]) for bank in banks) for name in known}
    possible = [count for count in counts if 2 * sum(held >= count for held in fewest.values()) >= max(1, len(known))]
    largest = max(possible, default=0)
    instruments = tuple(name for name in known if fewest[name] >= largest > 0)
    everything = sorted({each.instrument for each in recordings if each.bank == banks[0]} - set(instruments))
    left_out += [_without(name, fewest.get(name), largest) for name in everything]
    conditions: list[Condition] = []
    for kind in ("one", "both"):
        for count in counts:
            reason = _impossible(count, kind, largest, banks)
            if reason:
                left_out.append({"recordings": count, "banks": kind, "reason": reason})
            else:
                conditions.append(_condition(count, kind, banks, instruments, takes))
    return Plan(banks, instruments, tuple(conditions), takes, tuple(left_out))


def _takes(recordings: Iterable[Recording], banks: Sequence[str], config: SplitConfig, seed: int) -> dict[str, Takes]:
    known = tuple(recordings)
    found: dict[str, Takes] = {}
    parts: list[Split] = []
    for bank in banks:
        part = split(known, config.model_copy(update={"training_banks": (bank,), "unseen_banks": ()}), seed)
        own: dict[str, dict[str, list[str]]] = {side: defaultdict(list) for side in _SIDES}
        for each in sorted(part.recordings, key=lambda each: (child(seed, "variety", each.recording), each.recording)):
            own[part.sides[each.recording]][each.instrument].append(each.recording)
        found[bank] = {side: {name: tuple(ids) for name, ids in held.items()} for side, held in own.items()}
        parts.append(part)
    merged = {name: side for part in parts for name, side in part.sides.items()}
    check_leaks(Split(tuple(each for part in parts for each in part.recordings), merged))
    return found


def _evaluable(takes: Takes, instrument: str) -> bool:
    return all(takes[side].get(instrument) for side in _SIDES)


def _impossible(count: int, kind: str, largest: int, banks: Sequence[str]) -> str:
    """Return why a condition cannot be; nothing when it can."""
    if count > largest:
        return f"most instruments have fewer than {count} training recordings in a bank"
    if kind == "both" and len(banks) < 2:
        return "there is one bank only"
    if kind == "both" and count % 2:
        return f"{count} cannot come half from each of two banks"
    return ""


def _condition(
    count: int, kind: str, banks: Sequence[str], instruments: Sequence[str], takes: Mapping[str, Takes]
) -> Condition:
    chosen = banks[:1] if kind == "one" else banks
    each = count // len(chosen)
    train = [name for bank in chosen for instrument in instruments for name in takes[bank][TRAIN][instrument][:each]]
    return Condition(count, "one" if kind == "one" else "both", tuple(sorted(train)))


def _without(instrument: str, held: int | None, wanted: int) -> dict[str, object]:
    if held is None:
        return {"instrument": instrument, "reason": "it lacks recordings to train, validate and test with in each bank"}
    return {"instrument": instrument, "reason": f"it has {held} training recordings in a bank, fewer than {wanted}"}
