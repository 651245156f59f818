from .edits import Edit as Edit
from .edits import Formula as Formula
from .edits import World as World
from .graphs import CausalGraph as CausalGraph
from .graphs import GraphError as GraphError
from .graphs import GraphPrior as GraphPrior
from .graphs import area_under_curve as area_under_curve
from .graphs import hamming_distance as hamming_distance
from .model import CausalArchitecture as CausalArchitecture
from .model import CausalModel as CausalModel
from .model import EditedModel as EditedModel
from .model import Noise as Noise
from .model import State as State
from .settings import CausalSettings as CausalSettings
from .settings import known_graph as known_graph
from .storage import load_model as load_model
from .storage import model_bytes as model_bytes
from .storage import save_model as save_model
from .training import CausalResult as CausalResult
from .training import Learner as Learner
from .training import causal_loop as causal_loop
from .training import finish as finish
from .training import prepare as prepare
from .training import train_causal as train_causal

__all__ = [
    "CausalArchitecture",
    "CausalGraph",
    "CausalModel",
    "CausalResult",
    "CausalSettings",
    "Edit",
    "EditedModel",
    "Formula",
    "GraphError",
    "GraphPrior",
    "Learner",
    "Noise",
    "State",
    "World",
    "area_under_curve",
    "causal_loop",
    "finish",
    "hamming_distance",
    "known_graph",
    "load_model",
    "model_bytes",
    "prepare",
    "save_model",
    "train_causal",
]
