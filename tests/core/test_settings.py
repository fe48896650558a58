"""Settings are felt where nobody names their package, and only where somebody may feel them."""

from __future__ import annotations

import pytest

from tests.core.test_dataflow import sliced

NUMPY = "import numpy as np\na = np.zeros(2); b = a"
PANDAS = "import pandas as pd\ndf = pd.DataFrame()"
RAISE = "np.seterr(all='raise')"


@pytest.mark.parametrize(
    ("before", "setting", "cell"),
    [
        *((NUMPY, RAISE, cell) for cell in ("a / b", "c = a\nc /= b", "-a", "a.sum()", "sum(a)")),
        (NUMPY, RAISE, "def half(x): return x / b\nhalf(a)"),
        (NUMPY + "\ndef half(x): return x / b", RAISE, "half(a)"),
        *(
            (NUMPY, "np.set_printoptions(precision=2)", cell)
            for cell in ("s = repr(a)", "s = a.__repr__()", "s = f'{a!r:>9}'", "'{}'.format(a)",
                         "s = '%s' % a")
        ),
        (PANDAS, "pd.set_option('mode.copy_on_write', False)", "df.shift(1)"),
        (PANDAS, "pd.options.mode.use_inf_as_na = True", "df.isna()"),
        (PANDAS, "pd.set_option('display.precision', 2)", "df.to_string()"),
        (NUMPY + "\nimport warnings", "warnings.simplefilter('error')", "a / 0"),
        ("import warnings\ndef old(): return warnings.warn('x')", "warnings.simplefilter('error')",
         "old()"),
        *(
            ("import decimal\na = decimal.Decimal(1)", "decimal.getcontext().prec = 5", cell)
            for cell in ("a / 3", "a.sqrt()", "sum([a, a])", "-a")
        ),
        *(
            ("import datetime, locale\nd = datetime.date(2020, 1, 1)",
             "locale.setlocale(locale.LC_ALL, 'C.UTF-8')", cell)
            for cell in ("f'{1000:n}'", "d.strftime('%A')")
        ),
        ("import sys\ndef f(n): return f(n - 1)", "sys.setrecursionlimit(5000)", "f(4000)"),
        ("import os\nfrom pathlib import Path", "os.environ['HOME'] = '/tmp'", "Path.home()"),
        ("import os\nfrom pathlib import Path\np = Path('~')", "os.environ['HOME'] = '/tmp'",
         "p.expanduser()"),
        *(
            (PANDAS + "\nimport matplotlib.pyplot as plt\nimport seaborn as sns\nimport lib",
             "plt.style.use('ggplot')", cell)
            for cell in ("df.plot.bar()", "df.plot()", "sns.histplot([1])", "lib.draw([1])")
        ),
        ("import polars as pl\ndf = pl.DataFrame()", "pl.Config.set_tbl_rows(1)", "str(df)"),
        ("import dask\nq = dask.delayed(1)", "dask.config.set(scheduler='sync')", "q.compute()"),
        ("import lib\nq = lib.thing()", "lib.set_options(strict=True)", "q + q"),
        ("import torch\nx = torch.ones(3)", "torch.set_default_dtype(torch.float64)", "x * 2"),
        ("import torch\nfrom torch.utils.data import DataLoader\nl = DataLoader([1], shuffle=True)",
         "torch.manual_seed(0)", "for b in l: print(b)"),
        # random numbers that objects draw
        (PANDAS + "\nimport numpy as np", "np.random.seed(1)", "df.sample()"),
        ("import numpy as np\nfrom sklearn.svm import SVC\nm = SVC()", "np.random.seed(1)",
         "m.fit([[1]], [1])"),
    ],
)  # fmt: skip
def test_a_setting_counts_where_it_is_felt(before: str, setting: str, cell: str) -> None:
    assert sliced(before, setting, "n = 1", cell) == [0, 1]


@pytest.mark.parametrize(
    ("before", "setting", "cell"),
    [
        (NUMPY, RAISE, "[a, b]"),
        (NUMPY + "\nimport warnings", "warnings.filterwarnings('ignore')", "a / 2"),
        (NUMPY, "np.set_printoptions(precision=2)", "a / 2"),
        (PANDAS, "pd.set_option('display.max_rows', 5)", "df.mean()"),
        (PANDAS, "pd.options.mode.chained_assignment = None", "df.mean()"),
        ("import lib\nimport matplotlib.pyplot as plt", "plt.rcParams['font.size'] = 3",
         "lib.train()"),
    ],
)  # fmt: skip
def test_a_setting_does_not_count_where_nobody_feels_it(
    before: str, setting: str, cell: str
) -> None:
    assert sliced(before, setting, "n = 1", cell) == [0]


def test_warnings_that_are_no_errors_again_count() -> None:
    cells = ("import warnings", "warnings.simplefilter('error')", "warnings.simplefilter('ignore')")
    assert sliced(*cells, "def old(): return warnings.warn('x')", "old()") == [0, 1, 2, 3]


def test_what_is_set_after_a_function_does_not_count_for_it() -> None:
    cells = ("import numpy as np", "def half(x): return x / 2", RAISE, "half(1)")
    assert sliced(*cells[:2]) == []
    assert sliced(*cells) == [0, 1, 2]
