import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface ICell {
  cell_type: 'code' | 'markdown';
  id: string;
  metadata: { tags?: string[] };
  source: string;
  outputs?: unknown[];
  execution_count?: number | null;
}

/** A notebook of format 4.5, as far as the tests need it. */
export interface INotebook {
  cells: ICell[];
  metadata: Record<string, unknown>;
  nbformat: number;
  nbformat_minor: number;
}

const EXAMPLE = join(__dirname, '../../examples/breast-cancer');

/** A notebook of code cells with the given sources and nothing marked. */
export function notebookOf(...sources: string[]): INotebook {
  return {
    cells: sources.map((source, index) => ({
      cell_type: 'code',
      id: `cell${index}`,
      metadata: {},
      source,
      outputs: [],
      execution_count: null
    })),
    metadata: {
      kernelspec: {
        name: 'python3',
        display_name: 'Python 3 (ipykernel)',
        language: 'python'
      },
      language_info: { name: 'python' }
    },
    nbformat: 4,
    nbformat_minor: 5
  };
}

/** A small service: a helper that nobody marked, a function, a test, a monitor. */
export const LOAN = notebookOf(
  'LIMIT = 0.4',
  'import math',
  'def ratio(debt: float, income: float) -> float:\n    return debt / income',
  'def decide(debt: float, income: float) -> bool:\n    return ratio(debt, income) < LIMIT',
  'def test_decide():\n    assert decide(1.0, 10.0)',
  'len(calls)',
  'rate = 0.2'
);

/** The same service as it is deployed, with a test cell of the given source. */
export function markedLoan(test: string): INotebook {
  const loan = notebookOf(...LOAN.cells.map(({ source }) => source));
  const roles = [
    'production',
    '',
    'production',
    'production',
    'test',
    'monitor'
  ];
  for (const [index, role] of roles.entries()) {
    if (role) {
      loan.cells[index].metadata.tags = [role];
    }
  }
  loan.cells[4].source = test;
  return loan;
}

/** A service whose test cell waits until somebody releases it. */
export function waitingLoan(): INotebook {
  return markedLoan(
    [
      'import os, time',
      'def test_that_waits():',
      "    while not os.path.exists('/tmp/released'):",
      '        time.sleep(0.05)'
    ].join('\n')
  );
}

/** The example notebook as it ships, and as it is before anybody marked it. */
export function exampleNotebook(): { marked: INotebook; bare: INotebook } {
  const text = readFileSync(join(EXAMPLE, 'breast_cancer.ipynb'), 'utf8');
  const marked = JSON.parse(text) as INotebook;
  const bare = JSON.parse(text) as INotebook;
  for (const cell of bare.cells) {
    delete cell.metadata.tags;
  }
  return { marked, bare };
}
