"""What calling a library does, by dotted path: facts as tables. A package's entry covers all that it holds.

A fact stands here only when it holds for every version that people use.
"""

from __future__ import annotations

from nb2flow.flow.known import ALIAS, DRAWS_PLOT, HOLDS, NOWHERE, NP, PURE, PY, SCALAR, TORCH, Call, each

_CONFIG: dict[str, Call] = {
    **each(
        """
            pandas.set_option pandas.reset_option pandas.options.display pandas.set_eng_float_format
            numpy.set_printoptions numpy.seterr
            warnings.filterwarnings warnings.simplefilter warnings.resetwarnings
            warnings.warn_explicit logging.basicConfig logging.disable logging.config logging.Logger.setLevel
            logging.Logger.addHandler logging.Logger.removeHandler logging.Logger.handlers logging.Handler
            locale.setlocale sklearn.set_config sys.setrecursionlimit decimal.setcontext
            torch.set_default_dtype torch.use_deterministic_algorithms torch.set_grad_enabled
            torch.autograd.set_grad_enabled
        """,
        Call(result="scalar", config="process:config"),
    ),
    **each(
        """
            matplotlib.rc matplotlib.rcdefaults matplotlib.style.use matplotlib.pyplot.rc
            matplotlib.pyplot.style.use matplotlib.pyplot.rcdefaults matplotlib.pyplot.ion matplotlib.pyplot.ioff
            matplotlib.pyplot.set_cmap matplotlib.pyplot.rcParams.update
            matplotlib.rcParams.update seaborn.set seaborn.set_theme seaborn.set_style seaborn.set_context
            seaborn.set_palette seaborn.set_color_codes seaborn.reset_defaults seaborn.reset_orig
            seaborn.despine_defaults
            matplotlib.pyplot.viridis matplotlib.pyplot.gray matplotlib.pyplot.xkcd mglearn.plots.set
            seaborn.axes_style_defaults IPython.core.pylabtools.figsize
        """,
        Call(result="scalar", config="process:config:plot"),
    ),
    # What no registry shows: it can be run again, but not be carried.
    **each(
        "matplotlib.use matplotlib.pyplot.switch_backend",
        Call(result="scalar", config="process:config:plot process:backend"),
    ),
    **each(
        """
            matplotlib_inline.backend_inline.set_matplotlib_formats IPython.display.set_matplotlib_formats
            IPython.core.display.set_matplotlib_formats matplotlib.font_manager.fontManager.addfont
        """,
        Call(result="scalar", config="process:backend"),
    ),
    **each(
        """
            torch.set_printoptions torch.set_num_threads torch.set_default_tensor_type torch.set_flush_denormal
            torch.autograd.set_detect_anomaly torch.set_default_device torch.set_float32_matmul_precision
        """,
        Call(result="scalar", config="module:torch"),
    ),
    **each("polars.Config", Call(result="scalar", config="module:polars")),
    **each("jax.config.update", Call(result="scalar", config="module:jax")),
    **each("tensorflow.get_logger", Call(result="scalar", config="module:tensorflow")),
    **each("absl.logging.set_verbosity", Call(result="scalar", config="module:absl")),
    **each("transformers.logging.set_verbosity_error", Call(result="scalar", config="module:transformers")),
    **each("datasets.disable_progress_bar", Call(result="scalar", config="module:datasets")),
    **each(
        """
            altair.renderers.enable altair.data_transformers.enable altair.data_transformers.disable_max_rows
        """,
        Call(result="scalar", config="module:altair"),
    ),
    **each(
        """
            sys.path.append sys.path.insert sys.path.extend sys.path.remove site.addsitedir
        """,
        Call(result="scalar", config="process:syspath"),
    ),
    **each(
        """
            codecs.register codecs.register_error copyreg.pickle copyreg.constructor signal.signal signal.setitimer
            os.umask gc.set_threshold sys.setswitchinterval sys.settrace sys.setprofile threading.settrace
            sys.set_int_max_str_digits sys.meta_path.append sys.meta_path.insert sys.meta_path.remove
            sys.path_hooks.append sys.path_hooks.insert sys.modules.update sys.modules.pop mimetypes.add_type
            asyncio.set_event_loop_policy multiprocessing.set_start_method numpy.seterrcall
            matplotlib.units.registry.update
            matplotlib.colormaps.register matplotlib.cm.register_cmap matplotlib.pyplot.register_cmap
            matplotlib.projections.register_projection matplotlib.scale.register_scale
            pandas.api.extensions.register_dataframe_accessor pandas.api.extensions.register_series_accessor
            pandas.api.extensions.register_index_accessor pandas.api.extensions.register_extension_dtype
            nest_asyncio.apply sympy.init_printing sympy.init_session sympy.interactive.init_printing
            sympy.interactive.init_session sympy.interactive.printing.init_printing sympy.physics.vector.init_vprinting
            sympy.interactive.session.init_session sympy.physics.vector.printing.init_vprinting
            sympy.physics.mechanics.init_vprinting numpy.set_string_function
            pandas.plotting.register_matplotlib_converters gc.disable gc.enable socket.setdefaulttimeout
            faulthandler.enable importlib.reload logging.captureWarnings logging.addLevelName
            logging.Logger.addFilter logging.Logger.removeFilter logging.Logger.filters
            hvplot.extension holoviews.extension plotly.offline.init_notebook_mode bokeh.io.output_notebook
            bokeh.plotting.output_notebook cufflinks.go_offline cufflinks.set_config_file
            scipy.special.seterr scipy.fft.set_global_backend scipy.fft.set_backend
            joblib.register_parallel_backend
            tqdm.pandas tqdm.tqdm.pandas tqdm.notebook.tqdm.pandas tqdm.auto.tqdm.pandas
        """,
        Call(result="scalar", config="process:interpreter"),
    ),
    # They look for tests in all that the notebook has defined.
    **each(
        """
            doctest.testmod unittest.main ipytest.run ipytest.run_tests doctest.DocTestSuite dill.dump_session
            dill.dump_module
        """,
        Call(result="unknown", barrier="namespace"),
    ),
    **each("dill.load_session dill.load_module", Call(result="unknown", barrier="exec")),
    **each("tracemalloc.start tracemalloc.stop", Call(result="scalar", config="module:tracemalloc")),
    **each("os.chdir os.fchdir", Call(result="scalar", config="process:cwd")),
    **each(
        """
            os.environ.update os.environ.setdefault os.environ.pop os.putenv os.unsetenv dotenv.load_dotenv time.tzset
        """,
        Call(result="scalar", config="process:environ"),
    ),
}

