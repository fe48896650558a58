"""What well-known calls do to what they are given; whatever is not here is thought the worst of."""

from __future__ import annotations

import re
import sys
from enum import Enum


class Does(Enum):
    """The effect of a call on its receiver (a method) or on its arguments (a function)."""

    FRESH = "looks, and returns something of its own"
    PART = "looks, and returns something within what it was given"
    SHARE = "looks, and returns a container of the same elements"
    HOLD = "looks, and returns something that holds what it was given"
    SAME = "looks, and may return the very thing"
    ONCE = "returns an iterator over what it was given"
    CHANGE = "changes its receiver (its first argument), and returns part of it"
    STORE = "changes its receiver, which holds the arguments from then on"
    FIT = "changes its receiver, which keeps the arguments as they are and draws random numbers"
    DRAW = "changes its receiver if that is a figure"
    RANDOM = "looks, draws random numbers, returns something of its own"
    SHUFFLE = "changes its first argument with random numbers"
    SEED = "sets the state of random numbers"
    GENERATOR = "returns a generator of random numbers, or a stream, which each draw moves on"
    ACTIVE = "returns an object that methods of any name may change"
    GROWING = "returns a dictionary that grows when it is read"
    STATE = "returns something of its module's own state"
    SETTING = "changes its first argument, or the state of its module"
    CONFIGURE = "changes the state of its module"
    WORLD = "changes the process or the machine"
    READ = "reads a file"
    WRITE = "writes a file"
    DUMP = "writes its first argument to a file, or to the second"
    OPEN = "opens a file"
    DATABASE = "opens a file for reading and writing"
    INJECT = "defines the names that its first argument lists"
    OPAQUE = "does what cannot be known"

    __hash__ = object.__hash__  # Enum's own is Python code, and these are keys for every call


def _table(rows: dict[Does, str]) -> dict[str, Does]:
    return {name: does for does, names in rows.items() for name in names.split()}


BUILTIN_CALLS = _table(
    {
        Does.FRESH: "abs all any ascii bin bool bytes callable chr complex dir display divmod "
        "float "
        "format hasattr hash help hex id input int isinstance issubclass len oct ord pow range "
        "repr round slice str print object property bytearray __import__",
        Does.SAME: "memoryview",
        Does.SHARE: "sum sorted list tuple set frozenset dict",
        Does.PART: "max min type getattr super",
        Does.ONCE: "iter map filter zip enumerate reversed aiter",
        Does.HOLD: "staticmethod classmethod",
        Does.CHANGE: "next anext delattr",
        Does.STORE: "setattr",
        Does.OPEN: "open",
        Does.OPAQUE: "exec eval globals locals vars compile get_ipython breakpoint",
    }
)
CONSUMERS = frozenset(
    "list tuple set frozenset dict sorted sum max min any all zip map filter enumerate".split()
)

LOOKING = frozenset(
    "print display len range isinstance issubclass type id list tuple dict set frozenset str repr "
    "zip enumerate reversed iter next open hasattr getattr setattr delattr callable super".split()
)
"""Built-in functions that calculate nothing, so that they follow no settings of how to."""

CONSUMING = frozenset(
    "numpy.fromiter functools.reduce collections.deque collections.Counter collections.OrderedDict "
    "math.fsum math.prod statistics.mean statistics.fmean statistics.median".split()
)
"""Functions of modules that use up an iterator as built-in ones do."""

CALLING: dict[str, tuple[int | str, ...]] = {
    **dict.fromkeys(
        "map filter functools.reduce itertools.starmap itertools.takewhile itertools.dropwhile "
        "itertools.filterfalse numpy.apply_along_axis".split(),
        (0,),
    ),
    **dict.fromkeys("itertools.accumulate itertools.groupby".split(), (1, "func", "key")),
    **dict.fromkeys(
        "sorted min max heapq.nlargest heapq.nsmallest heapq.merge bisect.insort".split(), ("key",)
    ),
}
"""Functions that call what they are given there: a position, or a keyword."""

