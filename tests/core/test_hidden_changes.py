"""What changes an object without naming it: found in other people's notebooks, executed alone."""

from __future__ import annotations

import pytest

from tests.core.test_dataflow import sliced

GROWING = "import operator\nfrom collections import defaultdict\nd = defaultdict(int)"
OWN = "class Own(defaultdict):\n    def __init__(self): super().__init__(int)"

FACTORY = """\
from dataclasses import dataclass, field
shared = []
@dataclass
class P:
    log: list = field(default_factory=lambda: shared)
"""
NOTING = """\
class Noting:
    seen = []
    def __set__(self, owner, value): self.seen.append(value)
class A:
    x = Noting()
"""
QUEUE = """\
import queue, threading
q = queue.Queue()
def work(): return q.get()
"""
BUMP = """\
def outer():
    state = [0]
    def bump(): state.append(1)
    def peek(): return len(state)
    return bump, peek
"""
LOGGED = """\
log = []
def logged(f):
    def run(*given):
        log.append(f)
        return f(*given)
    return run
@logged
def f(): return 1
"""
KEEPING = """\
class A:
    all = []
    def __new__(cls):
        made = super().__new__(cls)
        cls.all.append(made)
        return made
    def __init__(self): self.n = 1
"""
MODULE = "import sys, types\nm = types.ModuleType('mine')\nm.x = 1"
SCALING = """\
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
x = np.ones((3, 1))"""
COLOUR = """\
from enum import Enum
class Colour(Enum): RED = 1
class Plain(Enum):
    def text(self): return self.name"""
KEEP = """\
import logging
class Keep(logging.Handler):
    def __init__(self):
        super().__init__()
        self.rows = []
    def emit(self, record): self.rows.append(record)
h, log = Keep(), logging.getLogger()"""
WEAK = "import weakref\nlog = []\nclass O: pass\no = O()"
GONE = "log = []\nclass D:\n    def __del__(self): log.append(1)"
META = """\
class Meta(type):
    made = {}
    def __new__(meta, name, bases, space):
        made = super().__new__(meta, name, bases, space)
        meta.made[name] = made
        return made
class Base(metaclass=Meta): pass
"""


