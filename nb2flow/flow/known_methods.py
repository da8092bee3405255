"""What a method does, by its name alone (its receiver's type is rarely known), and what builtins do, as tables."""

from __future__ import annotations

from nb2flow.flow.known import ADDRESS, ALIAS, HOLDS, NOWHERE, NP, PURE, RECEIVER, SCALAR, Call, each

BUILTINS: dict[str, Call] = {
    **each(
        """
            abs all any ascii bin bool bytes callable chr complex divmod float format hasattr hash hex id int
        """,
        SCALAR,
    ),
    **each(
        """
            isinstance issubclass len oct ord pow print repr round str sum type range slice object
        """,
        SCALAR,
    ),
    **each("bytearray compile", PURE),
    **each(
        """
            dict frozenset list set sorted tuple super property staticmethod classmethod
        """,
        HOLDS,
    ),
    **each("max min getattr memoryview", ALIAS),
    **each("enumerate filter iter map reversed zip", Call(result="iterator")),
    **each("next", Call(touches="first", result="alias")),
    **each("setattr delattr", Call(touches="first", keeps=True, result="scalar")),
    "open": Call(result="live", file="r", label="an open file"),
    "input": Call(result="scalar", asks=True),
    "help": SCALAR,
    **each("exec __import__", Call(result="unknown", barrier="exec")),
    "eval": Call(result="unknown", barrier="eval"),
    **each("globals locals vars dir", Call(result="unknown", barrier="namespace")),
    "display": Call(result="live", label="a display handle"),
    **each("exit quit breakpoint", SCALAR),
}

_PURE_METHODS = """
    abs agg aggregate all any apply applymap argmax argmin argsort assign assign_coords astype at_time autocorr
    between bfill capitalize cat center clip combine combine_first contains copy corr corrwith count cov cross
    crosstab cumcount cummax cummin cumprod cumsum cut decision_function decode describe diff difference div dot drop
    drop_duplicates dropna dt duplicated encode endswith eq equals eval exp explode extract factorize
    ffill fillna filter find findall first floor format from_dict from_records ge get get_dummies get_feature_names
    get_feature_names_out get_group get_params gt hist_ idxmax idxmin index info inner interpolate
    intersection inverse_transform isalnum isalpha isdecimal isdigit isin isna isnull isoformat isocalendar issubset
    item items itertuples iterrows join keys kneighbors kurt last le len ljust loads dumps log lower lstrip lt mad map
    mask match max mean median melt memory_usage merge min mode mul ndim ne nlargest nonzero notna notnull nsmallest
    nunique pct_change pipe pivot pivot_table pow predict predict_log_proba predict_proba prod product quantile rank
    ravel_ reindex rename rename_axis reorder_levels repeat replace reset_index rfind rjust round
    rpartition rsplit rstrip sample score score_samples search select_dtypes sem set_axis set_index shape shift skew
    slice sort_index sort_values split splitlines stack startswith std strftime strip strptime sub sum
    swapaxes_ swaplevel symmetric_difference take title to_dict to_list to_period to_records
    to_string to_timestamp to_markdown to_latex to_html_ to_pydatetime tolist total_seconds toarray todense tobytes
    trace transform translate truncate tshift tz_convert tz_localize union unique unstack upper value_counts values
    var where xs year zfill bit_length conjugate as_integer_ratio timestamp date time weekday isoweekday exists
    is_file is_dir as_posix with_suffix with_name relative_to resolve absolute expanduser joinpath summary params_
    conf_int numel size dim tolil to_bytes from_bytes hex most_common elements subtract_
    casefold partition removeprefix removesuffix swapcase isupper islower istitle isspace group groups groupdict span
    start end free_symbols subs simplify expand factor evalf doit nunique query lookup normal_ add_prefix add_suffix
    droplevel infer_objects convert_dtypes nth ngroup cumall mro __len__ getvalue __repr__ __str__ argpartition
    cumulative searchsorted choose compress ptp matmul inv det norm eig
"""
_LAZY_METHODS = """
    groupby rolling expanding ewm resample
"""
_ALIAS_METHODS = """
    reshape ravel transpose view squeeze swapaxes flatten_ T unsqueeze permute contiguous expand_as to float double
    half long values get setdefault_ iloc loc xs get_level_values named_steps children parameters modules state_dict
    named_parameters head tail to_numpy to_frame numpy detach cpu diagonal tocsr tocsc conj real imag
"""
_SELF_METHODS = """
    add append clear discard extend insert pop popitem remove reverse setdefault sort update appendleft popleft
    extendleft rotate difference_update intersection_update symmetric_difference_update fill itemset put resize
    setflags byteswap setfield fit partial_fit set_params write writelines read readline readlines
    seek flush close execute executemany commit fetchone fetchall fetchmany send throw __next__ __setitem__
    __delitem__ addHandler setLevel setFormatter add_node add_edge
    add_nodes_from add_edges_from remove_node remove_edge seed random integers standard_normal normal uniform choice
    shuffle permutation permuted exponential poisson binomial beta gamma multivariate_normal rand randn randint
    random_sample randrange gauss sample_ bytes lognormal chisquare multinomial dirichlet geometric fit_transform
    fit_predict fit_resample cuda submit shutdown start stop terminate kill wait acquire release put
    get_nowait
"""
# They change what the receiver was made from or is made of: an optimizer the model, a writer its file.
_DEEP_METHODS = """
    step zero_grad eval train requires_grad_ load_state_dict backward writerow writerows writeheader
"""
_PLOT_METHODS = """
    set_title set_xlabel set_ylabel set_xlim set_ylim legend grid set_xticks set_yticks set_xticklabels
    set_yticklabels set tick_params axis axhline axvline annotate text plot scatter bar barh hist imshow contour
    contourf pcolormesh errorbar fill_between boxplot violinplot pie stem add_subplot add_axes tight_layout
    suptitle colorbar set_aspect set_facecolor add_patch add_collection add_artist twinx twiny set_axis_off
    invert_yaxis invert_xaxis subplots_adjust set_size_inches set_xscale set_yscale set_visible semilogx semilogy
    loglog quiver streamplot matshow stackplot hlines vlines table
"""
_WRITES_FILE = """
    to_csv to_excel to_json to_parquet to_feather to_pickle to_hdf to_stata to_html savefig save save_model
    write_text write_bytes mkdir touch unlink rename_ rmdir write_html write_image write_csv write_parquet tofile
    to_file
"""
_READS_FILE = """
    read_text read_bytes iterdir glob rglob
"""