METHODS = _table(
    {
        Does.FRESH: "abs add_prefix add_suffix agg aggregate all any argmax argmin argsort "
        "as_posix "
        "assign astype autocorr between bfill bool capitalize casefold ceil center clip combine "
        "combine_first conj conjugate contains corr corrwith count cov cummax cummin cumprod "
        "cumsum date decision_function decode describe diff difference dot drop drop_duplicates "
        "dropna dt_year duplicated encode endswith eq equals eval ewm expandtabs explode "
        "ffill fillna filter floor format format_map fromhex fullmatch ge "
        "get_dummies get_feature_names_out get_params group groupdict groups gt head hex idxmax "
        "idxmin index info debug warning critical "
        "interpolate intersection inverse_transform isalnum "
        "isalpha isdecimal isdigit isdisjoint isidentifier isin islower isna isnull isnumeric "
        "isocalendar isoformat isspace issubset issuperset istitle isupper item join kurt kurtosis "
        "le ljust lower lstrip lt mad mask match max mean median melt memory_usage merge min mod "
        "mode month most_common mul multiply ndim ne nlargest notna notnull nsmallest nunique "
        "pct_change pivot pivot_table pow predict predict_log_proba predict_proba prod "
        "product quantile query rank reindex relative_to rename rename_axis repeat replace "
        "reset_index resample rfind rindex rjust rolling round rpartition rsplit rstrip score "
        "score_samples search sem set_axis set_index shift skew sort_index sort_values split "
        "splitlines startswith std strftime strip sub sum swapcase symmetric_difference "
        "tail timestamp title to_dict to_frame to_list to_markdown to_numpy to_period to_records "
        "to_string to_timestamp to_html to_latex tobytes tolist trace transform translate truediv "
        "truncate tz_convert tz_localize union unique unstack stack upper value_counts var weekday "
        "with_name with_suffix xs year zfill as_matrix apply applymap map pipe floordiv sub_ "
        "expanding nonzero first last crosstab cut isclose get_support best_params symmetric "
        "summary as_text conf_int pdf logpdf pmf cdf logcdf ppf sf isf total_seconds get_loc "
        "to_crs",
        Does.SHARE: "copy __copy__",
        Does.ONCE: "finditer iterrows itertuples iter_rows",
        Does.PART: "get items values keys groupby iteritems get_group reshape find findall "
        "ravel squeeze view transpose swapaxes __getitem__ iter elements "
        "flatten sel isel numpy detach unsqueeze permute "
        "get_legend_handles_labels get_xlim get_ylim get_xticks get_yticks get_xticklabels "
        "get_yticklabels get_xdata get_ydata get_facecolor get_xaxis get_yaxis get_legend",
        Does.CHANGE: "append_ clear discard step set backward "
        "pop popitem popleft remove reverse rotate sort fill "
        "resize readline readlines read send seek close __next__ subtract put setflags itemset "
        "partition "
        "normal standard_normal uniform integers exponential poisson binomial randint randn "
        "randrange getrandbits gauss lognormal multivariate_normal",
        Does.STORE: "add append appendleft extend extendleft insert push setdefault update write "
        "writelines put_nowait __setitem__ add_node add_edge writerow writerows",
        Does.FIT: "fit partial_fit fit_transform fit_predict fit_resample set_params compile",
        Does.DRAW: "plot hist boxplot bar barh scatter pie hexbin area line kde density "
        "fill_between axhline axvline axhspan axvspan annotate text legend grid imshow "
        "contour contourf errorbar violinplot stem table title xlabel ylabel xlim ylim "
        "set_title set_xlabel set_ylabel set_xlim set_ylim set_xticks set_yticks set_xticklabels "
        "set_yticklabels set_aspect set_axis_off tick_params tight_layout suptitle colorbar "
        "add_subplot add_axes add_trace update_layout update_traces update_xaxes update_yaxes "
        "subplots_adjust twinx twiny invert_yaxis invert_xaxis set_visible add_patch add_artist "
        "show savefig_ plot_surface clf cla set_size_inches autofmt_xdate bar_label "
        "pcolormesh pcolor hist2d matshow spy specgram streamplot quiver quiverkey barbs stairs "
        "hlines vlines axline eventplot stackplot loglog semilogx semilogy clabel triplot "
        "tripcolor tricontour tricontourf plot_trisurf plot_wireframe scatter3D plot3D bar3d "
        "fill_betweenx broken_barh set_xscale set_yscale set_zlabel set_zlim set_xbound "
        "set_ybound set_major_formatter set_minor_formatter set_major_locator set_minor_locator "
        "set_ticks set_ticklabels set_tick_params set_ticks_position set_label_position "
        "set_facecolor set_edgecolor set_linewidth set_linestyle set_markersize set_zorder "
        "set_box_aspect set_axisbelow set_prop_cycle set_dpi set_layout_engine label_outer "
        "secondary_xaxis secondary_yaxis inset_axes indicate_inset add_gridspec add_collection "
        "add_line subfigures subplot_mosaic ticklabel_format locator_params minorticks_on "
        "minorticks_off autoscale_view relim view_init axis arrow supxlabel supylabel "
        "align_labels align_xlabels align_ylabels draw_idle",
        Does.RANDOM: "sample rvs",
        Does.READ: "read_text read_bytes glob rglob iterdir exists is_file is_dir stat",
        Does.WRITE: "savefig to_csv to_parquet to_json to_excel to_pickle to_feather to_hdf to_sql "
        "to_stata write_text write_bytes save save_model write_html write_image save_pretrained "
        "tofile to_file write_csv write_parquet dump to_netcdf to_zarr",
        Does.WORLD: "mkdir unlink rmdir touch rename_ chdir symlink_to",
    }
)
"""Methods by name alone; a notebook that defines a method of that name wins over this table."""

