"""What each cell defines, needs and changes, construct by construct."""

from __future__ import annotations

import pytest

from nbdeploy_ext.core.dataflow import Dataflow, read_cells
from nbdeploy_ext.core.notebook import Cell, Role


def flow_of(*sources: str) -> Dataflow:
    return read_cells([Cell(f"c{n}", n, "code", s, ()) for n, s in enumerate(sources)])


def sliced(*sources: str) -> list[int]:
    """Return the numbers of the cells that the last one needs."""
    return [int(c[1:]) for c in flow_of(*sources).slice(f"c{len(sources) - 1}")]


@pytest.mark.parametrize(
    ("source", "defines", "references"),
    [
        ("a, *b = c", "a b", "c"),
        ("[y := f(x) for x in xs]", "y", "f xs"),
        ("match p:\n    case {'k': v, **rest}: pass\n    case [*tail] if t: pass", "v rest tail",
         "p t"),
        ("try:\n    import fast as j\nexcept ImportError:\n    import json as j\nj.x", "j", ""),
        ("@d\ndef f(x: T = D) -> R:\n    return x + g", "f", "d T D R g"),
        ("class A(B, metaclass=M):\n    x = y\n    def f(self): return z", "A", "B M y z"),
        ("print(f'{a!r:>{w}}')", "", "a w"),
        ("x += 1", "x", "x"),
        ("del x", "", "x"),
        ("for i in xs:\n    t = i\nprint(i, t)", "i t", "xs"),
        ("with open(p) as h, q as (r, s): pass", "h r s", "p q"),
        ("def f():\n    global n\n    n = m", "f n", "m"),
        ("await thing", "", "thing"),
        ("lambda a, *b, c=d, **e: a + b + c + e + g", "", "d g"),
        ("x = 1\ndef f(): return x", "x f", ""),
        ("def f():\n    def g(): return y\n    y = 1\n    return g", "f", ""),
        ("from __future__ import annotations\ndef f(x: T): pass", "annotations f", "T"),
    ],
)  # fmt: skip
def test_a_cell_knows_its_names(source: str, defines: str, references: str) -> None:
    (flow,) = flow_of(source).flows
    assert flow.fault is None
    assert flow.defines == set(defines.split())
    assert set(flow.references) == set(references.split())


def test_columns_count_characters_not_bytes() -> None:
    (flow,) = flow_of("é = 'ü'; x = é + name").flows
    assert flow.immediate["name"] == (1, 18)


@pytest.mark.parametrize(
    ("cells", "needed"),
    [
        (["a = []", "b = a", "b.append(1)", "a"], [0, 1, 2]),
        (["a = []", "b = [a]", "for x in b:\n    x.append(1)", "a"], [0, 1, 2]),
        (["a = []", "def f(x):\n    x.append(1)", "f(a)", "a"], [0, 1, 2]),
        (["a = []", "def f(x):\n    return len(x)", "print(f(a))", "a"], [0]),
        (["n = 0", "def f():\n    global n\n    n += 1", "f()", "n"], [0, 1, 2]),
        (["r = 1", "def f(): return r", "r = 2", "f()"], [1, 2]),
        (["def f(): return r", "r = 2", "x = 1", "f()"], [0, 1]),
        (["x = 1", "x = 2", "x"], [1]),
        (["x = 1", "if x:\n    y = 1", "y = 0", "x"], [0]),
        (["y = 0", "x = 1", "if x:\n    y = 1", "y"], [0, 1, 2]),
        (["import numpy as np", "np.random.seed(0)", "np.random.rand()", "np.random.rand()"],
         [0, 1, 2]),
        (["import pandas as pd\ndf = pd.DataFrame()", "df.to_csv('x.csv')", "print(df.head())",
          "pd.read_csv('x.csv')"], [0, 1]),
        (["import pandas as pd\ndf = pd.DataFrame()", "df.describe()\ndf.plot()\ndf.head()", "df"],
         [0]),
        (["import matplotlib.pyplot as plt", "x = [1]", "plt.plot(x)\nplt.show()", "x"], [1]),
        (["import matplotlib.pyplot as plt", "fig, ax = plt.subplots()", "ax.plot([1])", "fig"],
         [0, 1, 2]),
        (["import os", "os.environ['A'] = '1'", "os.environ['A']"], [0, 1]),
        (["%%writefile m.py\nx = 1", "import m"], [0]),
        (["list = [1]", "del list", "list('ab')"], [0, 1]),
        (["it = iter([1, 2])", "for x in it: break", "next(it)"], [0, 1]),
        (["a = {}", "print(a)\nlen(a)", "a"], [0]),
        (["from lib import mystery\na = [1]", "mystery(a)", "a"], [0, 1]),
        (["class K:\n    def go(self): self.n = 1", "k = K()", "k.go()", "k.n"], [0, 1, 2]),
    ],
)  # fmt: skip
def test_a_slice_has_what_a_cell_needs_and_no_more(cells: list[str], needed: list[int]) -> None:
    assert sliced(*cells) == needed