_RANDOM: dict[str, Call] = {
    **each("random.seed random.setstate", Call(result="scalar", seeds=(PY,))),
    **each("numpy.random.seed numpy.random.set_state", Call(result="scalar", seeds=(NP,))),
    **each(
        """
            torch.manual_seed torch.random.manual_seed torch.cuda.manual_seed torch.cuda.manual_seed_all
        """,
        Call(result="scalar", seeds=(TORCH,)),
    ),
    **each(
        """
            pytorch_lightning.seed_everything lightning.seed_everything fastai.basics.set_seed transformers.set_seed
        """,
        Call(result="scalar", seeds=(PY, NP, TORCH)),
    ),
    **each(
        """
            tensorflow.random.set_seed tensorflow.set_random_seed tensorflow.keras.utils.set_random_seed
            keras.utils.set_random_seed
        """,
        Call(result="scalar", seeds=("rng:tensorflow", PY, NP)),
    ),
    **each(
        """
            numpy.random.default_rng numpy.random.RandomState numpy.random.Generator numpy.random.PCG64
            numpy.random.SeedSequence random.Random random.SystemRandom torch.Generator
        """,
        PURE,
    ),
    # They only read it, but who reads it comes after who wrote it: as those that draw.
    "numpy.random.get_state": Call(rng=(NP,)),
    "random.getstate": Call(rng=(PY,)),
    **each("torch.get_rng_state torch.random.get_rng_state", Call(rng=(TORCH,))),
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
    **each(
        """
            networkx.draw networkx.draw_networkx networkx.draw_spring networkx.spring_layout networkx.random_layout
            networkx.fruchterman_reingold_layout networkx.algebraic_connectivity networkx.fiedler_vector
            networkx.spectral_ordering networkx.spectral_graph_forge
        """,
        Call(result="holds", rng=(NP,)),
    ),
    **each(
        """
            networkx.LFR_benchmark_graph networkx.approximate_current_flow_betweenness_centrality
            networkx.barabasi_albert_graph networkx.binomial_graph networkx.configuration_model
            networkx.connected_watts_strogatz_graph networkx.dense_gnm_random_graph
            networkx.directed_configuration_model networkx.directed_joint_degree_graph
            networkx.dual_barabasi_albert_graph networkx.duplication_divergence_graph networkx.erdos_renyi_graph
            networkx.expected_degree_graph networkx.extended_barabasi_albert_graph networkx.fast_gnp_random_graph
            networkx.gaussian_random_partition_graph networkx.general_random_intersection_graph
            networkx.geographical_threshold_graph networkx.gn_graph networkx.gnc_graph networkx.gnm_random_graph
            networkx.gnp_random_graph networkx.gnr_graph networkx.joint_degree_graph
            networkx.k_random_intersection_graph networkx.lattice_reference networkx.maximal_independent_set
            networkx.navigable_small_world_graph networkx.newman_watts_strogatz_graph networkx.omega networkx.sigma
            networkx.partial_duplication_graph networkx.planted_partition_graph networkx.powerlaw_cluster_graph
            networkx.random_clustered_graph networkx.random_cograph networkx.random_degree_sequence_graph
            networkx.random_geometric_graph networkx.random_internet_as_graph networkx.random_k_out_graph
            networkx.random_kernel_graph networkx.random_lobster networkx.random_partition_graph
            networkx.random_powerlaw_tree networkx.random_powerlaw_tree_sequence networkx.random_reference
            networkx.random_regular_graph networkx.random_shell_graph networkx.random_spanning_tree
            networkx.random_tree networkx.random_labeled_tree networkx.random_unlabeled_tree
            networkx.relaxed_caveman_graph networkx.scale_free_graph networkx.soft_random_geometric_graph
            networkx.spanner networkx.stochastic_block_model networkx.thresholded_random_geometric_graph
            networkx.uniform_random_intersection_graph networkx.watts_strogatz_graph networkx.waxman_graph
            networkx.community.louvain_communities networkx.community.asyn_fluidc
            networkx.community.asyn_lpa_communities networkx.community.kernighan_lin_bisection
            networkx.algorithms.community.louvain_communities networkx.algorithms.community.asyn_fluidc
            networkx.algorithms.community.asyn_lpa_communities
            networkx.algorithms.community.kernighan_lin_bisection networkx.bipartite.random_graph
            networkx.bipartite.gnmk_random_graph networkx.bipartite.configuration_model
            networkx.algorithms.bipartite.random_graph
            networkx.approximation.average_clustering networkx.algorithms.approximation.average_clustering
        """,
        Call(result="holds", rng=(PY,)),
    ),
    **each(
        "networkx.double_edge_swap networkx.connected_double_edge_swap networkx.directed_edge_swap",
        Call(touches="first", result="alias", keeps=True, rng=(PY,)),
    ),
}