FUNCTIONS: dict[str, Does] = _table(
    {
        Does.SEED: "random.seed random.setstate numpy.random.seed numpy.random.set_state "
        "torch.manual_seed torch.cuda.manual_seed torch.cuda.manual_seed_all "
        "tensorflow.random.set_seed tensorflow.set_random_seed",
        Does.SHUFFLE: "random.shuffle numpy.random.shuffle",
        Does.CHANGE: "numpy.put numpy.place numpy.copyto numpy.fill_diagonal numpy.putmask "
        "numpy.put_along_axis numpy.add.at numpy.subtract.at heapq.heappop heapq.heapify "
        "heapq.heapreplace operator.delitem",
        Does.STORE: "heapq.heappush heapq.heappushpop bisect.insort bisect.insort_left "
        "bisect.insort_right operator.setitem operator.iadd operator.iconcat operator.ior "
        "operator.iand operator.isub operator.ixor operator.imul xml.etree.ElementTree.SubElement",
        Does.SAME: "numpy.asarray numpy.asanyarray numpy.ascontiguousarray numpy.atleast_1d "
        "numpy.atleast_2d numpy.frombuffer pandas.DataFrame pandas.Series pandas.Index "
        "typing.cast contextlib.closing contextlib.nullcontext memoryview torch.from_numpy "
        "torch.as_tensor collections.ChainMap",
        Does.PART: "numpy.reshape numpy.ravel numpy.squeeze numpy.transpose numpy.swapaxes "
        "numpy.moveaxis numpy.split numpy.array_split numpy.broadcast_to numpy.expand_dims "
        "functools.reduce numpy.diagonal numpy.vsplit numpy.hsplit numpy.rot90 numpy.flip "
        "numpy.flipud numpy.fliplr numpy.rollaxis numpy.dsplit numpy.atleast_3d numpy.real "
        "numpy.imag numpy.lib.stride_tricks.as_strided numpy.lib.stride_tricks.sliding_window_view "
        "numpy.matrix_transpose numpy.permute_dims numpy.einsum",
        Does.SHARE: "copy.copy copy.replace dataclasses.replace",
        Does.FRESH: "copy.deepcopy os.getenv os.getcwd os.cpu_count os.getpid sys.getsizeof "
        "statsmodels.api.add_constant statsmodels.tools.add_constant "
        "os.fspath sys.getrecursionlimit gc.collect os.get_terminal_size",
        Does.GENERATOR: "numpy.random.default_rng numpy.random.RandomState numpy.random.Generator "
        "numpy.random.SeedSequence numpy.random.PCG64 numpy.random.MT19937 random.Random "
        "sklearn.utils.check_random_state torch.Generator "
        "torch.utils.data.DataLoader io.StringIO io.BytesIO",
        Does.ACTIVE: "asyncio.Queue asyncio.LifoQueue asyncio.PriorityQueue",
        Does.GROWING: "collections.defaultdict",
        Does.INJECT: "sympy.var",
        Does.STATE: "decimal.getcontext logging.getLogger decimal.localcontext numpy.errstate "
        "numpy.printoptions pandas.option_context matplotlib.rc_context "
        "matplotlib.pyplot.rc_context matplotlib.style.context matplotlib.pyplot.style.context "
        "warnings.catch_warnings sklearn.config_context",
        Does.ONCE: "re.finditer csv.reader csv.DictReader os.scandir os.walk glob.iglob "
        "numpy.nditer numpy.ndenumerate io.TextIOWrapper io.BufferedReader io.BufferedWriter "
        "io.BufferedRandom",
        Does.HOLD: "functools.partial functools.wraps functools.lru_cache functools.cache "
        "numpy.vectorize numpy.frompyfunc weakref.ref csv.writer csv.DictWriter tqdm.tqdm "
        "tqdm.auto.tqdm tqdm.notebook.tqdm",
        Does.CONFIGURE: "pandas.set_option pandas.reset_option numpy.seterr numpy.set_printoptions "
        "numpy.set_string_function matplotlib.pyplot.rc matplotlib.rc matplotlib.use "
        "matplotlib.pyplot.switch_backend seaborn.set seaborn.set_theme seaborn.set_style "
        "seaborn.set_context seaborn.set_palette warnings.filterwarnings warnings.simplefilter "
        "warnings.resetwarnings sklearn.set_config logging.basicConfig logging.disable "
        "locale.setlocale decimal.setcontext plotly.offline.init_notebook_mode json.encoder "
        "matplotlib.pyplot.style.use matplotlib.style.use seaborn.reset_defaults "
        "pandas.api.extensions.register_dataframe_accessor matplotlib.pyplot.rcdefaults "
        "torch.set_default_dtype torch.set_grad_enabled torch.set_num_threads "
        "tqdm.tqdm.pandas tqdm.auto.tqdm.pandas tqdm.notebook.tqdm.pandas arviz.style.use "
        "torch.set_default_device torch.use_deterministic_algorithms sympy.init_printing "
        "time.tzset matplotlib.pyplot.xkcd matplotlib.pyplot.ion matplotlib.pyplot.ioff "
        "gc.enable gc.disable gc.freeze gc.unfreeze sys.setrecursionlimit "
        "sys.setswitchinterval sys.settrace sys.setprofile csv.register_dialect "
        "csv.unregister_dialect csv.field_size_limit",
        Does.READ: "numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile pickle.load "
        "joblib.load json.load yaml.safe_load yaml.load toml.load tomllib.load torch.load "
        "os.listdir glob.glob os.path.exists os.path.isfile os.path.isdir os.path.getsize "
        "os.stat PIL.Image.open imageio.imread cv2.imread "
        "matplotlib.pyplot.imread matplotlib.image.imread dill.load cloudpickle.load",
        Does.DUMP: "pickle.dump joblib.dump json.dump yaml.dump yaml.safe_dump toml.dump "
        "torch.save dill.dump cloudpickle.dump",
        Does.WRITE: "numpy.save numpy.savetxt numpy.savez numpy.savez_compressed "
        "matplotlib.pyplot.savefig cv2.imwrite imageio.imwrite matplotlib.pyplot.imsave",
        Does.DATABASE: "sqlite3.connect shelve.open dbm.open",
        Does.OPEN: "h5py.File io.open gzip.open bz2.open lzma.open codecs.open zipfile.ZipFile "
        "tarfile.open gzip.GzipFile bz2.BZ2File lzma.LZMAFile tarfile.TarFile pandas.ExcelWriter",
        Does.WORLD: "os.chdir os.makedirs os.mkdir os.remove os.unlink os.rename os.replace "
        "os.rmdir os.removedirs os.putenv os.unsetenv os.system os.popen "
        "urllib.request.urlretrieve "
        "dotenv.load_dotenv sys.path.append sys.path.insert sys.path.extend "
        "sys.path.remove os.environ.update os.environ.setdefault os.environ.pop site.addsitedir "
        "os.environ.clear os.symlink os.chmod",
        Does.OPAQUE: "importlib.reload inspect.currentframe sys._getframe IPython.get_ipython "
        "builtins.exec builtins.eval inspect.stack",
        Does.RANDOM: "seaborn.barplot seaborn.lineplot seaborn.pointplot seaborn.regplot "
        "seaborn.lmplot seaborn.catplot seaborn.stripplot seaborn.relplot uuid.uuid1 "
        "sklearn.utils.shuffle sklearn.utils.resample",
    }
)
"""Functions by their full name."""

