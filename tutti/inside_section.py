"""What is looked at inside a network: the section ``tasks.<task>.studies.inside`` of ``params.yaml``."""

from typing import Annotated

from pydantic import Field

from tutti.sections import Count, Section, Slug


class InsideConfig(Section):
    """Maps and deconvolutions of one network (Han, Kim & Lee 2017, section V-G).

    Attributes:
        model: one of the task's models, of the architecture ``han_cnn``.
        samples_per_instrument: windows of each instrument in a map, one a clip; all clips where there are fewer.
        perplexity: of t-SNE: roughly how many neighbours count for a sample.
        neighbours: how many vote on each sample's instrument.
        clips: validation clips whose loudest window is deconvolved.
        units: most active units of each block that are deconvolved; 2 in the paper.
    """

    model: Slug
    samples_per_instrument: Count
    perplexity: Annotated[float, Field(ge=1)]
    neighbours: Count
    clips: Count
    units: Count
