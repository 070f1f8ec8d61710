"""One-vs-All: a network of its own for each class that says whether the class sounds (Chen et al. 2024, section IV-B).

Any network is a binary when it is built with one output. A class that is added trains one binary and leaves the files
and scores of all others as they are; ``tutti.training.one_vs_all`` does the training.

A binary learns from pairs of a positive and a negative clip, so that its batches are balanced. Both clips of a pair
have equally many families in the first part of the training: a binary would else learn to count, since the more
families sound, the likelier is its own among them. After that, clips come as they are, and counting may help.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from tutti import registry
from tutti.architectures._configs import NetworkConfig
from tutti.config import Count, Fraction, ModelConfig
from tutti.sections import AnyModel


class Config(ModelConfig):
    """A set of binaries in ``params.yaml``.

    Attributes:
        trained_on: single ``notes``, as in the paper, or ``mixtures``.
        binary: any network but its ``feature``, which is that of the set; its batches hold pairs.
        pairs_per_epoch: pairs of a positive and a negative clip that a binary sees in an epoch.
        notes_epochs: first epochs, in which a binary on mixtures learns from single notes.
        same_size_share: share of the epochs after them, from the first one on, in which both clips of a pair have
            equally many families, up to a size that doubles each epoch; the last epochs take clips as they come.
        confusable_share: share of the pairs whose negative is the most confusable one at hand: the positive's twin, in
            which another family plays the class' part, or else that of several which scored highest when last seen.
        stop_at_precision: precision on validation clips at which a binary's training ends; 0.98 in the paper.
        stop_at_recall: recall that it must have, too, or a binary that names nothing would end at once.
    """

    is_one_vs_all: ClassVar[bool] = True

    architecture: Literal["one_vs_all"]
    trained_on: Literal["notes", "mixtures"]
    binary: AnyModel
    pairs_per_epoch: Count
    notes_epochs: Annotated[int, Field(ge=0)]
    same_size_share: Fraction
    confusable_share: Fraction
    stop_at_precision: Annotated[float, Field(ge=0, le=1)]
    stop_at_recall: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="before")
    @classmethod
    def _give_feature(cls, values: Any) -> Any:
        """Give the binary the feature of the set."""
        binary = values.get("binary") if isinstance(values, Mapping) else None
        if not isinstance(binary, Mapping) or "feature" not in values:
            return values
        if binary.get("feature", values["feature"]) != values["feature"]:
            raise ValueError("binary.feature must be left out: it is that of the set")
        return {**values, "binary": {**binary, "feature": values["feature"]}}

    @model_validator(mode="after")
    def _check(self) -> "Config":
        if not isinstance(self.binary, NetworkConfig):
            known = [name for name in registry.names("architectures") if _is_network(name)]
            raise ValueError(
                f"binary.architecture is {self.binary.architecture!r}, which is no network: "
                f"{registry.choose(self.binary.architecture, known)}"
            )
        if self.notes_epochs and self.trained_on == "notes":
            raise ValueError(f"notes_epochs {self.notes_epochs} must be 0 where all epochs are on notes")
        if self.binary.windows_per_clip != 1:
            raise ValueError(f"binary.windows_per_clip {self.binary.windows_per_clip} must be 1: pairs are of clips")
        if self.binary.training.output_bias != "zero":
            raise ValueError("binary.training.output_bias must be zero, as batches are balanced")
        if self.binary.training.batch_size % 2:
            size = self.binary.training.batch_size
            raise ValueError(f"binary.training.batch_size {size} must be even, as it holds pairs")
        if self.binary.training.loss != "binary_crossentropy":
            raise ValueError(f"binary.training.loss {self.binary.training.loss!r} must be binary_crossentropy")
        return self


def _is_network(name: str) -> bool:
    return issubclass(registry.load("architectures", name).Config, NetworkConfig)