_FILES: dict[str, Call] = {
    **each(
        """
            pandas.read_csv pandas.read_table pandas.read_excel pandas.read_json pandas.read_parquet
            pandas.read_feather pandas.read_pickle pandas.read_hdf pandas.read_fwf pandas.read_html pandas.read_stata
            pandas.read_sas pandas.read_xml numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile
            matplotlib.pyplot.imread matplotlib.image.imread skimage.io.imread imageio.imread imageio.v2.imread
            imageio.v3.imread scipy.io.loadmat scipy.io.wavfile.read joblib.load torch.load polars.read_csv
            polars.read_parquet geopandas.read_file cv2.imread librosa.load PIL.Image.open pyarrow.parquet.read_table
            os.listdir os.walk os.scandir os.stat os.path.getsize os.path.exists os.path.isfile os.path.isdir
            os.path.getmtime glob.glob linecache.getline
        """,
        Call(result="fresh", file="r"),
    ),
    **each("glob.iglob", Call(result="iterator", file="r")),
    **each(
        """
            pandas.ExcelFile pandas.HDFStore h5py.File zipfile.ZipFile tarfile.open gzip.open bz2.open lzma.open
            io.open codecs.open netCDF4.Dataset tables.open_file
        """,
        Call(result="live", file="rw", label="an open file"),
    ),
    **each("sqlite3.connect duckdb.connect", Call(result="live", file="rw", label="a database connection")),
    **each(
        """
            numpy.save numpy.savez numpy.savez_compressed numpy.savetxt matplotlib.pyplot.savefig
            matplotlib.pyplot.imsave skimage.io.imsave imageio.imwrite imageio.mimsave imageio.v2.imwrite
            imageio.v3.imwrite cv2.imwrite scipy.io.savemat scipy.io.wavfile.write os.makedirs os.mkdir os.remove
            os.unlink os.rmdir os.removedirs os.truncate shutil.rmtree urllib.request.urlretrieve_to
        """,
        Call(result="scalar", file="w"),
    ),
    **each("joblib.dump torch.save", Call(result="scalar", file="w", path_arg=1)),
    "urllib.request.urlretrieve": Call(result="fresh", file="w", path_arg=1),
    **each(
        """
            pickle.load json.load csv.reader csv.DictReader yaml.load yaml.safe_load tomllib.load
        """,
        Call(touches="first", result="fresh"),
    ),
    **each(
        "csv.writer csv.DictWriter",
        Call(touches="first", result="holds", file="w", path_arg=NOWHERE),
    ),
    **each("pickle.dump json.dump yaml.dump", Call(touches="second", result="scalar", file="w", path_arg=NOWHERE)),
    **each(
        """
            shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.move os.rename os.replace os.link
            os.symlink shutil.unpack_archive shutil.make_archive os.system os.popen subprocess.run subprocess.call
            subprocess.check_call subprocess.check_output subprocess.getoutput nltk.download urllib.request.urlopen_to
        """,
        Call(result="fresh", file="rw", path_arg=NOWHERE),
    ),
}