IMPORTS = "import numpy as np, pandas as pd, networkx as nx, torch"


@pytest.mark.parametrize(
    ("cells", "needed"),
    [
        # a package's module is there once somebody imported it
        (["import scipy.stats", "import scipy.linalg", "scipy.stats.norm"], [0, 1]),
        (["import sklearn", "from sklearn import datasets", "sklearn.datasets.x"], [0, 1]),
        (["import xml.dom", "a = xml.dom", "import xml.dom", "xml.dom"], [0, 2]),
        # imported for what that does
        (["import cmap_pack", "import matplotlib.pyplot as plt", "plt.get_cmap('x')"], [0, 1]),
        (["import hvplot.pandas", IMPORTS, "pd.DataFrame().hvplot()"], [0, 1]),
        (["from sklearn.experimental import enable_x", "from sklearn.impute import X", "X()"],
         [0, 1]),
        # every seed, whoever sets it
        (["from lib import set_seed", "set_seed(1)", IMPORTS, "np.random.rand()"], [0, 1, 2]),
        (["import keras", "keras.utils.set_random_seed(1)", IMPORTS, "torch.rand(1)"], [0, 1, 2]),
        # a generator that is passed on
        ([IMPORTS, "rng = np.random.RandomState(0)", "from sklearn.svm import SVC",
          "SVC(random_state=rng).fit(x, y)", "rng.rand()"], [0, 1, 2, 3]),
        ([IMPORTS, "seed = 1", "from sklearn.svm import SVC", "SVC(random_state=seed)", "seed"],
         [1]),
        (["import random\nr = random.Random(0)", "r.sample([1, 2], 1)", "r.random()"], [0, 1]),
        # what holds what it is made of
        (["from sklearn.svm import SVC\nfrom sklearn.pipeline import Pipeline", "s = SVC()",
          "p = Pipeline([('s', s)])", "p.fit(x, y)", "s"], [0, 1, 2, 3]),
        ([IMPORTS + "\nm = torch.nn.Linear(1, 1)", "o = torch.optim.SGD(m.parameters())",
          "o.step()", "m.weight"], [0, 1, 2]),
        # changed in place
        ([IMPORTS, "a = np.zeros(3)", "np.maximum.at(a, [0], 1)", "a"], [0, 1, 2]),
        ([IMPORTS, "a = np.zeros(3)", "np.nan_to_num(a, copy=False)", "a"], [0, 1, 2]),
        ([IMPORTS, "a = np.zeros(3)", "np.add(a, 1, a)", "a"], [0, 1, 2]),
        (["class A: pass\na = A()", "vars(a)['n'] = 1", "a.n"], [0, 1]),
        ([IMPORTS, "g = nx.Graph()", "nx.add_path(g, [1, 2])", "g.nodes"], [0, 1, 2]),
        ([IMPORTS, "g = nx.Graph()", "nx.set_node_attributes(g, {})", "g.nodes"], [0, 1, 2]),
        ([IMPORTS, "m = torch.nn.Dropout()", "m.eval()", "m.training"], [0, 1, 2]),
        ([IMPORTS, "t = torch.zeros(1)", "torch.nn.init.zeros_(t)", "t"], [0, 1, 2]),
        ([IMPORTS, "t = torch.zeros(1)", "(t * 2).sum().backward()", "t.grad"], [0, 1, 2]),
        (["import matplotlib.pyplot as plt\nfig, ax = plt.subplots()", IMPORTS,
          "pd.DataFrame().plot(ax=ax)", "ax"], [0, 1, 2]),
        # a library that nobody knows
        (["from lib import Raw\nr = Raw()", "r.filter(1, 40)", "r"], [0, 1]),
        (["import pandas as pd\nd = pd.DataFrame()", "d.filter(['a'])", "d"], [0]),
        # what nothing that is named leads to
        (["class A: pass", "class B(A): pass", "class C: pass", "A.__subclasses__()"], [0, 1]),
        ([IMPORTS + "\nw = torch.ones(1)", "loss = ((w - 1) ** 2).mean()", "loss.backward()",
          "w.grad"], [0, 1, 2]),
        ([IMPORTS + "\nw = torch.ones(1)", "o = torch.optim.SGD([w])", "(w - 1).sum().backward()",
          "o.step()", "w"], [0, 1, 2, 3]),
        (["import logging, io\nout = io.StringIO()", "h = logging.StreamHandler(out)",
          "log = logging.getLogger('a')", "log.addHandler(h)", "log.info('x')", "out.getvalue()"],
         [0, 1, 2, 3, 4]),
        (["import logging", "logging.basicConfig(filename='a.log')", "logging.info('x')",
          "open('a.log').read()"], [0, 1, 2]),
        (["import os, time", "os.environ['TZ'] = 'UTC'", "time.tzset()", "time.localtime(0)"],
         [0, 1, 2]),
        (["from dataclasses import dataclass, field\nrows = []",
          "@dataclass\nclass A:\n    rows: list = field(default_factory=lambda: rows)", "a = A()",
          "a.rows.append(1)", "rows"], [0, 1, 2, 3]),
        (["import control as ct", "p = ct.tf([1], [1, 1])", "q = ct.tf([1], [1, 2])", "ct.ss(q)"],
         [0, 1, 2]),
        # settings of the process
        (["import seaborn as sns", "import matplotlib.pyplot as plt", "sns.set_theme()",
          "plt.rcParams['font.size']"], [0, 1, 2]),
        (["from decimal import getcontext, Decimal", "getcontext().prec = 3", "Decimal(1) / 3"],
         [0, 1]),
        (["from functools import singledispatch\n@singledispatch\ndef f(x): return 0",
          "@f.register\ndef _(x: int): return 1", "f(1)"], [0, 1]),
        # names in texts
        ([IMPORTS + "\ndf = pd.DataFrame()", "k = 0", "j = 0", "df.query('a > @k')"], [0, 1]),
        (["import statsmodels.formula.api as smf", "def sq(x): return x * x", "sq2 = 1",
          "smf.ols('a ~ sq(b)', df)"], [0, 1]),
        # what Python calls by itself
        (["from scipy.optimize import minimize\nhist = []",
          "minimize(f, 1, callback=hist.append)", "hist"], [0, 1]),
        (["class A:\n    n = 0\n    @property\n    def x(self):\n        self.n += 1\na = A()",
          "a.x", "a.x"], [0, 1]),
        (["log = []\nclass A:\n    def __add__(self, o):\n        log.append(o)\na = A()",
          "a + a", "log"], [0, 1]),
        (["class A:\n    n = 0\n    def __getitem__(self, i): self.n += 1\na = A()", "a[0]",
          "a.n"], [0, 1]),
        (["class A:\n    n = 0\n    def __next__(self): self.n += 1\na = A()",
          "for x in a: break", "list(a)"], [0, 1]),
        # one object under two names, or in the arguments that nobody counted
        (["a = b = []", "a.append(1)", "b"], [0, 1]),
        (["a = [1]\ndef f(*k): k[0].append(1)", "f(a)", "a"], [0, 1]),
        (["a = [1]\ndef f(**k): k['x'].append(1)", "f(x=a)", "a"], [0, 1]),
        (["a = [1]\ndef f(x=a): x.append(1)", "f()", "a"], [0, 1]),
        (["def f(x, seen=[]):\n    seen.append(x)\n    return seen", "f(1)", "f(2)"], [0, 1]),
        (["a = [[1]]\nb = sum([a], [])", "b[0].append(9)", "a"], [0, 1]),
        (["b = bytearray(3)\nm = memoryview(b)", "m[0] = 1", "b"], [0, 1]),
        # a method by its class
        (["a = []", "list.append(a, 1)", "a"], [0, 1]),
        ([IMPORTS + "\na = np.zeros(2)", "np.ndarray.sort(a)", "a"], [0, 1]),
        # code that runs later on
        (["n = []", "def g():\n    n.append(1)\n    yield 1", "m = g()", "list(m)", "n"],
         [0, 1, 2, 3]),
        (["n = []", "async def f(): n.append(1)", "t = start(f())", "await t", "n"],
         [0, 1, 2, 3]),
        (["log = []\nclass A:\n    def __len__(self): log.append(1)\na = A()", "len(a)", "log"],
         [0, 1]),
        # readers that can be read once
        (["import pandas as pd\nr = pd.read_csv('a.csv', chunksize=1)", "for c in r: break",
          "list(r)"], [0, 1]),
        (["import re\nm = re.finditer('a', 'aa')", "for x in m: break", "list(m)"], [0, 1]),
        # files under more than one name
        (["import numpy as np", "np.save('d/a', [1])", "np.load('d/a.npy')"], [0, 1]),
        (["import sqlite3", "c = sqlite3.connect('x.db')", "c.execute('insert')\nc.commit()",
          "sqlite3.connect('x.db').execute('select')"], [0, 1, 2]),
        (["import io\nfrom contextlib import redirect_stdout\ns = io.StringIO()",
          "with redirect_stdout(s): print(1)", "s.getvalue()"], [0, 1]),
        (["import csv, io\ns = io.StringIO()", "w = csv.writer(s)", "w.writerow([1])",
          "s.getvalue()"], [0, 1, 2]),
        (["import io\ns = io.StringIO('a')", "for line in s: break", "s.read()"], [0, 1]),
        (["import io, sys\ns = io.StringIO()", "sys.stdout = s\nprint(1)", "s.getvalue()"],
         [0, 1]),
        (["import struct\nb = bytearray(4)", "struct.pack_into('i', b, 0, 7)", "bytes(b)"], [0, 1]),
        (["import weakref\nclass A: pass", "a = A()", "w = weakref.ref(a)", "del a", "w()"],
         [0, 1, 2, 3]),
        # operators of a library that counts what it makes
        (["import control as ct", "s = ct.tf('s')", "p = 1 / (s + 1)", "n = 1\nm = n + 1",
          "q = p + p", "ct.tf(1, 2)"], [0, 1, 2, 4]),
        # a class that a library is told of
        (["import awkward as ak", "@ak.mixin_class(ak.behavior)\nclass Point: pass",
          "p = ak.zip({'x': [1]}, with_name='Point')", "(p, PointArray)"], [0, 1, 2]),
        # settings and random numbers by another name
        (["from pylab import rcParams", "rcParams['font.size'] = 3",
          "import matplotlib.pyplot as plt", "plt.rcParams['font.size']"], [0, 1, 2]),
        (["import os\nenv = os.environ", "env['A'] = '1'", "os.getenv('A')"], [0, 1]),
        (["import os", "os.environ |= {'A': '1'}", "os.getenv('A')"], [0, 1]),
        (["import math", "setattr(math, 'foo', 1)", "math.foo"], [0, 1]),
        (["import numpy as np", "r = np.random", "r.seed(0)", "np.random.rand()"], [0, 1, 2]),
        (["import random, networkx as nx", "random.seed(0)", "nx.erdos_renyi_graph(3, 0.5)",
          "random.random()"], [0, 1, 2]),
        (["import sympy", "sympy.var('x y')", "x + y"], [0, 1]),
    ],
)  # fmt: skip
def test_what_libraries_do_behind_a_name_counts(cells: list[str], needed: list[int]) -> None:
    assert sliced(*cells) == needed


