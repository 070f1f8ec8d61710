"""What ``tutti detect`` prints: a table a file, or one JSON document for all.

The JSON document, with ``schema`` 1::

    {"schema": 1, "tutti": "0.1.0", "model": "cultural/han_cnn",
     "threshold": "validated_per_class",                     # a policy, or one number for all
     "files": [{"file": "song.mp3", "duration_s": 201.3, "silent": false,
                "instruments": [{"name": "koto", "title": "Koto",
                                 "score": 0.91, "threshold": 0.42, "sounding": true}]}],
     "failed": [{"file": "notes.txt", "error": "notes.txt is not audio ..."}]}

Instruments stand in falling order of their scores (0..1); those below their threshold are listed with ``--all`` only.
"""

import json
from pathlib import Path
from typing import Any

from tutti import __version__
from tutti.config import Policy
from tutti.detection import Detection, Finding
from tutti.reporting.terminal import aligned
from tutti.reporting.words import instrument_title

SCHEMA = 1
_DIGITS = 4


class Report:
    """Collects what was found and what failed.

    Attributes:
        failures: files that could not be read, and why.
    """

    def __init__(self, model: str, threshold: Policy | float, *, everything: bool, top: int | None) -> None:
        """Start an empty report.

        Args:
            model: ``<task>/<name>`` of the model in use.
            threshold: the policy or number in use.
            everything: whether to list instruments below their threshold.
            top: the most instruments to list a file; None for no limit.
        """
        self.failures: list[tuple[Path, str]] = []
        self._detections: list[Detection] = []
        self._model, self._threshold = model, threshold
        self._everything, self._top = everything, top

    def add(self, detection: Detection) -> None:
        """Take in what was found in a file."""
        self._detections.append(detection)

    def add_failure(self, path: Path, error: Exception) -> None:
        """Take in that a file could not be read."""
        self.failures.append((path, str(error)))

    def text(self, detection: Detection) -> str:
        """Return one file's table, its name and length in the first line."""
        heading = f"{_printable(detection.file)}  ({_clock(detection.duration_s)})"
        if detection.silent:
            return f"{heading}\n  silent: nothing sounds in this file\n"
        shown = self._shown(detection)
        if not shown:
            best = detection.findings[0]
            near = f"{instrument_title(best.instrument)} with {best.score:.2f} (threshold {best.threshold:.2f})"
            return f"{heading}\n  no instrument reaches its threshold; the highest score has {near}\n"
        rows = [
            [
                instrument_title(each.instrument),
                f"{each.score:.2f}",
                f"{each.threshold:.2f}",
                "" if each.sounding else "below threshold",
            ]
            for each in shown
        ]
        table = aligned(["instrument", "score", "threshold", ""], rows, numbers=(1, 2))
        return heading + "\n" + "\n".join("  " + line for line in table.splitlines()) + "\n"

    def json(self) -> str:
        """Return the whole report as the JSON document that this module describes."""
        document = {
            "schema": SCHEMA,
            "tutti": __version__,
            "model": self._model,
            "threshold": self._threshold,
            "files": [self._document(detection) for detection in self._detections],
            "failed": [{"file": str(path), "error": error} for path, error in self.failures],
        }
        return json.dumps(document, indent=1)

    def _document(self, detection: Detection) -> dict[str, Any]:
        return {
            "file": str(detection.file),
            "duration_s": round(detection.duration_s, 3),
            "silent": detection.silent,
            "instruments": [
                {
                    "name": each.instrument,
                    "title": instrument_title(each.instrument),
                    "score": round(each.score, _DIGITS),
                    "threshold": round(each.threshold, _DIGITS),
                    "sounding": each.sounding,
                }
                for each in self._shown(detection)
            ],
        }

    def _shown(self, detection: Detection) -> list[Finding]:
        return [each for each in detection.findings if self._everything or each.sounding][: self._top]


def _clock(seconds: float) -> str:
    """Return a duration as ``0:05`` or ``1:02:03``; below ten seconds with a tenth."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _printable(path: Path) -> str:
    """Return a name without characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(path))