PACKAGES: dict[str, Does] = {
    **dict.fromkeys(
        "math cmath statistics json re datetime time string decimal fractions operator textwrap "
        "typing dataclasses enum hashlib base64 uuid os.path IPython logging numpy scipy "
        "matplotlib "
        "seaborn plotly altair bokeh pprint itertools platform struct calendar zoneinfo numbers "
        "unicodedata html colorsys keyword secrets timeit traceback warnings getpass glob "
        "fnmatch sys pandas sklearn.metrics networkx sympy statsmodels xgboost lightgbm tabulate "
        "dateutil pytz requests httpx urllib.parse display typing_extensions "
        "array bisect heapq hmac zlib binascii difflib inspect ast gc random".split(),
        Does.FRESH,
    ),
    **dict.fromkeys(
        "collections functools pathlib abc contextlib copy types weakref pydantic attr attrs "
        "tqdm threading concurrent asyncio csv io ipywidgets dask polars pyarrow".split(),
        Does.HOLD,
    ),
    "itertools": Does.ONCE,
    "sklearn": Does.RANDOM,
    "numpy.random": Does.RANDOM,
    "random": Does.RANDOM,
    "scipy.stats": Does.RANDOM,
    "torch": Does.SAME,
    "torchvision": Does.SAME,
    "tensorflow": Does.SAME,
    "keras": Does.SAME,
    "shutil": Does.WORLD,
    "subprocess": Does.WORLD,
}
"""What the functions of a package do that `FUNCTIONS` doesn't name; the longest prefix counts."""