@pytest.mark.parametrize(
    ("cells", "needed"),
    [
        # an array that a method of texts changes, and a text that it looks at
        (["import numpy as np\na = np.ones(3)", "a.partition(1)", "a"], [0, 1]),
        (["import numpy as np\na = np.ones(3)", "np.ndarray.partition(a, 1)", "a"], [0, 1]),
        (["a = 'b-c'", "a.partition('-')", "a"], [0]),
        # what is patched until somebody stops it
        (["import time\nfrom unittest import mock", "p = mock.patch('time.time')", "p.start()",
          "time.time()"], [0, 1, 2]),
        (["import math\nfrom unittest.mock import patch", "patch.object(math, 'pi', 3).start()",
          "n = 1", "patch.stopall()", "math.pi"], [0, 1, 3]),
        (["import os\nfrom unittest.mock import patch", "n = 1",
          "patch.dict(os.environ, {'A': '1'}).start()", "os.getenv('A')"], [0, 2]),
        (["from unittest.mock import patch", "def f(): return 1", "patch('__main__.f').start()",
          "f()"], [0, 1, 2]),
        # a module that is handed to somebody
        (["import math\nfrom lib import alter", "n = 1", "alter(math, 'tau', 6)", "math.tau"],
         [0, 2]),
        (["import math\nfrom lib import Kit", "k = Kit()", "k.alter(math, 'tau', 6)", "math.tau"],
         [0, 1, 2]),
        # dictionaries that grow when they are asked by somebody else, or of an own kind
        *(
            ([GROWING, "e = {}", use, "len(d)"], [0, 2])
            for use in ("'{a}'.format_map(d)", "'%(a)s' % d", "'{0[a]}'.format(d)",
                        "operator.getitem(d, 'a')", "d.__getitem__('a')",
                        "list(map(d.__getitem__, 'ab'))")
        ),
        (["from collections import defaultdict", "class D(defaultdict): pass", "d = D(int)",
          "d['a']", "len(d)"], [0, 1, 2, 3]),
        (["import collections", "class D(collections.defaultdict): pass", "d = D(int)", "d['a']",
          "len(d)"], [0, 1, 2, 3]),
        (["from collections import defaultdict", OWN, "class Other(Own): pass", "d = Other()",
          "d['a']", "len(d)"], [0, 1, 2, 3, 4]),
        # what an operator of an unknown library's object keeps, and what those of known ones don't
        (["from lib import uncertain\nx = uncertain(1)", "z = x / 2", "y = 3 - z", "x.error = 1",
          "y.error"], [0, 1, 2, 3]),
        (["from lib import uncertain\nx = uncertain(1)", "def half(a): return a / 2", "z = half(x)",
          "x.error = 1", "z.error"], [0, 1, 2, 3]),
        (["import lib\nimport pandas as pd", "x = pd.DataFrame()", "z = x - 1", "x.name = 1", "z"],
         [0, 1, 2]),
        # streams that are others from then on
        (["import sys, io\nb = io.StringIO()", "sys.stdout = b", "print(1)", "b.getvalue()"],
         [0, 1, 2]),
        (["import sys, io\nb = io.StringIO()", "sys.stderr = b", "def f(): sys.stderr.write('1')",
          "f()", "b.getvalue()"], [0, 1, 2, 3]),
        (["import sys\nold = sys.stdout", "sys.stdout = open('a', 'w')", "sys.stdout = old",
          "print(1)"], [0, 1, 2]),
        (["import sys", "print(1)", "print(2)"], []),
        # a file that has another path from another folder
        (["import os\nos.mkdir('a')", "os.chdir('a')", "open('b.txt', 'w').write('1')",
          "os.chdir('..')", "open('a/b.txt').read()"], [0, 1, 2, 3]),
        (["from contextlib import chdir", "n = 1",
          "with chdir('a'): open('b.txt', 'w').write('1')", "open('a/b.txt').read()"], [0, 2]),
        (["open('b.txt', 'w').write('1')", "%cd a", "open('../b.txt').read()"], [0, 1]),
        # a module by another name, or in the hands of the notebook's own function
        (["import json", "m = json", "m.extra = 1", "json.extra"], [0, 1, 2]),
        (["import json", "vars(json)['extra'] = 1", "json.extra"], [0, 1]),
        (["import json", "def tag(m): m.extra = 1", "n = 1", "tag(json)", "json.extra"], [0, 1, 3]),
        # a module that a table, a function or a loop leads to
        *(
            (["import importlib, json, shlex, sys", f"{module}.extra = 1", "n = 1", "shlex.extra"],
             [0, 1])
            for module in ("sys.modules['shlex']", "importlib.import_module('shlex')",
                           "__import__('shlex')", "sys.modules['sh' + 'lex']",
                           "[json, shlex][1]", "{'a': shlex}['a']", "(shlex if sys else json)")
        ),
        (["import shlex, json", "for m in [shlex, json]: m.extra = 1", "n = 1", "json.extra"],
         [0, 1]),
        (["import shlex, sys", "all = sys.modules", "all['shlex'].extra = 1", "shlex.extra"],
         [0, 1, 2]),
        # a module that the notebook makes itself
        *(
            ([MODULE, "n = 1", put, "m.x = 2", "import mine\nmine.x"], [0, 2, 3])
            for put in ("sys.modules['mine'] = m", "name = 'mine'\nsys.modules[name] = m")
        ),
        ([MODULE, "all = sys.modules", "all['mine'] = m", "from mine import x"], [0, 1, 2]),
        ([MODULE, "sys.modules['mine'] = m", "import mine", "mine.x = 2", "m.x"], [0, 1, 2, 3]),
        (["import shlex", "def lexer(): return shlex", "lexer().extra = 1", "shlex.extra"],
         [0, 1, 2]),
        (["import shlex, json", "for m in [shlex, json]: print(m.__name__)", "shlex.split('a')"],
         [0]),
        # settings that begin to hold when somebody says so, and those that hold for a while
        (["import numpy as np", "c = np.errstate(all='raise')", "c.__enter__()", "np.log(0)"],
         [0, 1, 2]),
        (["import numpy as np", "c = np.printoptions(precision=2)", "c.__enter__()", "n = 1",
          "print(n)"], [0, 1, 2, 3]),
        (["import pandas as pd", "with pd.option_context('display.width', 9): print(1)", "n = 1",
          "pd.DataFrame()"], [0]),
        (["import matplotlib as mpl", "mpl.rc('font', size=3)", "n = 1", "mpl.rcdefaults()",
          "mpl.rcParams"], [0, 1, 3]),
        (["import matplotlib.pyplot as plt", "plt.gray()", "n = 1", "plt.imshow([[n]])"],
         [0, 1, 2]),
        (["import logging", "logging.addLevelName(25, 'A')", "logging.getLevelName(25)"], [0, 1]),
        (["import logging", "logging.root.handlers.clear()", "logging.root.handlers"], [0, 1]),
        (["import gc", "gc.disable()", "gc.isenabled()"], [0, 1]),
        (["import csv", "csv.register_dialect('p', delimiter='|')", "csv.reader(['a|b'], 'p')"],
         [0, 1]),
        (["import numpy as np\nseen = []", "f = np.vectorize(lambda v: seen.append(v))", "f([1])",
          "seen"], [0, 1, 2]),
        # what a lambda changes that is made, or made anew, after it
        *(
            ([f"import functools\nimport numpy as np\n{made}\nseen = []", call, "n = 1", "seen"],
             [0, 1])
            for made, call in (
                ("f = lambda v: seen.append(v)", "f(1)"),
                ("f = np.vectorize(lambda v: seen.append(v))", "f([1])"),
                ("f = functools.partial(lambda v: seen.append(v), 1)", "f()"),
                ("f = {'a': lambda v: seen.append(v)}", "f['a'](1)"),
                ("class A:\n    f = lambda self, v: seen.append(v)", "A().f(1)"),
            )
        ),
        (["f = lambda v: seen.append(v)", "seen = []", "list(map(f, [1]))", "seen"], [0, 1, 2]),
        (["f = lambda v: seen + [v]", "seen = []", "f(1)", "seen"], [1]),
        (["from decimal import Decimal, getcontext\na = Decimal(1)", "getcontext().prec = 3",
          "a / 3"], [0, 1]),
        (["import sklearn\nfrom sklearn.preprocessing import StandardScaler\ns = StandardScaler()",
          "sklearn.set_config(transform_output='pandas')", "s.transform([[1]])"], [0, 1]),
        # what a library's class is given, its objects have
        (["import pandas as pd\ndf = pd.DataFrame()", "pd.DataFrame.shout = print", "df.shout()"],
         [0, 1]),
        (["import pandas as pd\ns = pd.Series()", "class A: n = 1",
          "pd.api.extensions.register_series_accessor('mine')(A)", "s.mine.n"], [0, 1, 2]),
        # an element that is found in a document
        (["import xml.etree.ElementTree as ET\nroot = ET.fromstring('<a><b/></a>')",
          "b = root.find('b')", "b.set('x', '2')", "ET.tostring(root)"], [0, 1, 2]),
        # methods that are handed on, a stream that is cut, and a parser's file
        (["rows = []\npush = rows.append", "list(map(push, [7, 8]))", "rows"], [0, 1]),
        (["def f(rows):\n    push = rows.append\n    push(1)", "rows = []", "f(rows)", "rows"],
         [0, 1, 2]),
        (["rows = []", "ops = {'p': rows.append}", "rows = 0", "for op in ops.values(): op(1)",
          "ops['p'].__self__"], [0, 1, 3]),
        (["import io\nb = io.StringIO()", "b.truncate(0)", "b.getvalue()"], [0, 1]),
        (["import configparser\np = configparser.ConfigParser()", "open('a.ini', 'w').write('[a]')",
          "p.read('a.ini')", "p.sections()"], [0, 1, 2]),
        # what a class has of its own cell: a factory, and a descriptor that takes notes
        ([FACTORY, "p = P()", "p.log.append(1)", "shared"], [0, 1, 2]),
        ([NOTING, "a = A()", "a.x = 1", "Noting.seen"], [0, 1, 2]),
        # a queue that a function takes from which a thread runs
        ([QUEUE, "t = threading.Thread(target=work)", "t.start()", "q.qsize()"], [0, 1, 2]),
        # functions that share what is around them; classes that a class makes
        ([BUMP, "bump, peek = outer()", "bump()", "peek()"], [0, 1, 2]),
        ([META, "class Own(Base): pass", "Meta.made"], [0, 1]),
        # what a function does with each thing that it is handed on to
        *(
            (["rows = [[1]]\ndef fill(r): r.append(1)", use, "rows"], [0, 1])
            for use in ("list(map(fill, rows))", "list(map(lambda r: r.append(1), rows))",
                        "sorted(rows, key=fill)", "rows[0].apply(fill)")
        ),
        (["rows = [[1]]", "fill = lambda r: r.append(1)", "list(map(fill, rows))", "rows"],
         [0, 1, 2]),
        *(
            ([f"{made}\nrows = [[1]]", "fill = [lambda r, *_: r.append(1)][0]", use, "rows"],
             [0, 1, 2])
            for made, use in (
                ("import functools", "functools.reduce(fill, rows, [])"),
                ("from functools import reduce as fold", "fold(fill, rows, [])"),
                ("import itertools as it", "list(it.starmap(fill, [rows]))"),
                ("import itertools as it", "list(it.accumulate(rows, fill))"),
                ("", "sorted(rows, key=fill)"),
            )
        ),
        (["class A:\n    def fill(self, r): r.append(1)", "rows = [[1]]",
          "list(map(A().fill, rows))", "rows"], [0, 1, 2]),
        (["rows = [[1]]", "list(map(lambda r: r + [1], rows))", "rows"], [0]),
        (["import matplotlib.pyplot as plt\nfig, axes = plt.subplots(2)", "n = 1",
          "list(map(lambda ax: ax.set_title('a'), axes))", "axes[0].get_title()"], [0, 2]),
        # an object that is told to change what it gets, and what it gives back then
        *(
            ([SCALING, made, use, "x"], [0, 1, 2])
            for made, use in (
                ("s = StandardScaler(copy=False)", "s.fit_transform(x)"),
                ("s = make_pipeline(StandardScaler(copy=False))", "s.fit(x).transform(x)"),
                ("s = StandardScaler()\ns.set_params(copy=False)", "s.transform(x)"),
                ("s = LinearRegression(copy_X=False)", "s.fit(x, [1])"),
                ("s = StandardScaler(copy=False)", "def f(a): return s.transform(a)\nf(x)"),
                ("s = StandardScaler(copy=False)", "y = s.fit_transform(x)\ny[0] = 0"),
                ("s = StandardScaler(copy=False)\ny = s.fit_transform(x)", "y[0] = 0"),
                ("s = StandardScaler()", "s.transform(x, copy=False)"),
                ("y = x.astype(float, copy=False)", "y[0] = 0"),
                ("from scipy import linalg", "linalg.lu(x, overwrite_a=True)"),
            )
        ),
        # an array that a call is given for its result, and gives back
        *(
            ([f"import numpy as np\nx = np.ones(3)\ny = {made}", "y[0] = 5", "x"], [0, 1])
            for made in ("np.clip(x, 0, 1, out=x)", "np.add(x, x, x)", "np.sqrt(x, x)",
                         "x.cumsum(out=x)")
        ),
        (["import numpy as np\nx = np.ones(3)", "np.negative(x, x)", "x"], [0, 1]),
        ([SCALING, "s = StandardScaler()", "s.fit_transform(x)", "x"], [0]),
        ([SCALING, "s = StandardScaler(copy=True)", "s.fit_transform(x)", "x"], [0]),
        # a class that belongs to a library's: what that does to its instances, or with them
        ([COLOUR, "Colour(1).seen = 1", "n = 1", "Colour.RED.seen"], [0, 1]),
        ([COLOUR, "class Own(Plain): RED = 1", "Own(1).seen = 1", "Own.RED.seen"], [0, 1, 2]),
        ([KEEP, "log.addHandler(h)", "log.info('a')", "h.rows"], [0, 1, 2]),
        # a stream that somebody reads or writes through another object, or writes to
        *(
            (["import io, zipfile, gzip, numpy as np\nb = io.BytesIO()", f"w = {made}", use,
              "b.tell()"], [0, 1, 2])
            for made, use in (("io.TextIOWrapper(b)", "w.read(2)"),
                              ("zipfile.ZipFile(b, 'w')", "w.writestr('a', 'b')"),
                              ("gzip.GzipFile(fileobj=b, mode='w')", "w.write(b'c')"))
        ),
        (["import io, numpy as np\nb = io.BytesIO()", "np.save(b, [1])", "b.tell()"], [0, 1]),
        (["import asyncio", "q = asyncio.Queue()", "q.put_nowait(1)", "q.get_nowait()",
          "await q.get()", "q.qsize()"], [0, 1, 2, 3, 4]),
        # random numbers by another name
        (["import random", "r = random", "r.seed(1)", "random.random()", "random.random()"],
         [0, 1, 2, 3]),
        # what a decorator of the notebook does at each call, and what `__new__` does
        ([LOGGED, "f()", "log"], [0, 1]),
        ([KEEPING, "A()", "len(A.all)"], [0, 1]),
        (["log = []\nclass A:\n    def __getattr__(self, name): log.append(name)", "a = A()",
          "a.b", "log"], [0, 1, 2]),
        *(
            (["class A:\n    n = 0\n    def __getattr__(self, name): self.n += 1", "a = A()", use,
              "a.n"], [0, 1, 2])
            for use in ("getattr(a, 'b')", "hasattr(a, 'b')")
        ),
        (["class A: pass\na, b = A(), A()", "a.__dict__ = b.__dict__", "a.n = 1", "b.n"],
         [0, 1, 2]),
        # operators as functions, and lists of `sys` by another name
        (["import operator\nrows = [1, 2]", "operator.delitem(rows, 0)", "rows"], [0, 1]),
        (["import operator\nrows = [1, 2]", "operator.iconcat(rows, [0])", "rows"], [0, 1]),
        (["import sys", "folders = sys.path", "folders.append('a')", "sys.path"], [0, 1, 2]),
        # what an exception has with it, or was raised from
        (["rows = []", "try: raise ValueError(rows)\nexcept ValueError as e: e.args[0].append(1)",
          "rows"], [0, 1]),
        (["e = ValueError()", "try: raise KeyError from e\nexcept KeyError as k: c = k.__cause__",
          "c.note = 1", "e.note"], [0, 1, 2]),
        # several targets at once, and a table of the same figures
        (["n = 1", "a, b = both = [1], [2]", "b.append(3)", "both"], [1, 2]),
        (["import matplotlib.pyplot as plt\nfig, axes = plt.subplots(2)",
          "table = dict(zip('ab', axes))", "table['a'].set_xlim(0, 9)", "axes[0].get_xlim()"],
         [0, 1, 2]),
        # a container that is made of another's elements, before those change
        *(
            (["import copy\na = [1]", f"b = {made}", "a.append(2)", "b"], [0, 1, 2])
            for made in ("[a] + [0]", "list([a])", "sorted([a])", "dict(k=a)", "copy.copy([a])",
                         "{'k': a}.copy()", "dict(zip('k', [a]))", "list(enumerate([a]))")
        ),
        (["a = [1]", "b = list(a)", "a.append(2)", "b"], [0, 1]),
        ([META, "Own = type('Own', (Base,), {})", "Meta.made"], [0, 1]),
        # an object that is gone: what was to happen then happens, and a file is written
        ([WEAK, "weakref.finalize(o, log.append, 1)", "del o", "log"], [0, 1, 2]),
        ([WEAK, "weakref.ref(o, log.append)", "o = 0", "log"], [0, 1, 2]),
        ([WEAK, "c = weakref.WeakValueDictionary(k=o)", "o = 0", "len(c)"], [0, 1, 2]),
        ([GONE, "d = D()", "d = 0", "log"], [0, 1, 2]),
        ([GONE, "d = D()", "del d", "log"], [0, 1, 2]),
        *(
            ([f"{WEAK}\nweakref.finalize(o, log.append, 1)", f"def f():\n    global o\n    {gone}",
              "f()", "log"], [0, 1, 2])
            for gone in ("o = 0", "del o")
        ),
        ([GONE, "several = [D()]", "several.clear()", "log"], [0, 1, 2]),
        (["import csv", "w = csv.writer(open('a.csv', 'w'))", "w.writerow([1])", "del w",
          "open('a.csv').read()"], [0, 1, 2, 3]),
        # the environment, which methods of libraries may ask, and a parser of arguments
        (["import os\nfrom lib import Client\nc = Client()", "os.environ['A'] = '1'",
          "c.filter('x')"], [0, 1]),
        (["import sys, argparse", "sys.argv = ['a', 'b']", "p = argparse.ArgumentParser()"],
         [0, 1]),
        # a state of random numbers that an object is given
        (["from scipy.stats import norm\nd = norm()", "d.random_state = 1", "d.rvs()", "d.rvs()"],
         [0, 1, 2]),
        # a view, a table in a module, and what the shell says of an object
        (["import numpy as np\na = np.ones((2, 2))", "d = np.einsum('ii->i', a)", "d[:] = 0", "a"],
         [0, 1, 2]),
        (["import sympy\nfrom sympy.assumptions import global_assumptions", "n = 1",
          "global_assumptions.add(n)", "sympy.ask(1)"], [0, 1, 2]),
        (["n = 1", "a = 1", "a?"], [1]),
        (["n = 1", "import math", "?math.pi"], [1]),
        (["n = 1", "a = 1", "%psource a"], [1]),
    ],
)  # fmt: skip
def test_what_changes_through_other_hands_counts(cells: list[str], needed: list[int]) -> None:
    assert sliced(*cells) == needed
