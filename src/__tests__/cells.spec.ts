import type { INotebookModel, Notebook } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';

import { moveCells } from '../models/cells';
import { applyFix, isApplicable } from '../models/fixes';

describe('moving cells', () => {
  let notebook: Notebook;
  let model: INotebookModel;

  const ids = (): string[] => [...model.cells].map(cell => cell.id);

  beforeEach(() => {
    notebook = NBTestUtils.createNotebook();
    NBTestUtils.populateNotebook(notebook);
    model = notebook.model!;
    model.sharedModel.clearUndoHistory();
  });

  afterEach(() => {
    notebook.dispose();
  });

  it('puts cells before another one, in their order, with their sources', () => {
    const [a, b, c, d, ...rest] = ids();
    const source = model.cells.get(3).sharedModel.getSource();
    moveCells(model, [c, d], a);
    expect(ids()).toEqual([c, d, a, b, ...rest]);
    expect(model.cells.get(1).sharedModel.getSource()).toBe(source);
  });

  it('is one step to undo', () => {
    const before = ids();
    moveCells(model, [before[2], before[3]], before[0]);
    model.sharedModel.undo();
    expect(ids()).toEqual(before);
  });

  it('leaves cells alone that stand before it, or that are not there', () => {
    const before = ids();
    moveCells(model, [before[0], 'nowhere'], before[2]);
    moveCells(model, [before[2]], 'nowhere');
    expect(ids()).toEqual(before);
  });

  it('is what a fix of that kind does', () => {
    const [a, b] = ids();
    const fix = { title: 'Move it up', kind: 'move', moves: [b], before: a };
    expect(isApplicable(fix)).toBe(true);
    applyFix(model, fix);
    expect(ids().slice(0, 2)).toEqual([b, a]);
  });
});
