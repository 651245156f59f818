"""Admitting something to a workspace: loaded in isolation, looked over, its laws checked, further laws proposed."""

from augalgebra.admission.examination import PROMISES, Admission, Progress, examine
from augalgebra.admission.targets import NAMESPACE

__all__ = ["NAMESPACE", "PROMISES", "Admission", "Progress", "examine"]
