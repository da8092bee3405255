"""What is known of libraries, asked by dotted path, method name or attribute. The facts stand in `known_…`.

A call that no table knows is taken to change everything that it can reach.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from nb2flow.flow import standard_library
from nb2flow.flow.known import NP, Call
from nb2flow.flow.known_calls import BY_PATH
from nb2flow.flow.known_methods import BY_METHOD
from nb2flow.flow.known_modules import QUIET_MODULES

# Estimators without `random_state`, or which use it only when asked to.
_NO_RNG = frozenset(
    [
        "LinearRegression",
        "Ridge",
        "Lasso",
        "ElasticNet",
        "KNeighborsClassifier",
        "KNeighborsRegressor",
        "GaussianNB",
        "MultinomialNB",
        "BernoulliNB",
        "ComplementNB",
        "StandardScaler",
        "MinMaxScaler",
        "MaxAbsScaler",
        "RobustScaler",
        "Normalizer",
        "Binarizer",
        "LabelEncoder",
        "OneHotEncoder",
        "OrdinalEncoder",
        "LabelBinarizer",
        "PolynomialFeatures",
        "SimpleImputer",
        "KNNImputer",
        "Pipeline",
        "ColumnTransformer",
        "FeatureUnion",
        "FunctionTransformer",
        "CountVectorizer",
        "TfidfVectorizer",
        "TfidfTransformer",
        "HashingVectorizer",
        "SVR",
        "LinearDiscriminantAnalysis",
        "QuadraticDiscriminantAnalysis",
        "AgglomerativeClustering",
        "DBSCAN",
        "OPTICS",
        "MeanShift",
        "IsotonicRegression",
        "KernelRidge",
        "make_pipeline",
        "make_column_transformer",
        "make_union",
        "make_column_selector",
        "load_iris",
        "load_digits",
        "load_wine",
        "load_breast_cancer",
        "load_diabetes",
        "fetch_openml",
        "fetch_california_housing",
        "fetch_20newsgroups",
        "NearestNeighbors",
        "NearestCentroid",
        "KernelDensity",
        "PowerTransformer",
        "VarianceThreshold",
        "SelectKBest",
        "SelectPercentile",
        "BayesianRidge",
        "ARDRegression",
        "LassoCV",
        "RidgeCV",
        "Isomap",
        "LocallyLinearEmbedding",
        "GridSearchCV",
        "cross_val_score",
        "cross_validate",
        "cross_val_predict",
        "VotingClassifier",
        "VotingRegressor",
        "ParameterGrid",
        "LeaveOneOut",
        "TimeSeriesSplit",
        "GroupKFold",
        "clone",
        "load_files",
        "load_sample_image",
        "PLSRegression",
        "CCA",
        "StratifiedKFold",
        "KFold",
        "learning_curve",
        "validation_curve",
        "LogisticRegression",
        "LogisticRegressionCV",
        "check_array",
        "make_scorer",
        "get_scorer",
    ]
)
_SKLEARN_PURE = (
    "sklearn.metrics",
    "sklearn.preprocessing",
    "sklearn.feature_extraction",
    "sklearn.pipeline",
    "sklearn.compose",
    "sklearn.base",
    "sklearn.utils.validation",
    "sklearn.inspection",
)


@lru_cache(maxsize=4096)
def call_by_path(path: str) -> Call | None:
    """What calling `path` (`numpy.random.shuffle`) does: the longest known prefix decides; None if none is known."""
    parts = path.split(".")
    for k in range(len(parts), 0, -1):
        found = BY_PATH.get(".".join(parts[:k]))
        if found is None:
            continue
        draws = not (found.rng or found.seeds or found.config)
        if parts[0] == "sklearn" and draws and not path.startswith(_SKLEARN_PURE) and parts[-1] not in _NO_RNG:
            return replace(found, rng=(NP,))
        return found
    return None


# Of these little more is known than that they draw; what they keep for the whole process is told by the name.
_KEEP_STATE = ("tensorflow", "keras", "jax")
_SETTING_UP = re.compile(
    r"(set|use|init|start|enable|disable|configure|config|register|unregister|reset|clear|seed|activate|deactivate"
    r"|login|logout|prefer|require|autolog|shutdown|finish|end|initiali[sz]e|defaults|run_functions)(_|$)"
    r"|(add|allow|update)_|(install|uninstall|patch|unpatch|apply)$"
)
_SESSIONS = frozenset(["mlflow.start_run", "wandb.init", "comet_ml.init", "neptune.init", "neptune.init_run"])


def sets_itself_up(path: str) -> bool:
    """Whether a call whose value nobody gets, of something that no table knows, changes what its library keeps for the
    whole process: `mylib.set_level(3)`, `nltk.data.path.append("data")`."""
    root, _, rest = path.partition(".")
    spec = call_by_path(path)
    name = rest.rpartition(".")[2]
    if root in standard_library.MODULES:
        return False
    if spec is not None and (root not in _KEEP_STATE or spec.config or spec.seeds):
        return False
    method = call_by_method(name)
    return bool(_SETTING_UP.match(name)) or ("." in rest and method is not None and method.touches == "self")


def sets_python_up(path: str) -> bool:
    """Whether a function of the standard library's changes what that keeps: `calendar.setfirstweekday(6)`,
    `sqlite3.register_adapter(Point, str)`."""
    root, _, rest = path.partition(".")
    if root not in standard_library.MODULES or not rest.rpartition(".")[2].startswith(_SETTING_PYTHON_UP):
        return False
    spec = call_by_path(path)
    return spec is None or not (spec.config or spec.seeds)


_SETTING_PYTHON_UP = ("set", "register", "unregister", "install", "field_size_limit")
_ADDING = frozenset(
    ["add", "append", "extend", "insert", "update", "setdefault", "register", "discard", "remove", "clear"]
)
# Of these the names of functions are those of methods that change things, too.
_OF_ARRAYS = frozenset(["numpy", "pandas", "polars", "torch", "tensorflow", "keras", "jax", "cupy"])


def adds_to_what_it_keeps(path: str) -> bool:
    """Whether a call adds to something that lies in a library's module: `global_assumptions.add(Q.positive(x))`."""
    root, _, rest = path.partition(".")
    thing, _, name = rest.rpartition(".")
    if name not in _ADDING or not thing or root in _OF_ARRAYS or root in standard_library.MODULES:
        return False
    spec = call_by_path(path)
    return spec is None or not (spec.config or spec.seeds or spec.draws)