MISSING = """\
class Ids(dict):
    def __missing__(self, key):
        self[key] = len(self)
        return self[key]
ids = Ids()
"""
ROUNDS = """\
class Rounds:
    n = 0
    def __iter__(self):
        self.n += 1
        return iter([])
r = Rounds()
"""
NODES = """\
class Node:
    ids = count()
    def __init__(self):
        self.id = next(self.ids)
"""
OWN = """\
class Own:
    shared = [1]
    def __init__(self):
        self.rows = []
        self.rows.append(1)
"""
ONLY = """\
class Only(type):
    made = {}
    def __call__(cls):
        if cls not in cls.made:
            cls.made[cls] = super().__call__()
        return cls.made[cls]
"""
PLUGINS = """\
class Plugins(type):
    made = []
    def __new__(meta, name, bases, space):
        meta.made.append(name)
        return super().__new__(meta, name, bases, space)
"""


@pytest.mark.parametrize(
    ("cells", "needed"),
    [
        # what Python calls by itself: for a missing key, at the start of a loop, for a new class
        ([MISSING, "ids['a']", "dict(ids)"], [0, 1]),
        ([ROUNDS, "for x in r: pass", "r.n"], [0, 1]),
        ([PLUGINS, "class Base(metaclass=Plugins): pass", "class Own(Base): pass", "Plugins.made"],
         [0, 1, 2]),
        (["class A: pass", "class B(A): pass", "A"], [0]),
        ([ONLY, "class A(metaclass=Only): pass", "a = A()", "a.x = 1", "b = A()", "b.x"],
         [0, 1, 2, 3, 4]),
        ([ONLY, "class A(metaclass=Only): pass", "a = A()", "Only.made"], [0, 1, 2]),
        # what all instances share
        (["from itertools import count", NODES, "a = Node()", "b = Node()", "b.id"], [0, 1, 2, 3]),
        (["class N:\n    n = 0\n    def __init__(self): type(self).n += 1", "a = N()", "N.n"],
         [0, 1]),
        ([OWN, "a = Own()", "Own.shared"], [0]),
        # methods of one name in classes that name their arguments differently
        (["class A:\n    def predict(self, x): self.asked = x",
          "class B:\n    def predict(self, row, n): return row", "a = A()\nb = []",
          "a.predict(1)", "a.asked"], [0, 2, 3]),
        # what may be called so, and changes
        (["from collections import Counter", "c = Counter('aab')", "c.subtract('b')", "+c"],
         [0, 1, 2]),
        (["from collections import ChainMap\na = {}", "c = ChainMap(a)", "c['x'] = 1", "a"],
         [0, 1, 2]),
        (["import queue\nq = queue.Queue()", "q.put(1)", "q.get()", "q.qsize()"], [0, 1, 2]),
        (["import numpy as np\ni = (x for x in range(9))", "np.fromiter(i, int, 3)", "list(i)"],
         [0, 1]),
        (["import numpy as np\na = np.zeros(3)", "v = np.lib.stride_tricks.as_strided(a, (1,))",
          "v[0] = 1", "a"], [0, 1, 2]),
        (["import numpy as np\na = np.zeros(3)", "for x in np.nditer(a): x[...] = 1", "a"], [0, 1]),
        # a file must be there to be removed; what is printed looks as the options say
        (["from pathlib import Path\np = Path('a')", "(p / 'b').write_text('c')", "x = 1",
          "(p / 'b').unlink()"], [0, 1]),
        ([IMPORTS, "f = pd.DataFrame()", "pd.set_option('display.width', 9)", "print(f)"],
         [0, 1, 2]),
        (["from pathlib import Path\np = Path('a')", "p.write_text('b')", "p.exists()"], [0, 1]),
        (["from pathlib import Path\np = Path('a')", "p.write_text('b')", "p.rename('c')",
          "open('c').read()"], [0, 1, 2]),
        ([IMPORTS, "f = pd.DataFrame()", "pd.options.display.width = 9", "t = f'{f}'"],
         [0, 1, 2]),
        # a body that may end early, and go on
        (["from contextlib import suppress\nx = 1", "with suppress(KeyError):\n    x = {}['a']",
          "x"], [0, 1]),
        (["x = 1", "with open('a') as f:\n    x = f.read()", "x"], [1]),
        (["r = [1]", "t = %timeit -o -n1 sum(r)"], [0]),
        (["def f(): globals()['n'] = 1", "f()", "m = 1", "n"], [0, 1]),
        # a long way of shared elements, round a circle and through what a loop makes
        (["a = [[1]]", "b = a + []\nc = b + []\nd = c + []\ne = d + []\nf = e + []",
          "f[0].append(1)", "a"], [0, 1, 2]),
        (["a = [[1]]\nx = y = []", "for _ in a:\n    y = x + a + y\n    x = y + a\n    z = x + y",
          "z[0].append(1)", "a"], [0, 1, 2]),
        (["a = [[1]]", "x = a + []\ny = x + []\nz = y + x\ny = [0]\nx = [0]\nw = z + []",
          "w[0].append(1)", "a"], [0, 1, 2]),
        # what is the same by another name
        (["from dataclasses import replace", "a = make()", "b = replace(a, n=1)",
          "b.rows.append(1)", "a"], [0, 1, 2, 3]),
        (["import numpy as np\nnp.random.seed(0)", "r = np.random", "np.random.rand()",
          "r.normal()"], [0, 1, 2]),
        (["import builtins", "builtins.LIMIT = 5", "LIMIT"], [0, 1]),
        (["import matplotlib.pyplot as plt\nfrom matplotlib.patches import Circle",
          "fig, ax = plt.subplots()", "c = Circle((0, 0))", "ax.add_patch(c)", "c.set_radius(5)",
          "ax"], [0, 1, 2, 3, 4]),
        (["import matplotlib as mpl", "mpl.colormaps.register(own)", "ax = axes()",
          "ax.imshow(z, cmap='own')"], [0, 1, 2]),
        (["import matplotlib.pyplot as plt\nx = [1]", "fig, ax = plt.subplots()",
          "ax.pcolormesh(x)\nax.set_xscale('log')", "x"], [0]),
        # names in texts
        (["from patsy import dmatrix", "mid = 1", "def f(x): return x", "g = 1",
          "dmatrix('f(x, mid)', data)"], [0, 1, 2]),
        (["import statsmodels.formula.api as smf", "ref = 1\ng = 2", "x = 1",
          "smf.ols('y ~ C(g, Treatment(ref))', data)"], [0, 1]),
        (["import numpy as np", "text = 'y ~ np.log(x)'", "import statsmodels.formula.api as smf",
          "smf.ols(text, data)"], [0, 1, 2]),
        (["limit = 1", "top = 2", "df = 1", "df.query(f'{top} > a > @limit')"], [0, 1, 2]),
        (["import duckdb", "people = 1", "data = 1", "duckdb.sql('select * from people')"], [0, 1]),
        (["data = 1", "import pandas as pd", "pd.read_csv('~/data/x.csv')"], [1]),
    ],
)  # fmt: skip
def test_what_happens_without_being_written_counts(cells: list[str], needed: list[int]) -> None:
    assert sliced(*cells) == needed


