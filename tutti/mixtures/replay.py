"""Rendering of a stored recipe again: the same samples, or a refusal."""

from pathlib import Path

from tutti.audio import Samples
from tutti.mixtures.mixing import Pcm, mix
from tutti.mixtures.recipe import Recipe, SourceRecipe
from tutti.mixtures.sources import load_source


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