LOOKING_UP = frozenset("format format_map map translate".split())
"""Methods that look up keys in what they are given."""

ESTIMATING = frozenset(
    "fit partial_fit fit_transform fit_predict fit_resample transform inverse_transform predict "
    "predict_proba predict_log_proba decision_function score score_samples".split()
)
"""Methods of estimators, which get data that some of them are told to change."""

DRAWS = frozenset(
    "random choice choices shuffle permutation permuted bytes randbytes rand random_sample "
    "random_integers tomaxint spawn beta chisquare dirichlet gamma geometric gumbel hypergeometric "
    "laplace logistic logseries multinomial multivariate_hypergeometric negative_binomial "
    "noncentral_chisquare noncentral_f pareto power rayleigh standard_cauchy standard_exponential "
    "standard_gamma standard_t triangular vonmises wald weibull zipf betavariate expovariate "
    "gammavariate lognormvariate normalvariate paretovariate vonmisesvariate weibullvariate".split()
)
"""Methods that move a generator of random numbers on, and that others have who mean less by it."""

AMBIGUOUS = frozenset(
    "filter get apply map transform resample rename replace search query pipe join split merge "
    "drop shift repeat interpolate clip round rank mask truncate translate assign "
    "first last index find encode decode combine crop pick reindex reset_index set_index "
    "items".split()
)
"""Methods that change nothing in the libraries known here, but may in any other."""

