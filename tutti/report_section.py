"""What is shown first, and what ``tutti detect`` uses: the sections ``report`` and ``detect`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field

from tutti.sections import Section
from tutti.tasks import Policy


class ReportConfig(Section):
    """What the report shows first."""

    task: str
    worst_mistakes: Annotated[int, Field(ge=0, le=50)]
    confused_pairs: Annotated[int, Field(ge=1, le=100)]
    main_split: Literal["unseen_recording", "unseen_bank"]
    main_policy: Policy


class DetectConfig(Section):
    """The model behind ``tutti detect``."""

    task: str
    model: str
    threshold: Policy