_LIVE: dict[str, Call] = {
    **each(
        "logging.FileHandler logging.handlers", Call(result="live", label="a log file", file="rw", path_arg=NOWHERE)
    ),
    **each("subprocess.Popen", Call(result="live", label="a running process", file="rw", path_arg=NOWHERE)),
    **each("threading.Thread threading.Timer", Call(touches="deep", result="live", keeps=True, label="a thread")),
    **each(
        """
            threading.Lock threading.RLock threading.Event threading.Condition threading.Semaphore
            multiprocessing.Lock
        """,
        Call(result="live", label="a lock"),
    ),
    **each(
        """
            multiprocessing.Pool multiprocessing.Process concurrent.futures.ThreadPoolExecutor
            concurrent.futures.ProcessPoolExecutor multiprocessing.pool.ThreadPool joblib.Parallel_
        """,
        Call(touches="deep", result="live", label="a pool of workers"),
    ),
    **each("socket.socket socket.create_connection", Call(result="live", label="a socket")),
    **each(
        """
            psycopg2.connect psycopg.connect pymysql.connect mysql.connector.connect pyodbc.connect
            sqlalchemy.create_engine pymongo.MongoClient redis.Redis snowflake.connector.connect
        """,
        Call(result="live", label="a database connection"),
    ),
    **each(
        """
            tempfile.TemporaryDirectory tempfile.NamedTemporaryFile tempfile.TemporaryFile
        """,
        Call(result="live", label="a temporary file", file="w", path_arg=NOWHERE),
    ),
    **each("weakref.ref weakref.proxy weakref.WeakValueDictionary", Call(result="live", label="a weak reference")),
    **each(
        """
            asyncio.create_task asyncio.ensure_future asyncio.get_event_loop
        """,
        Call(touches="deep", result="live", label="an asyncio task"),
    ),
    **each("asyncio.gather asyncio.wait_for asyncio.shield asyncio.run", Call(touches="deep", result="holds")),
    **each("ipywidgets", Call(touches="deep", result="live", keeps=True, label="a widget")),
    **each("IPython.display.display IPython.core.display.display", Call(result="live", label="a display handle")),
    **each("getpass.getpass", Call(result="scalar", asks=True)),
}

