"""What is known of calls into libraries: facts as tables, no mechanism.

A call that no table knows is taken to change everything that it can reach. A fact stands here only when it holds for
every version that people use; where a library has exceptions, the exception is listed and wins (longest path first).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

Result = Literal["scalar", "fresh", "holds", "alias", "receiver", "iterator", "live", "unknown"]
FileUse = Literal["", "r", "w", "rw"]


@dataclass(frozen=True, slots=True)
class Call:
    """What a call does.

    touches: `none`, `self` (the receiver itself, not what it holds), `first` (its first argument), `deep` (everything
    that it can reach). keeps: the receiver holds the arguments from now on. result: how its value relates to its arguments.
    rng: streams that it draws from; seeds: streams that it sets; config: process-wide settings that it changes
    (`config`, `config:plot`, `cwd`, `environ`, `syspath`); file: how it uses the path in argument `path_arg`.
    """

    touches: Literal["none", "self", "first", "deep"] = "none"
    result: Result = "fresh"
    keeps: bool = False
    rng: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    config: str = ""
    file: FileUse = ""
    path_arg: int = 0
    label: str = ""
    asks: bool = False
    barrier: str = ""
    draws: bool = False


PURE = Call()
SCALAR = Call(result="scalar")
HOLDS = Call(result="holds")
ALIAS = Call(result="alias")
UNKNOWN = Call(touches="deep", result="unknown", keeps=True)
DRAWS_PLOT = Call(result="unknown", draws=True)
READS = Call(file="r")
NP, PY, TORCH = "rng:numpy", "rng:python", "rng:torch"


def _all(names: str, call: Call) -> dict[str, Call]:
    return dict.fromkeys(names.split(), call)


BUILTINS: dict[str, Call] = {
    **_all("abs all any ascii bin bool bytes callable chr complex divmod float format hasattr hash hex id int", SCALAR),
    **_all("isinstance issubclass len oct ord pow print repr round str sum type range slice object memoryview", SCALAR),
    **_all("bytearray", PURE),
    **_all("dict frozenset list set sorted tuple super property staticmethod classmethod", HOLDS),
    **_all("max min getattr", ALIAS),
    **_all("enumerate filter iter map reversed zip", Call(result="iterator")),
    **_all("next", Call(touches="first", result="alias")),
    **_all("setattr delattr", Call(touches="first", keeps=True, result="scalar")),
    "open": Call(result="live", file="r", label="an open file"),
    "input": Call(result="scalar", asks=True),
    "help": SCALAR,
    **_all("exec compile __import__", Call(result="unknown", barrier="exec")),
    "eval": Call(result="unknown", barrier="eval"),
    **_all("globals locals vars dir", Call(result="unknown", barrier="namespace")),
    "display": Call(result="live", label="a display handle"),
    **_all("exit quit breakpoint", SCALAR),
}

_CONFIG_CALLS = {
    **_all(
        "pandas.set_option pandas.reset_option pandas.options.display pandas.set_eng_float_format "
        "pandas.plotting.register_matplotlib_converters numpy.set_printoptions numpy.seterr numpy.set_string_function "
        "warnings.filterwarnings warnings.simplefilter warnings.resetwarnings warnings.warn_explicit "
        "sympy.init_printing sympy.init_session logging.basicConfig logging.disable logging.config.dictConfig "
        "locale.setlocale sklearn.set_config sys.setrecursionlimit decimal.setcontext gc.disable gc.enable "
        "torch.set_printoptions torch.set_default_dtype torch.set_num_threads torch.use_deterministic_algorithms "
        "torch.set_default_device torch.set_float32_matmul_precision importlib.reload tensorflow.get_logger "
        "socket.setdefaulttimeout faulthandler.enable polars.Config jax.config.update absl.logging.set_verbosity "
        "transformers.logging.set_verbosity_error datasets.disable_progress_bar altair.renderers.enable "
        "altair.data_transformers.enable altair.data_transformers.disable_max_rows hvplot.extension holoviews.extension "
        "plotly.offline.init_notebook_mode bokeh.io.output_notebook bokeh.plotting.output_notebook cufflinks.go_offline "
        "cufflinks.set_config_file tqdm.pandas tqdm.tqdm.pandas tqdm.notebook.tqdm.pandas tqdm.auto.tqdm.pandas",
        Call(result="scalar", config="process:config"),
    ),
    **_all(
        "matplotlib.use matplotlib.rc matplotlib.rcdefaults matplotlib.style.use matplotlib.pyplot.rc "
        "matplotlib.pyplot.style.use matplotlib.pyplot.rcdefaults matplotlib.pyplot.ion matplotlib.pyplot.ioff "
        "matplotlib.pyplot.switch_backend matplotlib.pyplot.set_cmap matplotlib.pyplot.rcParams.update "
        "matplotlib.rcParams.update seaborn.set seaborn.set_theme seaborn.set_style seaborn.set_context "
        "seaborn.set_palette seaborn.set_color_codes seaborn.reset_defaults seaborn.reset_orig seaborn.despine_defaults "
        "matplotlib_inline.backend_inline.set_matplotlib_formats IPython.display.set_matplotlib_formats "
        "IPython.core.display.set_matplotlib_formats matplotlib.pyplot.viridis matplotlib.pyplot.gray matplotlib.pyplot.xkcd "
        "mglearn.plots.set seaborn.axes_style_defaults matplotlib.font_manager.fontManager.addfont",
        Call(result="scalar", config="process:config:plot"),
    ),
    **_all(
        "sys.path.append sys.path.insert sys.path.extend sys.path.remove site.addsitedir",
        Call(result="scalar", config="process:syspath"),
    ),
    **_all("os.chdir os.fchdir", Call(result="scalar", config="process:cwd")),
    **_all(
        "os.environ.update os.environ.setdefault os.environ.pop os.putenv os.unsetenv dotenv.load_dotenv time.tzset",
        Call(result="scalar", config="process:environ"),
    ),
}

_RANDOM = {
    **_all("random.seed random.setstate", Call(result="scalar", seeds=(PY,))),
    **_all("numpy.random.seed numpy.random.set_state", Call(result="scalar", seeds=(NP,))),
    **_all(
        "torch.manual_seed torch.random.manual_seed torch.cuda.manual_seed torch.cuda.manual_seed_all",
        Call(result="scalar", seeds=(TORCH,)),
    ),
    **_all(
        "pytorch_lightning.seed_everything lightning.seed_everything fastai.basics.set_seed transformers.set_seed",
        Call(result="scalar", seeds=(PY, NP, TORCH)),
    ),
    **_all(
        "tensorflow.random.set_seed tensorflow.set_random_seed tensorflow.keras.utils.set_random_seed keras.utils.set_random_seed",
        Call(result="scalar", seeds=("rng:tensorflow", PY, NP)),
    ),
    **_all(
        "numpy.random.default_rng numpy.random.RandomState numpy.random.Generator numpy.random.PCG64 numpy.random.SeedSequence random.Random random.SystemRandom torch.Generator",
        PURE,
    ),
    **_all("numpy.random.get_state random.getstate torch.get_rng_state", PURE),
    "numpy.random.shuffle": Call(touches="first", result="scalar", rng=(NP,)),
    "random.shuffle": Call(touches="first", result="scalar", rng=(PY,)),
    "random.choice": Call(result="alias", rng=(PY,)),
    "random.sample": Call(result="holds", rng=(PY,)),
    "random.choices": Call(result="holds", rng=(PY,)),
    "numpy.random": Call(rng=(NP,)),
    "random": Call(rng=(PY,)),
    "scipy.stats": Call(rng=(NP,), result="unknown"),
    "sklearn.utils.shuffle": Call(rng=(NP,)),
    "sklearn.utils.resample": Call(rng=(NP,)),
}

_FILES = {
    **_all(
        "pandas.read_csv pandas.read_table pandas.read_excel pandas.read_json pandas.read_parquet pandas.read_feather "
        "pandas.read_pickle pandas.read_hdf pandas.read_fwf pandas.read_html pandas.read_stata pandas.read_sas pandas.read_xml "
        "numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile matplotlib.pyplot.imread matplotlib.image.imread "
        "skimage.io.imread imageio.imread imageio.v2.imread imageio.v3.imread scipy.io.loadmat scipy.io.wavfile.read "
        "joblib.load torch.load polars.read_csv polars.read_parquet geopandas.read_file cv2.imread librosa.load "
        "PIL.Image.open pyarrow.parquet.read_table os.listdir os.walk os.scandir os.stat os.path.getsize os.path.exists "
        "os.path.isfile os.path.isdir os.path.getmtime glob.glob linecache.getline",
        Call(result="fresh", file="r"),
    ),
    **_all("glob.iglob", Call(result="iterator", file="r")),
    **_all(
        "pandas.ExcelFile pandas.HDFStore h5py.File zipfile.ZipFile tarfile.open gzip.open bz2.open lzma.open io.open codecs.open netCDF4.Dataset tables.open_file",
        Call(result="live", file="rw", label="an open file"),
    ),
    **_all("sqlite3.connect duckdb.connect", Call(result="live", file="rw", label="a database connection")),
    **_all(
        "numpy.save numpy.savez numpy.savez_compressed numpy.savetxt matplotlib.pyplot.savefig matplotlib.pyplot.imsave "
        "skimage.io.imsave imageio.imwrite imageio.mimsave imageio.v2.imwrite imageio.v3.imwrite cv2.imwrite scipy.io.savemat "
        "scipy.io.wavfile.write os.makedirs os.mkdir os.remove os.unlink os.rmdir os.removedirs os.truncate shutil.rmtree "
        "urllib.request.urlretrieve_to",
        Call(result="scalar", file="w"),
    ),
    **_all("joblib.dump torch.save", Call(result="scalar", file="w", path_arg=1)),
    "urllib.request.urlretrieve": Call(result="fresh", file="w", path_arg=1),
    **_all(
        "pickle.load json.load csv.reader csv.DictReader yaml.load yaml.safe_load tomllib.load",
        Call(touches="first", result="fresh"),
    ),
    **_all(
        "pickle.dump json.dump yaml.dump csv.writer csv.DictWriter",
        Call(touches="first", result="holds", file="w", path_arg=99),
    ),
    **_all(
        "shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.move os.rename os.replace os.link os.symlink "
        "shutil.unpack_archive shutil.make_archive os.system os.popen subprocess.run subprocess.call subprocess.check_call "
        "subprocess.check_output subprocess.getoutput nltk.download urllib.request.urlopen_to",
        Call(result="fresh", file="rw", path_arg=99),
    ),
}

_LIVE = {
    **_all("subprocess.Popen", Call(result="live", label="a running process", file="rw", path_arg=99)),
    **_all("threading.Thread threading.Timer", Call(touches="deep", result="live", keeps=True, label="a thread")),
    **_all(
        "threading.Lock threading.RLock threading.Event threading.Condition threading.Semaphore multiprocessing.Lock",
        Call(result="live", label="a lock"),
    ),
    **_all(
        "multiprocessing.Pool multiprocessing.Process concurrent.futures.ThreadPoolExecutor concurrent.futures.ProcessPoolExecutor multiprocessing.pool.ThreadPool joblib.Parallel_",
        Call(touches="deep", result="live", label="a pool of workers"),
    ),
    **_all("socket.socket socket.create_connection", Call(result="live", label="a socket")),
    **_all(
        "psycopg2.connect psycopg.connect pymysql.connect mysql.connector.connect pyodbc.connect sqlalchemy.create_engine pymongo.MongoClient redis.Redis snowflake.connector.connect",
        Call(result="live", label="a database connection"),
    ),
    **_all(
        "tempfile.TemporaryDirectory tempfile.NamedTemporaryFile tempfile.TemporaryFile",
        Call(result="live", label="a temporary file", file="w", path_arg=99),
    ),
    **_all("weakref.ref weakref.proxy weakref.WeakValueDictionary", Call(result="live", label="a weak reference")),
    **_all(
        "asyncio.create_task asyncio.ensure_future asyncio.get_event_loop",
        Call(touches="deep", result="live", label="an asyncio task"),
    ),
    **_all("ipywidgets", Call(touches="deep", result="live", keeps=True, label="a widget")),
    **_all("IPython.display.display IPython.core.display.display", Call(result="live", label="a display handle")),
    **_all("getpass.getpass", Call(result="scalar", asks=True)),
}

# Whole libraries. `holds`: what a call makes may keep its arguments; nothing passed in is changed.
_PACKAGES = {
    **_all("numpy pandas polars", PURE),
    **_all(
        "numpy.asarray numpy.asanyarray numpy.ascontiguousarray numpy.asfortranarray numpy.ravel numpy.reshape numpy.squeeze "
        "numpy.transpose numpy.atleast_1d numpy.atleast_2d numpy.atleast_3d numpy.broadcast_to numpy.broadcast_arrays "
        "numpy.expand_dims numpy.swapaxes numpy.moveaxis numpy.rollaxis numpy.split numpy.array_split numpy.hsplit numpy.vsplit "
        "numpy.dsplit numpy.diagonal numpy.diag numpy.real numpy.imag numpy.flip numpy.fliplr numpy.flipud numpy.rot90 numpy.require "
        "numpy.ma numpy.lib.stride_tricks numpy.matrix numpy.nan_to_num numpy.array numpy.frombuffer numpy.ndarray",
        ALIAS,
    ),
    **_all(
        "pandas.DataFrame pandas.Series pandas.Index pandas.Categorical pandas.MultiIndex pandas.array pandas.concat polars.DataFrame "
        "polars.Series pandas.merge",
        HOLDS,
    ),
    **_all("math cmath statistics time.time time.perf_counter", SCALAR),
    **_all("fractions decimal numbers string textwrap unicodedata re json", PURE),
    **_all("operator", ALIAS),
    **_all(
        "datetime time calendar zoneinfo uuid hashlib base64 struct binascii bisect difflib fnmatch html urllib.parse",
        PURE,
    ),
    **_all("os.path os.getcwd os.getenv os.environ.get os.cpu_count os.getpid os.sep os.fspath platform sys", SCALAR),
    **_all("pathlib.Path pathlib.PurePath pathlib", HOLDS),
    **_all("copy.copy", HOLDS),
    **_all("copy.deepcopy", PURE),
    **_all("collections functools enum dataclasses typing abc contextlib types inspect", HOLDS),
    **_all("itertools", Call(result="iterator")),
    **_all("scipy skimage statsmodels patsy networkx sympy mpl_toolkits", HOLDS),
    **_all("sklearn xgboost lightgbm catboost", HOLDS),
    **_all("matplotlib", Call(result="unknown", draws=True)),
    **_all("matplotlib.pyplot seaborn", DRAWS_PLOT),
    **_all("IPython.display IPython.core.display", HOLDS),
    **_all("requests urllib.request urllib3 bs4 lxml", HOLDS),
    **_all("torch torchvision torchaudio", Call(result="holds", rng=(TORCH,))),
    **_all("tensorflow keras jax flax optax", Call(result="holds", rng=("rng:tensorflow",))),
    **_all(
        "pprint.pprint pprint.pformat logging.getLogger logging.info logging.warning logging.error logging.debug warnings.warn tqdm",
        ALIAS,
    ),
    **_all("heapq", Call(touches="first", result="alias", keeps=True)),
    **_all(
        "numpy.copyto numpy.put numpy.place numpy.putmask numpy.fill_diagonal numpy.put_along_axis",
        Call(touches="first", result="scalar"),
    ),
    **_all(
        "numpy.add.at numpy.subtract.at numpy.maximum.at numpy.minimum.at numpy.multiply.at",
        Call(touches="first", result="scalar"),
    ),
    **_all("numpy.vectorize numpy.frompyfunc numpy.poly1d numpy.nditer", HOLDS),
    **_all("torch.nn.init torch.nn.utils", Call(touches="deep", result="alias", rng=(TORCH,))),
    **_all(
        "torch.no_grad torch.inference_mode torch.tensor torch.zeros torch.ones torch.arange torch.linspace torch.cuda.is_available torch.device torch.from_numpy",
        ALIAS,
    ),
    "sklearn.model_selection.train_test_split": PURE,
    "sklearn.metrics": PURE,
    "sklearn.datasets": PURE,
}

_BY_PATH: dict[str, Call] = {**_PACKAGES, **_LIVE, **_FILES, **_RANDOM, **_CONFIG_CALLS}

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
    """What calling `path` (`numpy.random.shuffle`) does; the longest known prefix decides; None when nothing is known."""
    parts = path.split(".")
    for k in range(len(parts), 0, -1):
        found = _BY_PATH.get(".".join(parts[:k]))
        if found is None:
            continue
        if parts[0] == "sklearn" and not found.rng and not path.startswith(_SKLEARN_PURE) and parts[-1] not in _NO_RNG:
            return replace(found, rng=(NP,))
        return found
    return None


# Methods, by name alone: the receiver's type is rarely known. Pure on receiver and arguments.
_PURE_METHODS = (
    "abs agg aggregate all any apply applymap argmax argmin argsort assign assign_coords astype at_time autocorr between bfill "
    "capitalize cat center clip combine combine_first contains copy corr corrwith count cov cross crosstab cumcount cummax "
    "cummin cumprod cumsum cut decision_function decode describe diff difference div dot drop drop_duplicates dropna dt duplicated "
    "encode endswith eq equals eval ewm exp expanding explode extract factorize ffill fillna filter find findall first floor "
    "format from_dict from_records ge get get_dummies get_feature_names get_feature_names_out get_group get_params groupby gt head "
    "hist_ idxmax idxmin index info inner interpolate intersection inverse_transform isalnum isalpha isdecimal isdigit isin "
    "isna isnull isoformat isocalendar issubset item items itertuples iterrows join keys kneighbors kurt last le len ljust "
    "loads dumps log lower lstrip lt mad map mask match max mean median melt memory_usage merge min mode mul ndim ne nlargest nonzero "
    "notna notnull nsmallest nunique pct_change pipe pivot pivot_table pow predict predict_log_proba predict_proba prod product "
    "quantile rank ravel_ reindex rename rename_axis reorder_levels repeat replace resample reset_index rfind rjust "
    "rolling round rpartition rsplit rstrip sample score score_samples search select_dtypes sem set_axis set_index shape shift skew "
    "slice sort_index sort_values split splitlines squeeze_ stack startswith std strftime strip strptime sub sum swapaxes_ swaplevel "
    "symmetric_difference tail take title to_dict to_frame to_list to_numpy to_period to_records to_string to_timestamp to_markdown "
    "to_latex to_html_ to_pydatetime tolist total_seconds toarray todense tobytes trace transform translate truncate tshift tz_convert "
    "tz_localize union unique unstack upper value_counts values var where xs year zfill bit_length conjugate "
    "as_integer_ratio timestamp date time weekday isoweekday exists is_file is_dir as_posix with_suffix with_name relative_to "
    "resolve absolute expanduser joinpath summary params_ conf_int cpu detach numpy numel size dim tolil tocsr tocsc to_bytes "
    "from_bytes hex most_common elements subtract_ casefold partition removeprefix removesuffix swapcase isupper islower istitle "
    "isspace group groups groupdict span start end free_symbols subs simplify expand factor evalf doit nunique query lookup "
    "normal_ add_prefix add_suffix droplevel infer_objects convert_dtypes nth ngroup cumall mro __len__ getvalue __repr__ __str__ "
    "argpartition conj cumulative searchsorted choose compress diagonal ptp real imag matmul inv det norm eig"
)
_ALIAS_METHODS = (
    "reshape ravel transpose view squeeze swapaxes flatten_ T unsqueeze permute contiguous expand_as to float double half long "
    "values get setdefault_ iloc loc xs get_level_values named_steps children parameters modules state_dict named_parameters"
)
_SELF_METHODS = (  # change the receiver itself, and keep what they are given
    "add append clear discard extend insert pop popitem remove reverse setdefault sort update appendleft popleft extendleft rotate "
    "difference_update intersection_update symmetric_difference_update fill itemset put resize setflags byteswap setfield "
    "fit partial_fit set_params write writelines writerow writerows read readline readlines seek flush close execute executemany commit "
    "fetchone fetchall fetchmany send throw __next__ __setitem__ __delitem__ zero_grad eval train requires_grad_ load_state_dict "
    "addHandler setLevel setFormatter add_node add_edge add_nodes_from add_edges_from remove_node remove_edge "
    "seed random integers standard_normal normal uniform choice shuffle permutation permuted exponential poisson binomial beta "
    "gamma multivariate_normal rand randn randint random_sample randrange gauss sample_ bytes lognormal chisquare multinomial dirichlet geometric "
    "fit_transform fit_predict fit_resample backward step_ cuda submit shutdown start stop terminate kill wait acquire release put get_nowait"
)
_PLOT_METHODS = (  # change the axes; what they draw is copied
    "set_title set_xlabel set_ylabel set_xlim set_ylim legend grid set_xticks set_yticks set_xticklabels set_yticklabels set "
    "tick_params axis axhline axvline annotate text plot scatter bar barh hist imshow contour contourf pcolormesh errorbar "
    "fill_between boxplot violinplot pie stem step add_subplot add_axes tight_layout suptitle colorbar set_aspect set_facecolor "
    "add_patch add_collection add_artist twinx twiny set_axis_off invert_yaxis invert_xaxis subplots_adjust set_size_inches "
    "set_xscale set_yscale set_visible semilogx semilogy loglog quiver streamplot matshow stackplot hlines vlines table "
)
_WRITES_FILE = "to_csv to_excel to_json_ to_parquet to_feather to_pickle to_hdf to_stata to_html savefig save save_model write_text write_bytes mkdir touch unlink rename_ rmdir write_html write_image write_csv write_parquet tofile to_file"
_READS_FILE = "read_text read_bytes iterdir glob rglob"

_METHODS: dict[str, Call] = {
    **_all(_PURE_METHODS, PURE),
    **_all(_ALIAS_METHODS, ALIAS),
    **_all(_SELF_METHODS, Call(touches="self", keeps=True, result="alias")),
    **_all(_PLOT_METHODS, Call(touches="self", result="alias", draws=True)),
    **_all("fit_transform fit_predict fit_resample", Call(touches="self", result="fresh")),
    **_all(
        "random integers standard_normal normal uniform permutation exponential poisson binomial rand randn randint",
        Call(touches="self", result="fresh"),
    ),
    **_all("items", ALIAS),
    **_all(_WRITES_FILE, Call(result="scalar", file="w")),
    **_all(_READS_FILE, Call(result="fresh", file="r", path_arg=98)),
    "sample": Call(result="fresh", rng=(NP,)),
    "to_sql": Call(touches="deep", result="scalar", file="w", path_arg=99),
    "rvs": Call(result="fresh", rng=(NP,)),
    "open": Call(result="live", file="rw", path_arg=98, label="an open file"),
    "cursor": Call(touches="self", result="live", label="a database cursor"),
    "connect": Call(touches="self", result="live", label="a connection"),
    "shuffle": Call(touches="deep", result="alias"),
}
for _name in ("write_text", "write_bytes", "mkdir", "touch", "unlink", "rmdir"):
    _METHODS[_name] = Call(result="scalar", file="w", path_arg=98)  # 98: the receiver is the path


def call_by_method(name: str) -> Call | None:
    """What a method of this name does, whatever its receiver; None when the name tells nothing."""
    return _METHODS.get(name)


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
# Set by assignment: attributes and items of these paths are process-wide settings.
CONFIG_TARGETS = {
    "matplotlib.rcParams": "process:config:plot",
    "matplotlib.pyplot.rcParams": "process:config:plot",
    "pandas.options": "process:config",
    "os.environ": "process:environ",
    "sys.path": "process:syspath",
    "decimal.getcontext": "process:config",
    "torch.backends": "process:config",
    "plotly.io.renderers": "process:config",
    "plotly.io.templates": "process:config",
    "warnings": "process:config",
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
    "collections.namedtuple typing.NamedTuple enum.Enum enum.IntEnum enum.Flag dataclasses.make_dataclass typing.TypedDict".split()
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
