"""What is known of libraries, asked by dotted path, method name or attribute. The facts stand in `known_…`.

A call that no table knows is taken to change everything that it can reach.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from nb2flow.flow import standard_library
from nb2flow.flow.known import NP, Call
from nb2flow.flow.known_calls import BY_PATH
from nb2flow.flow.known_methods import BY_METHOD

# Objects of these change themselves at most, not what is passed to their methods.
SELF_CONTAINED = (
    "matplotlib",
    "seaborn",
    "pandas",
    "numpy",
    "sklearn",
    "scipy",
    "skimage",
    "PIL",
    "networkx",
    "statsmodels",
    "sympy",
)
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
        if parts[0] == "sklearn" and not found.rng and not path.startswith(_SKLEARN_PURE) and parts[-1] not in _NO_RNG:
            return replace(found, rng=(NP,))
        return found
    return None


def call_by_method(name: str) -> Call | None:
    """What a method of this name does, whatever its receiver; None when the name tells nothing."""
    return BY_METHOD.get(name)


SCALAR_ATTRIBUTES = frozenset(
    [
        "shape",
        "size",
        "ndim",
        "dtype",
        "dtypes",
        "empty",
        "nbytes",
        "itemsize",
        "__name__",
        "__doc__",
        "__version__",
        "__class__",
        "year",
        "month",
        "day",
        "hour",
        "minute",
        "second",
        "stem",
        "suffix",
        "real",
        "imag",
    ]
)
PLOT_MODULES = ("matplotlib", "seaborn", "mpl_toolkits", "matplotlib_inline")
# Modules that never draw: a step that uses nothing else does not need the plot configuration.
PLAIN_MODULES = frozenset(
    [
        "numpy",
        "pandas",
        "math",
        "cmath",
        "json",
        "re",
        "os",
        "sys",
        "random",
        "time",
        "datetime",
        "collections",
        "itertools",
        "functools",
        "operator",
        "statistics",
        "string",
        "textwrap",
        "pathlib",
        "glob",
        "csv",
        "io",
        "copy",
        "typing",
        "dataclasses",
        "enum",
        "abc",
        "decimal",
        "fractions",
        "pickle",
        "hashlib",
        "base64",
        "uuid",
        "warnings",
        "logging",
        "scipy",
        "sklearn",
        "calendar",
        "shutil",
        "tempfile",
        "zipfile",
        "gzip",
        "urllib",
        "requests",
        "unicodedata",
        "bisect",
        "heapq",
        "contextlib",
        "types",
        "inspect",
        "struct",
        "platform",
        "subprocess",
        "polars",
        "torch",
        "joblib",
        "sqlite3",
        "pprint",
    ]
)
PLOT_ATTRIBUTES = frozenset(
    [
        "plot",
        "hist",
        "boxplot",
        "scatter_matrix",
        "from_estimator",
        "from_predictions",
        "plot_tree",
        "savefig",
        "figure",
        "imshow",
        "display",
        "show",
    ]
)
# Importing these sets no options of other libraries. Any other module may, as books' own modules of settings do.
QUIET_MODULES = (
    PLAIN_MODULES
    | {
        "matplotlib",
        "seaborn",
        "mpl_toolkits",
        "sympy",
        "statsmodels",
        "skimage",
        "networkx",
        "patsy",
        "plotly",
        "IPython",
        "ipywidgets",
        "PIL",
        "bs4",
        "lxml",
        "tqdm",
        "numba",
        "h5py",
        "tables",
        "sqlalchemy",
        "xgboost",
        "lightgbm",
        "tensorflow",
        "keras",
        "torchvision",
        "transformers",
        "datasets",
        "cv2",
        "imageio",
        "openpyxl",
        "yaml",
        "nltk",
        "spacy",
        "pywt",
    }
    | standard_library.MODULES
)


def is_quiet(module: str) -> bool:
    """Whether importing a module leaves the process's options as they are."""
    return module.split(".")[0] in QUIET_MODULES


# Set by assignment: attributes and items of these paths are process-wide settings.
CONFIG_TARGETS = {
    "matplotlib.rcParams": "process:config:plot",
    "matplotlib.pyplot.rcParams": "process:config:plot",
    "pandas.options": "process:config",
    "os.environ": "process:environ",
    "sys.path": "process:syspath",
    "decimal.getcontext": "process:config",
    "IPython": "process:interpreter",
    "torch.backends": "process:config",
    "plotly.io.renderers": "process:config",
    "plotly.io.templates": "process:config",
    "warnings": "process:config",
    "logging": "process:config",
    **dict.fromkeys(
        [
            "builtins",
            "sys.modules",
            "sys.stdout",
            "sys.stderr",
            "sys.stdin",
            "sys.excepthook",
            "sys.displayhook",
            "sys.meta_path",
            "sys.path_hooks",
            "sys.unraisablehook",
            "matplotlib.units.registry",
        ],
        "process:interpreter",
    ),
}
# What these give belongs to the process: configuring it is configuring the process.
PROCESS_OBJECTS = {
    "logging.getLogger": "logging.Logger",
    "logging.StreamHandler": "logging.Handler",
    "logging.NullHandler": "logging.Handler",
    "logging.Formatter": "logging.Formatter",
}
# Constructors of plain values that cost nothing and have no effect: may be replayed.
CHEAP = frozenset(
    [
        "pathlib.Path",
        "pathlib.PurePath",
        "os.path.join",
        "os.path.abspath",
        "os.path.dirname",
        "os.path.expanduser",
        "os.path.realpath",
        "os.path.basename",
        "os.getcwd",
        "os.path.normpath",
        "re.compile",
        "collections.namedtuple",
        "collections.OrderedDict",
        "typing.NamedTuple",
        "typing.TypeVar",
        "typing.NewType",
        "datetime.date",
        "datetime.datetime",
        "datetime.timedelta",
        "decimal.Decimal",
        "fractions.Fraction",
        "logging.getLogger",
        "logging.StreamHandler",
        "logging.NullHandler",
        "logging.Formatter",
        "numpy.deg2rad",
        "numpy.sqrt",
        "math.sqrt",
        "math.log",
        "math.radians",
        "pandas.Timestamp",
        "pandas.Timedelta",
        "os.environ.get",
        "os.getenv",
        "torch.device",
        "string.ascii_letters",
        "enum.Enum",
    ]
)
MAKE_CLASSES = frozenset(
    [
        "collections.namedtuple",
        "typing.NamedTuple",
        "enum.Enum",
        "enum.IntEnum",
        "enum.Flag",
        "dataclasses.make_dataclass",
        "typing.TypedDict",
    ]
)
CHEAP_BUILTINS = frozenset(
    [
        "int",
        "float",
        "str",
        "bool",
        "complex",
        "bytes",
        "dict",
        "list",
        "set",
        "tuple",
        "frozenset",
        "range",
        "len",
        "slice",
        "abs",
        "round",
        "type",
        "min",
        "max",
        "sum",
        "sorted",
    ]
)


def is_of_unknown_class(label: str) -> bool:
    """Whether something was made by a class that no table knows (`helpers.Counter`): names of methods prove nothing.

    What a function of such a module gave (`helpers.load`) is taken for data of a known kind.
    """
    made_by = label.rpartition(".")[2]
    return made_by[:1].isupper() and made_by != label and not is_quiet(label)
