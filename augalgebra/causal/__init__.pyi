from .architecture import CausalArchitecture as CausalArchitecture
from .architecture import Noise as Noise
from .architecture import State as State
from .dependence import information_coefficients as information_coefficients
from .edits import Edit as Edit
from .edits import Formula as Formula
from .edits import World as World
from .graphs import CausalGraph as CausalGraph
from .graphs import GraphError as GraphError
from .graphs import GraphPrior as GraphPrior
from .graphs import area_under_curve as area_under_curve
from .graphs import hamming_distance as hamming_distance
from .measures import BAR as BAR
from .measures import IMAGES as IMAGES
from .measures import AxiomScore as AxiomScore
from .measures import CausalReport as CausalReport
from .measures import CompositionScore as CompositionScore
from .measures import CounterfactualScore as CounterfactualScore
from .measures import GraphScore as GraphScore
from .measures import measure_causal as measure_causal
from .measures import usual_edits as usual_edits
from .model import CausalModel as CausalModel
from .model import EditedModel as EditedModel
from .settings import CausalSettings as CausalSettings
from .settings import check_factors as check_factors
from .settings import known_graph as known_graph
from .settings import varying_factors as varying_factors
from .storage import load_model as load_model
from .storage import model_bytes as model_bytes
from .storage import save_model as save_model
from .training import CausalResult as CausalResult
from .training import Learner as Learner
from .training import causal_loop as causal_loop
from .training import finish as finish
from .training import prepare as prepare
from .training import train_causal as train_causal
from .truth import Truth as Truth
from .truth import truth_of as truth_of

__all__ = [
    "BAR",
    "IMAGES",
    "AxiomScore",
    "CausalArchitecture",
    "CausalGraph",
    "CausalModel",
    "CausalReport",
    "CausalResult",
    "CausalSettings",
    "CompositionScore",
    "CounterfactualScore",
    "Edit",
    "EditedModel",
    "Formula",
    "GraphError",
    "GraphPrior",
    "GraphScore",
    "Learner",
    "Noise",
    "State",
    "Truth",
    "World",
    "area_under_curve",
    "causal_loop",
    "check_factors",
    "finish",
    "hamming_distance",
    "information_coefficients",
    "known_graph",
    "load_model",
    "measure_causal",
    "model_bytes",
    "prepare",
    "save_model",
    "train_causal",
    "truth_of",
    "usual_edits",
    "varying_factors",
]