TREE = "from collections import defaultdict\ntree = lambda: defaultdict(tree)\nt = tree()"
COUNTS = """\
def count_calls(f):
    def inner(*given):
        inner.calls += 1
        return f(*given)
    inner.calls = 0
    return inner
"""
TIMED = """\
def timed(f):
    def inner(*given):
        began = time.time()
        result = f(*given)
        print(time.time() - began)
        return result
    return inner
"""
KEPT = """\
def kept(size):
    def decorate(f):
        seen = {}
        def inner(x):
            seen[x] = f(x)
            return len(seen)
        return inner
    return decorate
"""
CALLED = "class Called:\n    n = 0\n    def __call__(self, x): self.n += 1"
TWIG = """\
class Twig:
    def __init__(self, on):
        self.twigs = []
        if on: on.twigs.append(self)
"""
BUS = """\
class Bus:
    heard = []
    @classmethod
    def on(cls, f): cls.heard.append(f)
    @classmethod
    def fire(cls, x): [f(x) for f in cls.heard]
"""
HALF = """\
from functools import cached_property
class A:
    v = 1
    @cached_property
    def half(self): return self.v / 2
a = A()
"""


@pytest.mark.parametrize(
    ("cells", "needed"),
    [
        # a dictionary that grows by being read, wherever it is kept
        (["from collections import defaultdict", "d = defaultdict(int)", "d['a']", "e = {}",
          "len(d)"], [0, 1, 2]),
        (["import collections\nd = collections.defaultdict(int)", "def look(x, k): return x[k]",
          "look(d, 'a')", "d.get('b')\nlist(d)", "len(d)"], [0, 1, 2]),
        ([TREE, "t['a']['b']", "t"], [0, 1]),
        (["from collections import defaultdict",
          "class A:\n    def __init__(self): self.d = defaultdict(int)", "a = A()", "a.d['x']",
          "a.d"], [0, 1, 2, 3]),
        (["from collections import defaultdict\nd = {}", "d['a']", "d"], [0]),
        # a decorator whose function remembers, and one whose doesn't
        ([COUNTS, "@count_calls\ndef f(x): return x", "f(1)", "x = 1", "f.calls"], [0, 1, 2]),
        ([KEPT, "@kept(3)\ndef f(x): return x", "map(f, [1])", "x = 1", "f(2)"], [0, 1, 2]),
        ([CALLED, "@Called\ndef f(x): return x", "f(1)", "f.n"], [0, 1, 2]),
        (["import time", TIMED, "@timed\ndef f(x): return x", "f(1)", "f(2)"], [0, 1, 2]),
        # answers that are kept, where they could be others by now
        (["from functools import cache\nrate = 1", "def g(x): return x * rate",
          "@cache\ndef f(x): return g(x)", "f(1)", "rate = 2", "f(1)"], [0, 1, 2, 3, 4]),
        (["from functools import lru_cache", "@lru_cache(None)\ndef f(x): return f(x - 1)", "f(1)",
          "f(2)"], [0, 1]),
        ([HALF, "a.half", "a.v = 2", "a.half"], [0, 1, 2]),
        # functions that somebody else knows, and calls
        (["log = []", "f = lambda x: log.append(x)", "f(1)", "log"], [0, 1, 2]),
        (["n = 1", "f = lambda x: x + n", "f(1)", "n"], [0]),
        (["calls = {}\nlog = []", "def on(k):\n    def told(f): calls[k] = f\n    return told",
          "@on('a')\ndef f(x): log.append(x)", "calls['a'](1)", "log"], [0, 1, 2, 3]),
        ([BUS, "log = []", "@Bus.on\ndef f(x): log.append(x)", "Bus.fire(1)", "log"],
         [0, 1, 2, 3]),
        # a function that was made by another, and does what that one says
        (["n = 0", "def make():\n    def f():\n        global n\n        n = 9\n    return f",
          "f = make()", "n = 1", "f()", "n"], [0, 1, 2, 3, 4]),
        # methods that Python calls by itself
        *(
            ([f"class A:\n    n = 0\n    def {method}(self, *k): self.n += 1\na = A()", use, "a.n"],
             [0, 1])
            for method, use in (
                ("__eq__", "a == 1"), ("__bool__", "if a: pass"), ("__bool__", "x = not a"),
                ("__bool__", "while a: pass"), ("__bool__", "assert a"), ("__bool__", "a or 1"),
                ("__len__", "x = 1 if a else 2"), ("__hash__", "{a: 1}"), ("__hash__", "x = {a}"),
                ("__hash__", "d[a] = 1"), ("__contains__", "1 in a"), ("__getattr__", "a.foo"),
                ("__iter__", "[*a]"), ("__iter__", "[x for x in a]"), ("__format__", "f'{a}'"),
                ("__str__", "print(a)"), ("__repr__", "'%r' % a"), ("__str__", "'{}'.format(a)"),
                ("__lt__", "sorted([a, a])"), ("__neg__", "-a"), ("__radd__", "1 + a"),
                ("__bool__", "[1 for x in y if a]"),
            )
        ),
        (["class Lazy:\n    def __get__(self, it, kind): it.log.append(1)",
          "class A:\n    x = Lazy()\na = A()", "a.x", "a.log"], [0, 1, 2]),
        (["class A:\n    n = 1\n    def __repr__(self): return f'{self.n}'", "a = A()",
          "print(a == a)", "a.n"], [0, 1]),
        # what an instance is given when it is made, and who knows it from the beginning
        (["shared = []", "class A:\n    def __init__(self): self.rows = shared", "a = A()",
          "a.rows.append(1)", "shared"], [0, 1, 2, 3]),
        ([TWIG, "a = Twig(None)\nc = Twig(None)", "b = Twig(a)", "c.n = 1", "b.n = 1", "a.twigs"],
         [0, 1, 2, 4]),
        (["class A:\n    all = {}\n    def __init__(self): self.__dict__ = self.all", "a = A()",
          "a.n = 1", "b = A()", "b.n"], [0, 1, 2, 3]),
        (["class A:\n    def __init__(self): self.rows = iter([1, 2])\na = A()",
          "for x in a.rows: break", "list(a.rows)"], [0, 1]),
    ],
)  # fmt: skip
def test_what_changes_by_being_asked_counts(cells: list[str], needed: list[int]) -> None:
    assert sliced(*cells) == needed


