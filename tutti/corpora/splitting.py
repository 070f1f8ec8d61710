"""The split: which recordings train, validate and test, decided before anything is cut or mixed.

Recordings of the training banks are split group by group within each instrument; those of an unseen bank are all kept
for the test, as are those of a bank that the corpus itself gives as the test. Groups are ranked by a hash of their
name, so that a recording that is added moves few others.

An instrument with fewer than three groups in the training banks (two where the corpus gives the test) cannot be
trained, validated and tested. It is no class of the task: none of its recordings has a side, so none is mixed, and no
score of 0 or 1 is made up for it. A recording of several instruments is kept where one of them is a class.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tutti import registry, store
from tutti.config import TEST_SETS, TRAIN, UNSEEN_BANK, UNSEEN_RECORDING, VALIDATION, SplitConfig
from tutti.corpora.index import SKIPPED_FILE, write_skipped
from tutti.corpora.recording import Recording, Skipped
from tutti.errors import DataError, LeakError
from tutti.seeding import child

SPLIT_FILE, NOT_EVALUABLE_FILE = "split.parquet", "not_evaluable.json"
SIDES = (TRAIN, VALIDATION, *TEST_SETS)
COLUMNS = ("recording", "instrument", "bank", "group", "audio_sha256", "side")
FEWEST_GROUPS = 3  # one each for training, validation and test


def fewest_groups(config: SplitConfig) -> int:
    """Return how many groups an instrument needs in the training banks: one fewer where the corpus gives the test."""
    return FEWEST_GROUPS - bool(config.test_banks)


@dataclass(frozen=True, slots=True)
class Split:
    """The side of every recording.

    Attributes:
        recordings: those of the banks that the split names, of instruments with enough groups, sorted by id.
        sides: side by recording id.
        left_out: recordings of the same banks whose instrument has too few groups, sorted by id.
    """

    recordings: tuple[Recording, ...]
    sides: Mapping[str, str]
    left_out: tuple[Recording, ...] = ()


def split(recordings: Iterable[Recording], config: SplitConfig, seed: int) -> Split:
    """Assign every recording of the named banks to a side, or leave its instrument out.

    Args:
        recordings: the index.
        config: banks and fractions.
        seed: any integer; another one ranks the groups differently.

    Raises:
        DataError: when a named bank is not in the index, or no instrument has enough groups.
        LeakError: when one sound or one group serves two sides.
    """
    known = sorted(recordings, key=lambda each: each.recording)
    _check_banks(config, {each.bank for each in known})
    named = [each for each in known if each.bank in config.banks]
    trained = [each for each in named if each.bank in config.training_banks]
    judged = _with_enough_groups(trained, fewest_groups(config))
    kept = tuple(each for each in named if judged & set(each.instruments))
    sides = {each.recording: UNSEEN_BANK for each in kept if each.bank in config.unseen_banks}
    sides |= {each.recording: UNSEEN_RECORDING for each in kept if each.bank in config.test_banks}
    sides |= _sides_of_trained([each for each in trained if judged & set(each.instruments)], judged, config, seed)
    result = Split(kept, sides, tuple(each for each in named if not judged & set(each.instruments)))
    check_leaks(result)
    return result


def check_leaks(result: Split) -> None:
    """Refuse a split in which one sound (by content) or one group stands on two sides.

    Raises:
        LeakError: naming both recordings.
    """
    for what, key in (("sound", "audio_sha256"), ("group", "group")):
        first: dict[str, Recording] = {}
        for each in result.recordings:
            other = first.setdefault(getattr(each, key), each)
            side, other_side = result.sides[each.recording], result.sides[other.recording]
            if side != other_side:
                raise LeakError(
                    f"recordings {other.recording} ({other_side}) and {each.recording} ({side}) have the same {what}: "
                    f"remove one of them, or give both one group within one bank"
                )


def not_evaluable(result: Split, config: SplitConfig, skipped: Iterable[Skipped] = ()) -> list[dict[str, object]]:
    """List, by instrument, the sides that lack recordings and why; sorted by instrument.

    Args:
        result: the split.
        config: what it was made from.
        skipped: what was left out of the index; an instrument without any other recording is listed, too.

    Returns:
        items with ``instrument``, ``missing_sides``, ``recordings`` and ``groups`` (of the training banks),
        ``skipped`` (files), ``left_out`` (whether it is no class of the task) and ``reason``.
    """
    bad = Counter(each.instrument for each in skipped if each.instrument)
    every = sorted({name for each in (*result.recordings, *result.left_out) for name in each.instruments} | set(bad))
    sides = (TRAIN, VALIDATION, UNSEEN_RECORDING, *([UNSEEN_BANK] if config.unseen_banks else []))
    training = [each for each in (*result.recordings, *result.left_out) if each.bank in config.training_banks]
    found = []
    for instrument in every:
        held = [each for each in training if instrument in each.instruments]
        used = {result.sides[each.recording] for each in result.recordings if instrument in each.instruments}
        if not used & {TRAIN, VALIDATION}:
            used = set()  # it stands in clips of the test only because of what else sounds there
        missing = [side for side in sides if side not in used]
        if missing:
            needed = fewest_groups(config) if not used else 0
            found.append(_explained(instrument, missing, held, bad[instrument], needed, bool(config.test_banks)))
    return found


def write_split(result: Split, config: SplitConfig, skipped: Iterable[Skipped], out: Path) -> None:
    """Write the split and the lists of what cannot be evaluated, or used, into a folder, which appears whole."""
    skipped = list(skipped)
    rows = [tuple(getattr(each, column) for column in COLUMNS[:-1]) for each in result.recordings]
    table = pd.DataFrame(rows, columns=list(COLUMNS[:-1]), dtype="str")
    table["side"] = pd.Series([result.sides[each.recording] for each in result.recordings], dtype="str")
    with store.whole(out) as partial:
        partial.mkdir()
        table.to_parquet(partial / SPLIT_FILE, index=False)
        store.write_json(partial / NOT_EVALUABLE_FILE, not_evaluable(result, config, skipped))
        write_skipped(partial / SKIPPED_FILE, skipped)


def _check_banks(config: SplitConfig, known: Collection[str]) -> None:
    if not known:
        raise DataError(
            "the index of the task's corpus holds no recording: put recordings under corpora.*.root, one folder an "
            "instrument, or choose another corpus"
        )
    for key in ("training_banks", "test_banks", "unseen_banks"):
        for bank in getattr(config, key):
            if bank not in known:
                raise DataError(f"bank {bank!r} of split.{key} is not in the index: {registry.choose(bank, known)}")


def _with_enough_groups(recordings: Iterable[Recording], fewest: int) -> frozenset[str]:
    """Return the instruments that have a group for each of training, validation and, if it is split off, test."""
    groups: dict[str, set[str]] = defaultdict(set)
    for each in recordings:
        for name in each.instruments:
            groups[name].add(each.group)
    enough = frozenset(name for name, found in groups.items() if len(found) >= fewest)
    if not enough:
        most = max(groups, key=lambda name: len(groups[name]))
        purposes = "training, validation and test" if fewest > 2 else "training and validation"
        raise DataError(
            f"no instrument has {fewest} groups of recordings, one each for {purposes}: "
            f"{most} has most, {len(groups[most])}; record more, or let corpora.*.group_pattern make smaller groups"
        )
    return enough


def _sides_of_trained(
    recordings: Sequence[Recording], judged: Collection[str], config: SplitConfig, seed: int
) -> dict[str, str]:
    """Return the side of each recording of the training banks; a group that is assigned once stays there."""
    by_instrument: dict[str, dict[str, int]] = defaultdict(Counter)  # instrument to group to recordings
    for each in recordings:
        for name in each.instruments:
            if name in judged:
                by_instrument[name][each.group] += 1
    side_of_group: dict[str, str] = {}
    for instrument in sorted(by_instrument, key=lambda name: (len(by_instrument[name]), name)):
        _assign(by_instrument[instrument], side_of_group, config, seed)
    return {each.recording: side_of_group[each.group] for each in recordings}


def _assign(sizes: Mapping[str, int], side_of_group: dict[str, str], config: SplitConfig, seed: int) -> None:
    """Give each group of one instrument a side: test first, then validation, the rest trains."""
    free = sorted((group for group in sizes if group not in side_of_group), key=lambda group: child(seed, group))
    shares = ((UNSEEN_RECORDING, config.test_fraction), (VALIDATION, config.validation_fraction))
    if len(sizes) >= fewest_groups(config):
        total = sum(sizes.values())
        for side, fraction in shares[1:] if config.test_banks else shares:
            filled = sum(size for group, size in sizes.items() if side_of_group.get(group) == side)
            wanted = max(1, round(fraction * total))
            reserve = 1 if side == VALIDATION else 2  # groups for the sides that are filled after this one
            while filled < wanted and len(free) > reserve:
                group = free.pop(0)
                side_of_group[group] = side
                filled += sizes[group]
    side_of_group.update(dict.fromkeys(free, TRAIN))


def _explained(
    instrument: str, missing: Sequence[str], held: Sequence[Recording], n_skipped: int, needed: int, given_test: bool
) -> dict[str, object]:
    """Return why an instrument cannot be judged; ``needed`` groups are what it lacks to be a class, 0 where it is."""
    reasons, left_out = [], needed > 0
    elsewhere = {UNSEEN_BANK, UNSEEN_RECORDING} if given_test else {UNSEEN_BANK}  # sides from other banks
    groups = len({each.group for each in held})
    if left_out:
        alike = f" in {groups} groups" if groups != len(held) else ""
        reasons.append(f"{len(held)} recordings{alike} in the training banks, {needed} groups are needed")
    elif set(missing) - elsewhere:
        reasons.append("its groups stand on other sides together with other instruments")
    if not left_out and UNSEEN_RECORDING in missing and given_test:
        reasons.append("no recordings in the test banks")
    if not left_out and UNSEEN_BANK in missing:
        reasons.append("no recordings in the unseen banks")
    if left_out and n_skipped:
        reasons.append(f"{n_skipped} files could not be used")
    return {
        "instrument": instrument,
        "missing_sides": list(missing),
        "recordings": len(held),
        "groups": groups,
        "skipped": n_skipped,
        "left_out": left_out,
        "reason": "; ".join(reasons),
    }