_PACKAGES: dict[str, Call] = {
    **each("numpy pandas polars", PURE),
    **each(
        """
            numpy.asarray numpy.asanyarray numpy.ascontiguousarray numpy.asfortranarray numpy.ravel numpy.reshape
            numpy.squeeze numpy.transpose numpy.atleast_1d numpy.atleast_2d numpy.atleast_3d numpy.broadcast_to
            numpy.broadcast_arrays numpy.expand_dims numpy.swapaxes numpy.moveaxis numpy.rollaxis numpy.split
            numpy.array_split numpy.hsplit numpy.vsplit numpy.dsplit numpy.diagonal numpy.diag numpy.real numpy.imag
            numpy.flip numpy.fliplr numpy.flipud numpy.rot90 numpy.require numpy.ma numpy.lib.stride_tricks
            numpy.matrix numpy.nan_to_num numpy.array numpy.frombuffer numpy.ndarray
        """,
        ALIAS,
    ),
    **each(
        """
            pandas.DataFrame pandas.Series pandas.Index pandas.Categorical pandas.MultiIndex pandas.array
            pandas.concat polars.DataFrame polars.Series pandas.merge
        """,
        HOLDS,
    ),
    **each("math cmath statistics time.time time.perf_counter", SCALAR),
    **each(
        """
            fractions decimal numbers string textwrap unicodedata re json
        """,
        PURE,
    ),
    **each("operator", ALIAS),
    **each(
        """
            operator.iadd operator.iand operator.iconcat operator.ifloordiv operator.ilshift operator.imatmul
            operator.imod operator.imul operator.ior operator.ipow operator.irshift operator.isub operator.itruediv
            operator.ixor operator.setitem operator.delitem operator.__setitem__ operator.__delitem__ operator.__iadd__
            bisect.insort bisect.insort_left bisect.insort_right
        """,
        Call(touches="first", keeps=True, result="alias"),
    ),
    **each(
        """
            datetime time calendar zoneinfo uuid hashlib base64 struct binascii bisect difflib fnmatch html
            urllib.parse
        """,
        PURE,
    ),
    **each(
        """
            os.path os.getcwd os.getenv os.environ.get os.cpu_count os.getpid os.sep os.fspath platform sys
        """,
        SCALAR,
    ),
    **each("pathlib.Path pathlib.PurePath pathlib", HOLDS),
    **each("copy.copy", HOLDS),
    **each("copy.deepcopy", PURE),
    **each(
        """
            collections functools enum dataclasses typing abc contextlib types inspect
        """,
        HOLDS,
    ),
    "collections.ChainMap": HOLDS,
    **each(
        """
            numba.jit numba.njit numba.vectorize numba.guvectorize numba.cfunc numba.stencil numba.generated_jit
            numba.experimental.jitclass numba.cuda.jit
        """,
        HOLDS,
    ),
    "struct.pack_into": Call(touches="second", result="scalar"),
    "PIL.ImageDraw.Draw": ALIAS,
    "xml.etree.ElementTree.SubElement": Call(touches="first", result="alias"),
    "lightgbm.record_evaluation": Call(touches="first", result="holds"),
    # It becomes the one that pyplot draws on from then on.
    **each(
        "matplotlib.pyplot.sca matplotlib.pyplot.figure matplotlib.pyplot.axes",
        Call(touches="first", result="unknown", draws=True),
    ),
    "matplotlib.pyplot.setp": Call(touches="first", result="unknown", draws=True),
    **each(
        """
            networkx.set_node_attributes networkx.set_edge_attributes networkx.add_path networkx.add_cycle
            networkx.add_star networkx.freeze skimage.draw.set_color functools.update_wrapper
        """,
        Call(touches="first", result="alias", keeps=True),
    ),
    **each("contextlib.redirect_stdout contextlib.redirect_stderr", Call(touches="first", result="alias")),
    **each("itertools", Call(result="iterator")),
    **each("skimage.util skimage.img_as_float skimage.img_as_ubyte skimage.img_as_uint skimage.img_as_int", ALIAS),
    **each("scipy skimage statsmodels patsy networkx sympy mpl_toolkits", HOLDS),
    **each("sklearn xgboost lightgbm catboost", HOLDS),
    **each("matplotlib", Call(result="unknown", draws=True)),
    **each("matplotlib.pyplot seaborn", DRAWS_PLOT),
    **each("IPython.display IPython.core.display", HOLDS),
    **each("requests urllib.request urllib3 bs4 lxml", HOLDS),
    **each("torch.cuda torch.version torch.device torch.get_default_dtype torch.is_grad_enabled", PURE),
    **each("torch torchvision torchaudio", Call(result="holds", rng=(TORCH,))),
    **each("tensorflow keras jax flax optax", Call(result="holds", rng=("rng:tensorflow",))),
    **each(
        """
            pprint.pprint pprint.pformat warnings.warn tqdm
        """,
        ALIAS,
    ),
    **each("logging", PURE),
    "sympy.var": Call(result="holds", binds=True),
    **each("heapq", Call(touches="first", result="alias", keeps=True)),
    **each(
        """
            numpy.copyto numpy.put numpy.place numpy.putmask numpy.fill_diagonal numpy.put_along_axis
        """,
        Call(touches="first", result="scalar"),
    ),
    **each(
        """
            numpy.add.at numpy.subtract.at numpy.maximum.at numpy.minimum.at numpy.multiply.at
        """,
        Call(touches="first", result="scalar"),
    ),
    **each("numpy.vectorize numpy.frompyfunc numpy.poly1d numpy.nditer", HOLDS),
    **each("torch.nn.init torch.nn.utils", Call(touches="deep", result="alias", rng=(TORCH,))),
    **each(
        """
            torch.no_grad torch.inference_mode torch.tensor torch.zeros torch.ones torch.arange torch.linspace
            torch.cuda.is_available torch.device torch.from_numpy
        """,
        ALIAS,
    ),
    "sklearn.model_selection.train_test_split": PURE,
    "sklearn.metrics": PURE,
    "sklearn.datasets": PURE,
}

_SHELL = {"IPython.shell": Call(result="unknown", config="process:interpreter")}
BY_PATH: dict[str, Call] = {**_SHELL, **_PACKAGES, **_LIVE, **_FILES, **_RANDOM, **_CONFIG}
# They look classes and functions up by name in the notebook.
UNPICKLING = frozenset(
    each(
        """
            pickle.load pickle.loads pickle.Unpickler joblib.load torch.load pandas.read_pickle shelve.open numpy.load
            dill.load dill.loads cloudpickle.load cloudpickle.loads
        """,
        True,
    )
)