@pytest.mark.parametrize(
    "source",
    ["exec(code)", "print(dir())", "globals()['x'] = 1", "from lib import *", "%run other.py",
     "%%sql\nselect 1", "get_ipython().magic('x')", "eval(text)", "shell.user_ns['x'] = 1",
     "shell.run_cell('x = 1')"],
)  # fmt: skip
def test_what_cannot_be_known_is_said_and_kept(source: str) -> None:
    flow = flow_of("x = 1", source, "x")
    assert flow.uncertain("c2")[0].cell_id == "c1"
    assert flow.slice("c2") == ("c0", "c1")


@pytest.mark.parametrize(
    "source",
    ["", "\0", "\ud800", "\ufeffx = 1", "print 'old'", "\tx = 1\n\ty = 2", "x = 1\f\n", "(" * 5000,
     "1" + "+1" * 9000, "-" * 3000 + "1", "%%bash\n'unbalanced", "!pip install 'x", "x = !ls", "a?",
     "%", "%%", "!", "?", "x = %time f(", "x = '''\n%not a magic\n", "x;", "%time", "if x:\n!ls",
     "if a:\n  pass\n" + "elif b:\n  pass\n" * 2000, "f(" * 300 + ")" * 300, "\r\n%ls\r\n"],
)  # fmt: skip
def test_any_source_has_an_answer(source: str) -> None:
    flow = flow_of("kept = 1", source, "kept")
    assert "c0" in flow.slice("c2")
    assert flow.flow("c1").references is not None


