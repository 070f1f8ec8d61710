"""The index of a corpus: one table of recordings with content hashes, one of events, one of what was left out."""

import csv
import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tutti import store
from tutti.audio import Audio, is_silent, read_audio, to_mono
from tutti.config import AdapterConfig
from tutti.corpora.recording import Entry, Event, Recording, Skipped
from tutti.errors import DataError
from tutti.parallel import parallel_map

RECORDINGS_FILE, EVENTS_FILE, SKIPPED_FILE = "recordings.parquet", "events.parquet", "skipped.csv"
_COUNT_TYPES = {"sample_rate_hz": "int64", "channels": "int64", "velocity": "int64"}
_SECONDS_TYPES = {"duration_s": "float64", "onset_s": "float64", "offset_s": "float64", "pitch_midi": "float64"}
_LIST_TYPES = {"instruments": "object"}
_log = logging.getLogger("tutti")
_LATE_S = 0.01  # by which an event may end after its recording: labels are rounded


@dataclass(frozen=True, slots=True)
class Finding:
    """What reading a file gave: its hashes and sizes, or what is wrong with it."""

    problem: str = ""
    audio_sha256: str = ""
    file_sha256: str = ""
    sample_rate_hz: int = 0
    channels: int = 0
    duration_s: float = 0.0


def build_index(
    entries: Iterable[Entry], root: Path, config: AdapterConfig
) -> tuple[list[Recording], list[Event], list[Skipped]]:
    """Read every file once and return recordings and events, each sorted by recording, and what was left out.

    Args:
        entries: what an adapter found.
        root: folder to which the paths of the entries are relative.
        config: says what cannot be used, and whether that is left out or stops the index.

    Raises:
        DataError: when an id stands twice or an event lies beyond its recording; and, unless the corpus skips bad
            files, when there is no recording, or one is missing, unreadable, empty, silent, too short, not finite, or
            a copy of another one where copies are refused.
    """
    found = sorted(entries, key=lambda entry: entry.recording)
    _check_ids(found, root, config)
    unread = [None if entry.problem else root / entry.path for entry in found]
    findings = parallel_map(inspect, [path for path in unread if path], "reading recordings")
    read = iter(findings)
    everything = [next(read) if path else Finding(entry.problem) for entry, path in zip(found, unread, strict=True)]
    everything = [_long_enough(finding, config.shortest_seconds) for finding in everything]
    if config.refuses_copies:
        everything = _without_copies(found, everything)
    skipped = _skipped(found, everything, config, root)
    pairs = [pair for pair in zip(found, everything, strict=True) if not pair[1].problem]
    recordings = [_recording(entry, finding) for entry, finding in pairs]
    for (entry, _), recording in zip(pairs, recordings, strict=True):
        _check_events(entry, recording)
    return recordings, [event for entry, _ in pairs for event in entry.events], skipped


def inspect(path: Path) -> Finding:
    """Decode a file and return its hashes and sizes; what is wrong with it is returned, not raised."""
    try:
        audio = read_audio(path)
    except DataError as error:
        return Finding(problem=str(error))
    if is_silent(to_mono(audio.samples)):
        return Finding(problem=f"{path} is silent: remove it from the corpus or record it again")
    return Finding(
        audio_sha256=audio_digest(audio),
        file_sha256=store.file_digest(path),
        sample_rate_hz=audio.sample_rate_hz,
        channels=audio.channels,
        duration_s=audio.duration_s,
    )


def audio_digest(audio: Audio) -> str:
    """Return the SHA-256 of channels, sample rate and 16-bit samples."""
    digest = hashlib.sha256(f"{audio.channels},{audio.sample_rate_hz};".encode())
    digest.update(np.clip(np.rint(audio.samples * 32768.0), -32768, 32767).astype("<i2").tobytes())
    return digest.hexdigest()


def write_index(
    recordings: Sequence[Recording], events: Sequence[Event], skipped: Sequence[Skipped], out: Path
) -> None:
    """Write the three tables into a folder, which appears whole."""
    with store.whole(out) as partial:
        partial.mkdir()
        _table(Recording, recordings).to_parquet(partial / RECORDINGS_FILE, index=False)
        _table(Event, events).to_parquet(partial / EVENTS_FILE, index=False)
        write_skipped(partial / SKIPPED_FILE, skipped)


