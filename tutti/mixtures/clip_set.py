"""A whole set of mixtures: from recordings and parameters to audio files and their manifest."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from tutti import registry
from tutti.audio import Samples
from tutti.config import UNSEEN_BANK, ClipsConfig
from tutti.corpora.index import EVENTS_FILE, RECORDINGS_FILE
from tutti.corpora.splitting import SPLIT_FILE
from tutti.errors import DataError, UnknownNameError
from tutti.labels import read_table
from tutti.mixtures.combinations import ABSENT, COLUMNS, Combination, draw_combinations
from tutti.mixtures.encoding import BATCH, require_encoder, write_clips
from tutti.mixtures.manifest import write_manifest
from tutti.mixtures.mixing import mix_below_peak
from tutti.mixtures.placement import draw_recipe, usable_sources
from tutti.mixtures.recipe import Recipe, SourceRecipe
from tutti.mixtures.sources import Source, decode_sources, read_decoded
from tutti.parallel import parallel_map
from tutti.seeding import generator
from tutti.store import whole, write_json

_log = logging.getLogger("tutti")
_SCRATCH = ".decoded"
_EMPTY = "empty.txt"  # what an audio folder without clips holds, since DVC warns of empty folders

DrawRecipes = Callable[[Sequence[Source]], list[Recipe]]
Describe = Callable[[Sequence[Recipe]], Mapping[str, object]]


@dataclass(frozen=True, eq=False)
class Corpus:
    """What a set is mixed from.

    Attributes:
        split: columns recording, instrument, audio_sha256 and side.
        recordings: the index: columns recording and path.
        events: the index: columns recording, onset_s, offset_s, pitch_midi and velocity.
        root: folder of the corpus.
        class_of: the Hornbostel-Sachs class of each instrument, in taxonomy order.
    """

    split: pd.DataFrame
    recordings: pd.DataFrame
    events: pd.DataFrame
    root: Path
    class_of: Mapping[str, str]


def read_corpus(split: Path, index: Path, root: Path, class_of: Mapping[str, str]) -> Corpus:
    """Read what the stages split and index wrote.

    Args:
        split: folder of ``split.parquet``.
        index: folder of ``recordings.parquet`` and ``events.parquet``.
        root: folder of the corpus.
        class_of: the Hornbostel-Sachs class of each instrument, in taxonomy order.

    Raises:
        DataError: when a table is missing or unreadable.
    """
    return Corpus(
        split=read_table(split / SPLIT_FILE, ("recording", "instrument", "audio_sha256", "side")),
        recordings=read_table(index / RECORDINGS_FILE, ("recording", "path")),
        events=read_table(index / EVENTS_FILE, ("recording", "onset_s", "offset_s", "pitch_midi", "velocity")),
        root=root,
        class_of=class_of,
    )


def make_clips(
    corpus: Corpus, config: ClipsConfig, side: str, count: int, seed: int, out: Path, name: str = ""
) -> None:
    """Mix one set of clips into ``out/audio`` and ``out/manifest``; both appear whole.

    Without recordings on the side ``unseen_bank`` its set holds no clips: not every corpus has a bank to hold back.

    Args:
        corpus: recordings, their split and their events.
        config: how mixtures are made.
        side: the side of the split whose recordings are used.
        count: number of clips.
        seed: same seed, same bytes, whatever the number of processes.
        out: folder of the set.
        name: of the set, where it is not that of the side.

    Raises:
        DataError: when a recording is unreadable, has changed, or an instrument has none that sounds.
        ParameterError: when fewer than ``count`` combinations exist.
        UnknownNameError: when an instrument is not in the taxonomy.
        SetupError: when MP3 is wanted and ffmpeg is not installed.
    """
    name, recordings = name or side, recordings_of(corpus, side)
    present = set(recordings["instrument"])
    available = {instrument: group for instrument, group in corpus.class_of.items() if instrument in present}

    def draw(sources: Sequence[Source]) -> list[Recipe]:
        return draw_recipes(sources, available, config, name, count, seed) if available else []

    write_set(corpus, recordings, draw, config, name, out)


def write_set(
    corpus: Corpus,
    recordings: pd.DataFrame,
    draw: DrawRecipes,
    config: ClipsConfig,
    name: str,
    out: Path,
    describe: Describe | None = None,
) -> None:
    """Decode recordings, draw the recipes of a set of clips, mix them into ``out/audio`` and list ``out/manifest``.

    Args:
        corpus: the corpus that the recordings are of.
        recordings: what is decoded: columns recording, instrument, path and audio_sha256.
        draw: returns the recipes for the decoded recordings.
        config: how mixtures are made.
        name: of the set, for the progress line.
        out: folder of the set.
        describe: returns further JSON files of the manifest, by name.

    Raises:
        DataError, UnknownNameError, SetupError: as ``make_clips``.
    """
    require_encoder(config)
    classes = classes_of(corpus)
    if recordings.empty:
        _log.info("%s: no recordings, so no clips", name)
    with whole(out / "manifest") as manifest, whole(out / "audio") as audio:
        scratch = audio / _SCRATCH  # inside the partial folder, so that a killed stage leaves nothing behind
        scratch.mkdir(parents=True)
        sources = decode_sources(
            recordings, corpus.events, corpus.root, scratch, config.sample_rate_hz, config.loudness_dbfs
        )
        recipes = _render(draw(sources), scratch, audio, config, name)
        for file in scratch.iterdir():
            file.unlink()
        scratch.rmdir()
        if not recipes:
            (audio / _EMPTY).write_text(f"The corpus has no recordings for {name}.\n", encoding="utf-8")
        write_manifest(manifest, recipes, sources, classes, config)
        for table, content in describe(recipes).items() if describe else ():
            write_json(manifest / table, content)


def classes_of(corpus: Corpus) -> list[str]:
    """Return the task's classes: all instruments of the split, in taxonomy order."""
    present = set(corpus.split["instrument"])
    unknown = sorted(present - set(corpus.class_of))
    if unknown:
        hint = registry.choose(unknown[0], corpus.class_of)
        raise UnknownNameError(f"instrument {unknown[0]!r} of the split is not in the taxonomy: {hint}")
    return [name for name in corpus.class_of if name in present]