@pytest.mark.parametrize(
    ("source", "defines"),
    [("x = !ls", {"x"}), ("%%capture out\ny = 1", {"out", "y"}), ("%%timeit\nz = 1", set()),
     ("%%time\nz = 1", {"z"}), ("  a = 1\n  b = 2", {"a", "b"}), ("df.head?", set()),
     ("if True:\n    %matplotlib inline\n    k = 1", {"k"}), ("s = '''\n%d ?\n!ls\n'''", {"s"}),
     ("!ls \\\n  -l\nq = 1", {"q"}), ("%%html\n<b>", set())],
)  # fmt: skip
def test_magics_leave_the_python_around_them(source: str, defines: set[str]) -> None:
    (flow,) = flow_of(source).flows
    assert flow.fault is None
    assert flow.defines == defines
    assert flow.plain.text.count("\n") == source.count("\n")


def test_what_the_service_supplies_is_taken_from_no_cell() -> None:
    sources = ("import pandas as pd", "calls = pd.DataFrame()", "len(calls)")
    for role, needed in ((Role.MONITOR, ()), (Role.TEST, ("c0", "c1")), (None, ("c0", "c1"))):
        roles = ((), (), (role,) if role else ())
        cells = [Cell(f"c{n}", n, "code", s, roles[n]) for n, s in enumerate(sources)]
        assert read_cells(cells).slice("c2") == needed


def test_functions_within_functions_are_read_however_deep_they_go() -> None:
    several = [f"def f{n}(): return f{n + 1}() + g{n}" for n in range(60)]
    flow = flow_of(*several, "def f60(): return seed", "seed = 1", "f0()")
    assert [f.references for f in flow.flows[:2]] == [("f1", "g0"), ("f2", "g1")]
    assert flow.slice("c62") == tuple(f"c{n}" for n in range(62))
