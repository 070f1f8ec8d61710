"""The worst mistakes of a model, to see and to hear: spectrogram, player, true and predicted instruments."""

import base64
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import soundfile
from markupsafe import Markup

from tutti.audio import Samples, peak_dbfs, read_mono
from tutti.errors import DataError
from tutti.reporting import figures, style
from tutti.reporting.words import instrument_title, listed, of_split

_RATE_HZ = 22050  # of the audio in the page: enough for what the models hear, and small
_COMPRESSION = 0.7  # libsndfile's scale; at this rate about 40 kbit/s
_LOUDEST_DBFS = -3.0  # clips are brought to this peak for listening
_MOST_GAIN_DB = 40.0  # a nearly silent clip is not amplified further than this


@dataclass(frozen=True)
class Verdict:
    """What was said about one instrument in one clip.

    Attributes:
        instrument: its name in the taxonomy.
        kind: ``right`` (it sounds and was named), ``missed`` or ``false`` (named, but it does not sound).
        mark: the same as a word.
        score: the model's score, 0..1, or None where it is not known.
    """

    instrument: str
    kind: str
    mark: str
    score: float | None


@dataclass(frozen=True)
class Exhibit:
    """One clip as the page shows it."""

    title: str
    subtitle: str
    spectrogram: Markup
    audio: str
    verdicts: tuple[Verdict, ...]


class Clips:
    """The audio of the clips of a task, found by set and id."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of a task's clips, ``data/<task>/clips``."""
        self._folder = folder
        self._files: dict[str, dict[str, str]] = {}

    def path(self, split: str, clip: str) -> Path:
        """Return the file of a clip (DataError when the set has no such clip)."""
        if split not in self._files:
            self._files[split] = _files(self._folder / split / "manifest" / "clips.parquet")
        if clip not in self._files[split]:
            raise DataError(f"clip {clip!r} is not in {self._folder / split}: run `dvc repro`")
        return self._folder / split / "audio" / self._files[split][clip]

    def media(self, split: str, clip: str, name: str) -> tuple[Markup, str]:
        """Return a clip's spectrogram as SVG and its audio as a ``data:`` address."""
        path = self.path(split, clip)
        samples = read_mono(path, _RATE_HZ)
        figure = figures.spectrogram(samples, _RATE_HZ)
        svg = Markup(style.inline_svg(figure, name, f"Spectrogram of clip {clip}"))
        return svg, audio_address(samples)


def exhibit(mistake: Mapping[str, Any], clips: Clips, name: str) -> Exhibit:
    """Prepare one mistake.

    Args:
        mistake: an item of ``mistakes.json``: split, clip, reference, predicted, scores by instrument.
        clips: where the audio is.
        name: unique on the page.
    """
    reference, predicted = list(mistake["reference"]), list(mistake["predicted"])
    found = [instrument for instrument in reference if instrument in predicted]
    false = [instrument for instrument in predicted if instrument not in reference]
    svg, audio = clips.media(mistake["split"], mistake["clip"], name)
    return Exhibit(
        title=listed([instrument_title(instrument) for instrument in reference]) or "No instrument",
        subtitle=f"{len(found)} of {len(reference)} named, {len(false)} named falsely. "
        f"Clip {mistake['clip']} of {of_split(mistake['split'])}.",
        spectrogram=svg,
        audio=audio,
        verdicts=tuple(_verdicts(reference, predicted, mistake.get("scores", {}))),
    )


def audio_address(samples: Samples) -> str:
    """Return samples ``(n,)`` at 22 050 Hz as a small MP3 in a ``data:`` address; same samples, same bytes."""
    gain_db = min(_LOUDEST_DBFS - peak_dbfs(samples), _MOST_GAIN_DB)
    stream = io.BytesIO()
    with soundfile.SoundFile(
        stream,
        "w",
        _RATE_HZ,
        1,
        subtype="MPEG_LAYER_III",
        format="MP3",
        compression_level=_COMPRESSION,
        bitrate_mode="CONSTANT",
    ) as file:
        file.write(samples * 10 ** (gain_db / 20))
    return "data:audio/mpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _files(manifest: Path) -> dict[str, str]:
    try:
        table = pd.read_parquet(manifest, columns=["clip", "file"])
    except (OSError, ValueError) as error:
        raise DataError(f"{manifest} cannot be read ({error}): run `dvc repro`") from None
    return dict(zip(table["clip"].astype(str), table["file"].astype(str), strict=True))


def _verdicts(reference: list[str], predicted: list[str], scores: Mapping[str, float]) -> Iterable[Verdict]:
    for instrument in reference:
        kind, mark = ("right", "named:") if instrument in predicted else ("missed", "missed:")
        yield Verdict(instrument, kind, mark, scores.get(instrument))
    for instrument in predicted:
        if instrument not in reference:
            yield Verdict(instrument, "false", "falsely named:", scores.get(instrument))