BY_METHOD: dict[str, Call] = {
    **each(_PURE_METHODS, PURE),
    **each(_LAZY_METHODS, HOLDS),  # they look at the table when something is asked of them
    **each(_ALIAS_METHODS, ALIAS),
    **each(_SELF_METHODS, Call(touches="self", keeps=True, result="alias")),
    **each(_DEEP_METHODS, Call(touches="deep", keeps=True, result="alias")),
    **each(_PLOT_METHODS, Call(touches="self", result="alias", draws=True)),
    **each("fit_transform fit_predict fit_resample", Call(touches="self", result="fresh")),
    **each(
        """
            random integers standard_normal normal uniform permutation exponential poisson binomial rand randn randint
        """,
        Call(touches="self", result="fresh"),
    ),
    **each("items", ALIAS),
    **each(_WRITES_FILE, Call(result="scalar", file="w")),
    **each(_READS_FILE, Call(result="fresh", file="r", path_arg=RECEIVER)),
    "sample": Call(result="fresh", rng=(NP,)),
    "to_sql": Call(touches="deep", result="scalar", file="w", path_arg=NOWHERE),
    "rvs": Call(result="fresh", rng=(NP,)),
    "open": Call(result="live", file="rw", path_arg=RECEIVER, label="an open file"),
    "cursor": Call(touches="self", result="live", label="a database cursor"),
    "connect": Call(touches="self", result="live", label="a connection"),
    "shuffle": Call(touches="deep", result="alias"),
}
BY_METHOD["manual_seed"] = Call(touches="self", result="alias")  # `g = torch.Generator().manual_seed(0)`
BY_METHOD["data_ptr"] = Call(result="live", label=ADDRESS)
BY_METHOD.update(
    each("write_text write_bytes mkdir touch unlink rmdir", Call(result="scalar", file="w", path_arg=RECEIVER))
)


# Receivers of which every method may change the receiver, whatever its name says elsewhere.
_GOES_ON = frozenset(
    [
        "queue.Queue", "queue.LifoQueue", "queue.PriorityQueue", "queue.SimpleQueue", "random.Random",
        "numpy.random.default_rng", "numpy.random.Generator", "numpy.random.RandomState", "zlib.compressobj",
        "zlib.decompressobj", "bz2.BZ2Compressor", "bz2.BZ2Decompressor", "lzma.LZMACompressor",
        "lzma.LZMADecompressor", "io.BytesIO", "io.StringIO", "tempfile.TemporaryFile",
    ]
)  # fmt: skip
_STREAMS = frozenset(label for label in _GOES_ON if "andom" in label)
_GIVING = frozenset(
    ["choice", "choices", "sample", "permutation", "permuted", "spawn", "jumped"]
)  # what they hold or got
_TREES = ("bs4", "xml", "lxml")
_MODULES = ("torch.nn.", "torchvision.models")
_TRAINERS = ("pytorch_lightning", "lightning")  # they change what they were given
_CONVERTING = frozenset(["to", "type", "float", "double", "half", "bfloat16", "cpu", "cuda", "share_memory"])


def call_by_receiver(name: str, labels: frozenset[str]) -> Call | None:
    """What a method does to receivers that came from these places; None when the name alone decides."""

    def all_from(*places: str) -> bool:
        return bool(labels) and all(label.startswith(places) for label in labels)

    if labels and labels <= _STREAMS and name not in _GIVING:
        return Call(touches="deep" if name == "shuffle" else "self")  # numbers, which know nothing of the stream
    if labels and labels <= _GOES_ON:
        return PURE if name == "getvalue" else Call(touches="self", keeps=True, result="alias")
    by_name = BY_METHOD.get(name)
    if all_from(*_TREES) and by_name is not None:  # what is found in a tree is a part of it
        changes = by_name.touches != "none" or name == "extract"
        return Call(touches="deep", keeps=True, result="alias") if changes else ALIAS
    if name == "split" and all_from("torch", "numpy"):  # parts of it; a text has no such label
        return ALIAS
    if all_from(*_MODULES) and name in _CONVERTING and not all_from("torch.nn.functional"):
        return Call(touches="deep", result="alias")
    if all_from(*_TRAINERS, "contextlib.ExitStack"):
        return Call(touches="deep", result="alias", keeps=True)
    if name == "partition" and labels and not all_from("pandas"):  # of an array; text has no labels
        return Call(touches="self", result="fresh")
    return None