def recordings_of(corpus: Corpus, side: str) -> pd.DataFrame:
    """Return the recordings of a side with their paths (DataError when there is none, or one is not in the index)."""
    chosen = corpus.split[corpus.split["side"] == side]
    if chosen.empty and side != UNSEEN_BANK:  # a corpus may have no bank that is held back
        raise DataError(f"the split has no recording on the side {side!r}: give it a share in tasks.*.split")
    paths = corpus.recordings.set_index("recording")["path"]
    missing = sorted(set(chosen["recording"]) - set(paths.index))
    if missing:
        raise DataError(f"recording {missing[0]!r} is in the split but not in the index: run `dvc repro`")
    return chosen.assign(path=chosen["recording"].map(paths))


def draw_recipes(
    sources: Sequence[Source], class_of: Mapping[str, str], config: ClipsConfig, name: str, count: int, seed: int
) -> list[Recipe]:
    """Draw the recipes of a set of clips.

    Args:
        sources: the recordings to mix.
        class_of: the Hornbostel-Sachs class of each instrument to mix, in taxonomy order.
        config: how mixtures are made.
        name: of the set; clips are named and drawn after it.
        count: number of clips.
        seed: any integer.

    Raises:
        DataError: when an instrument has no recording that sounds long enough.
        ParameterError: when fewer than ``count`` combinations exist.
    """
    usable = usable_sources(sources, list(class_of), config)
    polyphony = (config.min_polyphony, config.max_polyphony)
    rng = generator(seed, name, "combinations")
    repeat = config.repeat_combinations and config.naming == "number"  # no two clips may have one name
    combinations = draw_combinations(class_of, count, polyphony, config.draw, rng, repeat)
    if config.naming == "instruments":
        combinations.sort(key=_paper_name)
    recipes = []
    for number, combination in enumerate(combinations, 1):
        clip = _paper_name(combination) if config.naming == "instruments" else f"{name}-{number:05d}"
        rng = generator(seed, name, "recipe", clip)
        recipes.append(draw_recipe(clip, f"{clip}.{config.format}", combination, usable, config, rng))
    return recipes


def _paper_name(combination: Combination) -> str:
    """Return the paper's name: five names joined by ``_``; within a name it becomes ``-``, so that it can be parsed."""
    names = [name.replace("_", "-") for name in combination]
    return "_".join(names + [ABSENT] * (COLUMNS - len(names)))


def _render(recipes: Sequence[Recipe], scratch: Path, audio: Path, config: ClipsConfig, name: str) -> list[Recipe]:
    """Mix and write all clips in parallel; return the recipes with the attenuation that each needed."""
    batches = [recipes[first : first + BATCH] for first in range(0, len(recipes), BATCH)]
    rendered = parallel_map(_render_batch, batches, f"mixing {name}", scratch, audio, config)
    return [recipe for batch in rendered for recipe in batch]


def _render_batch(batch: Sequence[Recipe], scratch: Path, audio: Path, config: ClipsConfig) -> list[Recipe]:
    read = partial(_read_scratch, scratch)
    results = [mix_below_peak(recipe, read, config.peak_dbfs) for recipe in batch]
    write_clips(audio, [recipe.file for recipe in batch], [samples for _, samples in results], config)
    return [recipe for recipe, _ in results]


def _read_scratch(scratch: Path, source: SourceRecipe, begin: int, count: int) -> Samples:
    return read_decoded(scratch, source.audio_sha256, begin, count)