BOUND = frozenset(
    "append extend appendleft extendleft popleft setdefault writelines put_nowait popitem".split()
)
"""Methods that change their object, by names that are no names of columns."""

SPLITTING = frozenset({"partition"})
"""Methods of texts, which look for another text, and of arrays, which they change."""

KNOWN_PACKAGES = frozenset(path.partition(".")[0] for path in PACKAGES)

HIDDEN = {
    "__subclasses__": "@classes",
    "grad": "@gradients",
    "expanduser": "@world",
    **dict.fromkeys("format to_string to_html to_latex __repr__ __str__".split(), "@text"),
}
"""Attributes that show what was done elsewhere, to nothing that leads to them."""

IMPORTING = frozenset({"importlib.import_module", "importlib.__import__"})
SHELL = frozenset("user_ns user_global_ns run_cell run_line_magic run_cell_magic".split())
"""Attributes of the notebook's shell, through which any name can be read and changed."""

RANDOM_STATE = {"random": "@rng:random", "numpy": "@rng:numpy", "torch": "@rng:torch",
                "tensorflow": "@rng:tensorflow", "scipy": "@rng:numpy", "pandas": "@rng:numpy",
                "sklearn": "@rng:numpy", "seaborn": "@rng:numpy"}  # fmt: skip
"""Whose random numbers a package draws; any other call that draws may draw from all."""

PLUGINS = frozenset(
    "hvplot janitor rioxarray swifter pint_pandas cmocean cmasher cmcrameri scienceplots mplhep "
    "pandas_profiling ydata_profiling sweetviz pandarallel sklearnex scikit_posthocs".split()
)
"""Packages that are imported for what that does to others."""

INERT = frozenset(
    "numpy pandas scipy sklearn matplotlib networkx sympy statsmodels torch tqdm requests PIL cv2 "
    "joblib yaml".split()
) | frozenset(sys.stdlib_module_names)
"""Packages whose import does nothing to others."""

LOGS = frozenset("debug info warning warn error critical exception log".split())
HANDLERS = re.compile(r"logging\.(?:handlers\.)?(?:basicConfig|\w+Handler)")
FACTORIES = frozenset({"default_factory", "factory"})
COUNTING = frozenset("control cvxpy openmc dolfin firedrake".split())
"""Packages that name what they make by a counter of their own."""

FIGURES = frozenset({"matplotlib", "seaborn", "plotly", "altair", "bokeh"})
SEED_ARGUMENTS = frozenset({"random_state", "seed", "rng", "generator"})
CANVASES = frozenset({"ax", "axes", "cax", "fig", "figure", "axs"})
SEEDING = re.compile(
    r"(?:set|fix|seed|global|reset|all|random|_)*seed(?:s|ing|_all|_everything)?|set_?state"
)
"""Names of functions that seed every random state there is, whoever wrote them."""
RESULTS = {
    **{
        f"numpy.{name}": 2
        for name in "add subtract multiply divide true_divide floor_divide power mod remainder "
        "maximum minimum dot matmul logical_and logical_or".split()
    },
    **{
        f"numpy.{name}": 1
        for name in "negative positive absolute fabs sign rint conj conjugate exp exp2 log log2 "
        "log10 expm1 log1p sqrt square cbrt reciprocal sin cos tan arcsin arccos arctan sinh cosh "
        "tanh floor ceil trunc logical_not invert isnan isinf isfinite".split()
    },
}
"""Functions of arrays with the place of the argument that their result goes to, if it is given."""
QUIET_COMMANDS = frozenset(
    "ls pwd cat head tail echo nvidia-smi which du df free wc whoami uname date python python3 pip "
    "pip3 file stat tree ps top lscpu env printenv grep find".split()
)
