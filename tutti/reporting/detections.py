"""What ``tutti detect`` prints: a table a file, an array a file, or one JSON document for all.

An array has one bit for each class in label order, 1 where it sounds (Chen et al. 2024, Table I): ``[0, 1, 0]``. It
always holds all classes; a silent file's are all 0.

The JSON document, with ``schema`` 1::

    {"schema": 1, "tutti": "0.1.0", "model": "cultural/han_cnn",
     "threshold": "validated_per_class",                     # a policy, or one number for all
     "classes": ["bagpipe", "koto", "shamisen"],             # all that the model knows, in label order
     "files": [{"file": "song.mp3", "duration_s": 201.3, "silent": false, "array": [0, 1, 0],
                "instruments": [{"name": "koto", "title": "Koto",
                                 "score": 0.91, "threshold": 0.42, "sounding": true}]}],
     "failed": [{"file": "notes.txt", "error": "notes.txt is not audio ..."}]}

Instruments stand in falling order of their scores (0..1); those below their threshold are listed with ``--all`` only.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tutti import __version__
from tutti.config import OverlayTask, Policy, TaskConfig
from tutti.detection import Detection, Finding
from tutti.reporting.exam_words import class_title
from tutti.reporting.terminal import aligned
from tutti.reporting.words import instrument_title

SCHEMA = 1
_DIGITS = 4


class Report:
    """Collects what was found and what failed.

    Attributes:
        failures: files that could not be read, and why.
    """

    def __init__(
        self,
        model: str,
        threshold: Policy | float,
        classes: Sequence[str],
        title: Callable[[str], str],
        *,
        everything: bool,
        top: int | None,
    ) -> None:
        """Start an empty report.

        Args:
            model: ``<task>/<name>`` of the model in use.
            threshold: the policy or number in use.
            classes: what the model knows, in label order.
            title: how a class is told, as ``titles`` returns it.
            everything: whether to list instruments below their threshold.
            top: the most instruments to list a file; None for no limit.
        """
        self.failures: list[tuple[Path, str]] = []
        self._detections: list[Detection] = []
        self._model, self._threshold = model, threshold
        self._classes, self._title = list(classes), title
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
            near = f"{self._title(best.instrument)} with {best.score:.2f} (threshold {best.threshold:.2f})"
            return f"{heading}\n  no instrument reaches its threshold; the highest score has {near}\n"
        rows = [
            [
                self._title(each.instrument),
                f"{each.score:.2f}",
                f"{each.threshold:.2f}",
                "" if each.sounding else "below threshold",
            ]
            for each in shown
        ]
        table = aligned(["instrument", "score", "threshold", ""], rows, numbers=(1, 2))
        return heading + "\n" + "\n".join("  " + line for line in table.splitlines()) + "\n"

    def array_line(self, detection: Detection) -> str:
        """Return one file's array and its name."""
        return f"{self._array(detection)}  {_printable(detection.file)}"

    def json(self) -> str:
        """Return the whole report as the JSON document that this module describes."""
        document = {
            "schema": SCHEMA,
            "tutti": __version__,
            "model": self._model,
            "threshold": self._threshold,
            "classes": self._classes,
            "files": [self._document(detection) for detection in self._detections],
            "failed": [{"file": str(path), "error": error} for path, error in self.failures],
        }
        return json.dumps(document, indent=1)

    def _document(self, detection: Detection) -> dict[str, Any]:
        return {
            "file": str(detection.file),
            "duration_s": round(detection.duration_s, 3),
            "silent": detection.silent,
            "array": self._array(detection),
            "instruments": [
                {
                    "name": each.instrument,
                    "title": self._title(each.instrument),
                    "score": round(each.score, _DIGITS),
                    "threshold": round(each.threshold, _DIGITS),
                    "sounding": each.sounding,
                }
                for each in self._shown(detection)
            ],
        }

    def _array(self, detection: Detection) -> list[int]:
        sounding = {each.instrument for each in detection.findings if each.sounding}
        return [int(name in sounding) for name in self._classes]

    def _shown(self, detection: Detection) -> list[Finding]:
        return [each for each in detection.findings if self._everything or each.sounding][: self._top]


def titles(task: TaskConfig) -> Callable[[str], str]:
    """Return how a class of a task is told: an instrument by the taxonomy, a family, which it lacks, by its name."""
    return class_title if isinstance(task, OverlayTask) else instrument_title


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
