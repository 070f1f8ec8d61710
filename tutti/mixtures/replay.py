"""Rendering of a stored recipe again: the same samples, or a refusal."""

import difflib
from pathlib import Path

import numpy as np

from tutti.audio import Samples, write_flac
from tutti.config import Params
from tutti.errors import ParameterError
from tutti.mixtures.mixing import Pcm, mix
from tutti.mixtures.recipe import Recipe, SourceRecipe, read_recipes
from tutti.mixtures.sources import load_source


def replay_clip(params: Params, task: str, name: str, clip: str, out: Path) -> None:
    """Render a clip of a task again, from its stored recipe, into a FLAC file.

    Args:
        params: all parameters.
        task: name of a task whose clips are mixed.
        name: of the set that holds the clip.
        clip: its id.
        out: the file to write.

    Raises:
        ParameterError: when there is no such task or clip, or the file's name does not end in ``.flac``.
        DataError: when a recipe or a recording is missing, unreadable or not the one that was mixed.
    """
    corpus = params.corpus(params.mixing_task(task).corpus)
    if out.suffix.lower() != ".flac":
        raise ParameterError(f"--out is {str(out)!r}: give a name that ends in .flac")
    path = Path("data") / task / "clips" / name / "manifest" / "recipes.jsonl"
    recipes = {recipe.clip: recipe for recipe in read_recipes(path)}
    if clip not in recipes:
        near = difflib.get_close_matches(clip, recipes, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ParameterError(f"clip {clip!r} is none of the {len(recipes)} in {path}{hint}")
    pcm = replay(recipes[clip], Path(corpus.root))
    samples = np.divide(pcm, 32768, dtype=np.float32)  # exact: write_flac undoes it
    write_flac(out, samples, recipes[clip].sample_rate_hz)


def replay(recipe: Recipe, root: Path) -> Pcm:
    """Render a mixture from its recipe and the recordings; bit-identical to the first time.

    (An MP3 file holds these samples as its encoder changed them; a FLAC file holds them as they are.)

    Args:
        recipe: a line of ``recipes.jsonl``.
        root: folder of the corpus.

    Returns:
        ``(n,)`` 16-bit samples at ``recipe.sample_rate_hz``.

    Raises:
        DataError: when a recording is missing, unreadable or not the one that was mixed.
    """

    def read(source: SourceRecipe, begin: int, count: int) -> Samples:
        samples = load_source(root, source.path, source.audio_sha256, recipe.sample_rate_hz)
        return samples[begin : begin + count]

    return mix(recipe, read)
