"""What is looked at inside a network: the section ``tasks.<task>.studies.inside`` of ``params.yaml``."""

from typing import Annotated

from pydantic import Field

from tutti.sections import Count, Section


class InsideConfig(Section):
    """A look inside one network (Han, Kim & Lee 2017, section V-G).

    Attributes:
        model: a network of the task.
        samples_per_instrument: windows of each instrument and set on the maps.
        perplexity: of t-SNE.
        neighbours: that vote on a window's instrument.
        clips: clips that are deconvolved.
        units: most active units of each block that are deconvolved.
    """

    model: str
    samples_per_instrument: Count
    perplexity: Annotated[float, Field(gt=1)]
    neighbours: Count
    clips: Count
    units: Count