def write_skipped(path: Path, skipped: Iterable[Skipped]) -> None:
    """Write what was left out of an index as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Skipped))
        writer.writerows(astuple(each) for each in skipped)


def read_recordings(index: Path) -> list[Recording]:
    """Return the recordings of an index, sorted by id (DataError when it is missing or damaged)."""
    rows = _read(index / RECORDINGS_FILE, Recording)
    return [Recording(**row | {"instruments": tuple(row["instruments"])}) for row in rows]


def read_events(index: Path) -> list[Event]:
    """Return the events of an index, sorted by recording and onset (DataError when it is missing or damaged)."""
    return [Event(**row) for row in _read(index / EVENTS_FILE, Event)]


def read_skipped(index: Path) -> list[Skipped]:
    """Return what was left out of an index, sorted by path (DataError when the list is missing or damaged)."""
    path = index / SKIPPED_FILE
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [Skipped(**row) for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise DataError(f"{path} is missing: run `dvc repro index` to make it") from None
    except (OSError, UnicodeDecodeError, TypeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read ({error}): remove it and run `dvc repro index`") from None


def _read(path: Path, row_type: type) -> list[dict[str, Any]]:
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: run `dvc repro index` to make it") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): remove it and run `dvc repro index`") from None
    columns = [field.name for field in fields(row_type)]
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]}: remove it and run `dvc repro index`")
    return [dict(zip(columns, row, strict=True)) for row in table[columns].itertuples(index=False, name=None)]


def _table(row_type: type, rows: Sequence[Any]) -> pd.DataFrame:
    columns = [field.name for field in fields(row_type)]
    table = pd.DataFrame([astuple(row) for row in rows], columns=columns)
    types = {**{name: "str" for name in columns}, **_COUNT_TYPES, **_SECONDS_TYPES, **_LIST_TYPES}
    return table.astype({name: types[name] for name in columns})


def _recording(entry: Entry, finding: Finding) -> Recording:
    found = {key: value for key, value in asdict(finding).items() if key != "problem"}
    return Recording(
        recording=entry.recording,
        path=entry.path,
        instrument=entry.instrument,
        instruments=entry.instruments,
        bank=entry.bank,
        group=entry.group,
        licence=entry.licence,
        **found,
    )


def _check_ids(entries: Sequence[Entry], root: Path, config: AdapterConfig) -> None:
    if not entries and not config.skips_bad_files:
        raise DataError(f"no recordings were found under {root}: fill it, one folder an instrument, or render it")
    for first, second in pairwise(entries):
        if first.recording == second.recording:
            raise DataError(f"recording id {first.recording!r} stands twice, for {first.path} and {second.path}")


def _long_enough(finding: Finding, seconds: float) -> Finding:
    if finding.problem or finding.duration_s >= seconds:
        return finding
    return Finding(f"lasts {finding.duration_s:.3f} s, less than the corpus' min_seconds {seconds:g}")


def _without_copies(entries: Sequence[Entry], findings: Sequence[Finding]) -> list[Finding]:
    """Refuse each copy of a recording; all of them where they stand under several instruments: one is wrong."""
    alike: Mapping[str, list[Entry]] = defaultdict(list)
    for entry, finding in zip(entries, findings, strict=True):
        alike[finding.audio_sha256].append(entry)
    return [
        finding if finding.problem else replace(finding, problem=_copied(entry, alike[finding.audio_sha256]))
        for entry, finding in zip(entries, findings, strict=True)
    ]


def _copied(entry: Entry, alike: Sequence[Entry]) -> str:
    others = [
        other for other in alike if (other.instrument, other.instruments) != (entry.instrument, entry.instruments)
    ]
    if others:
        return f"holds the same sound as {others[0].path}, another instrument: remove the wrong one"
    return "" if entry == alike[0] else f"holds the same sound as {alike[0].path}"


def _skipped(entries: Sequence[Entry], findings: Sequence[Finding], config: AdapterConfig, root: Path) -> list[Skipped]:
    """Return what cannot be used and say so in one line; stop where the corpus does not skip it."""
    pairs = zip(entries, findings, strict=True)
    bad = [
        Skipped(entry.path, entry.instrument, finding.problem.removeprefix(f"{root / entry.path} "))
        for entry, finding in pairs
        if finding.problem
    ]
    if bad and not config.skips_bad_files:
        more = f" (and {len(bad) - 1} more bad files)" if len(bad) > 1 else ""
        raise DataError(f"{root / bad[0].path} {bad[0].reason}{more}")
    if len(bad) == len(entries):
        _log.warning("no recording under %s can be used", root)
    if bad:
        first = f"the first: {bad[0].path} {bad[0].reason}"
        _log.warning("%d of %d files are left out, as %s lists; %s", len(bad), len(entries), SKIPPED_FILE, first)
    return sorted(bad, key=lambda each: each.path)


def _check_events(entry: Entry, recording: Recording) -> None:
    for event in entry.events:
        if event.offset_s > recording.duration_s + _LATE_S:
            raise DataError(
                f"{entry.path}: an event ends at {event.offset_s} s, after the recording's {recording.duration_s:.2f} s"
            )
