import type { INotebookModel, Notebook } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';

import type { IDiagnostic, IFix } from '../documents';
import { applyFix, isApplicable } from '../models/fixes';
import { listMarkedCells } from '../models/marks';
import {
  findNeighbour,
  fixesOf,
  groupByCell,
  listPlaces,
  rangeOf
} from '../models/problems';
import { listValues } from '../models/values';
import { diagnosticOf } from './diagnostics';

const SOURCE = [
  'import gone',
  'def f():',
  '    return é + naïve * 𝒳y',
  '',
  '"tail'
].join('\n');

describe('rangeOf', () => {
  const textAt = (line: number | null, column: number | null): string => {
    const range = rangeOf(SOURCE, { line, column });
    return range ? SOURCE.slice(range.from, range.to) : '';
  };

  it('marks the name at the place', () => {
    expect(textAt(3, 16)).toBe('naïve');
    expect(textAt(3, 12)).toBe('é');
  });

  it('counts characters where editors count more for some', () => {
    expect(textAt(3, 24)).toBe('𝒳y');
    expect(textAt(3, 25)).toBe('y');
  });

  it('marks all of an import, and of what is no name', () => {
    expect(textAt(1, 1)).toBe('import gone');
    expect(textAt(3, 22)).toBe('* 𝒳y');
  });

  it('marks the whole line, its indent aside, where there is no column', () => {
    expect(textAt(3, null)).toBe('return é + naïve * 𝒳y');
  });

  it('marks the last character for a place behind the line', () => {
    expect(textAt(2, 99)).toBe(':');
  });

  it('marks nothing on empty and missing lines, and without a line', () => {
    expect([textAt(4, 1), textAt(9, 1), textAt(null, null)]).toEqual([
      '',
      '',
      ''
    ]);
  });
});

describe('problems of a notebook', () => {
  let notebook: Notebook;
  let model: INotebookModel;

  const named = (code: string, changes: Partial<IDiagnostic>): IDiagnostic =>
    diagnosticOf({ code, ...changes });

  beforeEach(() => {
    notebook = NBTestUtils.createNotebook();
    NBTestUtils.populateNotebook(notebook);
    model = notebook.model!;
  });

  afterEach(() => {
    notebook.dispose();
  });

  it('are grouped by cell in the order of reading, those of no cell aside', () => {
    const last = named('B', { cell: 'cell-0', line: 2, column: 1 });
    const first = named('A', { cell: 'cell-0', line: 1, column: 5 });
    const groups = groupByCell(model, [
      last,
      named('C', { cell: null }),
      named('D', { cell: 'nowhere' }),
      first
    ]);
    expect([...groups]).toEqual([[model.cells.get(0).id, [first, last]]]);
  });

  it('follow each other, and start anew at the end', () => {
    const places = listPlaces(model, [
      named('second', { cell: 'cell-1', line: 3, column: 4 }),
      named('first', { cell: 'cell-1', line: null, column: null }),
      named('third', { cell: 'cell-2', line: 1, column: 1 })
    ]);
    const walk = (
      direction: 'next' | 'previous',
      index: number,
      line: number,
      column: number
    ): string | undefined =>
      findNeighbour(places, { index, line, column }, direction)?.diagnostic
        .code;
    expect(walk('next', 0, 0, -1)).toBe('first');
    expect(walk('next', 1, 0, -1)).toBe('second');
    expect(walk('next', 1, 2, 3)).toBe('third');
    expect(walk('next', 2, 0, 0)).toBe('first');
    expect(walk('previous', 2, 0, 0)).toBe('second');
    expect(walk('previous', 1, 2, 3)).toBe('first');
    expect(walk('previous', 1, 0, -1)).toBe('third');
    expect(findNeighbour([], places[0], 'next')).toBeUndefined();
  });

  it('stand where the editor has its cursor on their lines', () => {
    model.cells.get(1).sharedModel.setSource("'ok'\n'😀é' + gone + lost");
    const columns = [4, 8, 99].map(column => {
      const diagnostic = named('A', { cell: 'cell-1', line: 2, column });
      return listPlaces(model, [diagnostic])[0].column;
    });
    expect(columns).toEqual([4, 8, 99]);
  });
});

describe('fixes', () => {
  const mark: IFix = {
    title: 'Mark it',
    kind: 'mark',
    marks: { 'cell-0': 'production', 'cell-1': 'production' }
  };
  const ship: IFix = { title: 'Ship it', kind: 'value', values: ['x'] };
  const none: IFix = { title: 'Mend it', kind: 'none', marks: null };

  it('are those that there are, the better one first', () => {
    const both = diagnosticOf({ fix: mark, other_fix: ship });
    expect(fixesOf(both)).toEqual([mark, ship]);
    expect(fixesOf(diagnosticOf({ fix: null, other_fix: null }))).toEqual([]);
  });

  it('are a click only where we can write what they say', () => {
    expect([mark, ship, none].map(isApplicable)).toEqual([true, true, false]);
    expect(isApplicable({ ...mark, kind: 'invented' })).toBe(false);
  });

  it('are one step of undo each', () => {
    const notebook = NBTestUtils.createNotebook();
    NBTestUtils.populateNotebook(notebook);
    const model = notebook.model!;
    model.sharedModel.clearUndoHistory();
    applyFix(model, mark);
    applyFix(model, ship);
    applyFix(model, none);
    model.sharedModel.undo();
    expect(listValues(model)).toEqual([]);
    expect(listMarkedCells(model)).toHaveLength(2);
    model.sharedModel.undo();
    expect(listMarkedCells(model)).toEqual([]);
    notebook.dispose();
  });
});