def changes_what_was_added(path: str, resources: Mapping[str, int]) -> bool:
    """Whether it changes what the notebook put into a module: `json.extra = []`, then `json.extra.append(1)`."""
    thing, _, name = path.rpartition(".")
    method = call_by_method(name)
    return method is not None and method.touches == "self" and "module:" + thing.rpartition(".")[0] in resources


def changes_python(path: str) -> bool:
    """Whether such a call puts itself in the place of Python's own or of other libraries': `rich.pretty.install()`."""
    return path.rpartition(".")[2] in ("install", "uninstall", "patch", "unpatch", "apply")


def seems_to_seed(path: str) -> bool:
    """Whether a function that no table knows says by its name that it sets where random numbers begin."""
    return _SEEDING.search(path.rpartition(".")[2]) is not None


_SEEDING = re.compile(r"(^|_)(re)?seed(s|_all|_everything|_random|_rngs?)?$")


def begins_a_session(path: str) -> bool:
    """Whether a call begins what must not be begun twice."""
    return path in _SESSIONS


def call_by_method(name: str) -> Call | None:
    """What a method of this name does, whatever its receiver; None when the name tells nothing."""
    return BY_METHOD.get(name)


def is_quiet(module: str) -> bool:
    """Whether importing a module leaves the process's options as they are."""
    return module.split(".")[0] in QUIET_MODULES


def is_of_unknown_class(label: str) -> bool:
    """Whether something was made by a class that no table knows (`helpers.Counter`): names of methods prove nothing.

    What a function of such a module gave (`helpers.load`) is taken for data of a known kind.
    """
    made_by = label.rpartition(".")[2]
    return made_by[:1].isupper() and made_by != label and not is_quiet(label)
