"""What can go wrong with operators."""

from augalgebra.errors import AugalgebraError


class MomentsError(AugalgebraError):
    """Encodings that no operator can be fitted to: NaN, of the wrong shape, too few, a view that is missing."""


class RankError(MomentsError):
    """Encodings that span fewer directions than the latent space has."""


class OrbitError(MomentsError):
    """Views that are not closed under the augmentations in question."""


class FitError(AugalgebraError):
    """A fit that does not exist, or that the laws do not allow."""


class MissingOperatorError(AugalgebraError):
    """A word whose operator the registry does not have; the message says which exist and how to fit it."""


class StaleOperatorError(AugalgebraError):
    """Operators that were fitted on another encoder, or on augmentations that have changed since."""


class StoreError(AugalgebraError):
    """A file of operators that is missing, damaged or made for something else."""
