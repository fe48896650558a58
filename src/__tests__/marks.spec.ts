import type { INotebookModel, Notebook } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';

import { applyMarks, listMarkedCells, roleOf, titleOf } from '../models/marks';

describe('marks', () => {
  let notebook: Notebook;
  let model: INotebookModel;

  const idOf = (index: number): string => model.cells.get(index).id;
  const tagsOf = (index: number): unknown =>
    model.cells.get(index).sharedModel.getMetadata('tags');
  const setTags = (index: number, tags: string[]): void =>
    model.cells.get(index).sharedModel.setMetadata('tags', tags);

  beforeEach(() => {
    notebook = NBTestUtils.createNotebook();
    NBTestUtils.populateNotebook(notebook);
    model = notebook.model!;
    model.sharedModel.clearUndoHistory();
  });

  afterEach(() => {
    notebook.dispose();
  });

  it('stores the role as a cell tag', () => {
    applyMarks(model, { [idOf(0)]: 'production' });
    expect(tagsOf(0)).toEqual(['production']);
    expect(roleOf(model.cells.get(0))).toBe('production');
  });

  it('leaves other tags alone, in their order', () => {
    setTags(0, ['slow', 'test', 'figure-3']);
    applyMarks(model, { [idOf(0)]: 'monitor' });
    expect(tagsOf(0)).toEqual(['slow', 'figure-3', 'monitor']);
  });

  it('leaves one role when a cell has two', () => {
    setTags(0, ['test', 'production']);
    applyMarks(model, { [idOf(0)]: 'test' });
    expect(tagsOf(0)).toEqual(['test']);
  });

  it('takes the tag list away with the last tag', () => {
    setTags(0, ['production']);
    applyMarks(model, { [idOf(0)]: null });
    expect(tagsOf(0)).toBeUndefined();
  });

  it('keeps the other tags when a mark is cleared', () => {
    setTags(0, ['slow', 'production']);
    applyMarks(model, { [idOf(0)]: null });
    expect(tagsOf(0)).toEqual(['slow']);
  });

  it('survives tags that are no list of texts', () => {
    const cell = model.cells.get(0).sharedModel;
    cell.setMetadata('tags', 'production');
    expect(roleOf(model.cells.get(0))).toBeNull();
  });

  it('marks several cells as one undoable step', () => {
    applyMarks(model, { [idOf(0)]: 'production', [idOf(1)]: 'production' });
    model.sharedModel.undo();
    expect(listMarkedCells(model)).toEqual([]);
    model.sharedModel.redo();
    expect(listMarkedCells(model)).toHaveLength(2);
  });

  it('undoes one mark at a time, however fast they come', () => {
    applyMarks(model, { [idOf(0)]: 'production' });
    applyMarks(model, { [idOf(1)]: 'test' });
    model.sharedModel.undo();
    expect(listMarkedCells(model).map(({ role }) => role)).toEqual([
      'production'
    ]);
  });

  it('tells collaborators once about a selection', () => {
    let updates = 0;
    const ydoc = (model.sharedModel as unknown as { ydoc: { on: Listen } })
      .ydoc;
    ydoc.on('update', () => updates++);
    applyMarks(model, { [idOf(0)]: 'test', [idOf(1)]: 'test' });
    expect(updates).toBe(1);
  });

  it('writes nothing when the cell has the role already', () => {
    applyMarks(model, { [idOf(0)]: 'test' });
    model.sharedModel.clearUndoHistory();
    applyMarks(model, { [idOf(0)]: 'test' });
    expect(model.sharedModel.canUndo()).toBe(false);
  });

  it('ignores cells that are not there', () => {
    applyMarks(model, { nowhere: 'test' });
    expect(listMarkedCells(model)).toEqual([]);
  });

  it('finds cells of old notebooks by their place', () => {
    applyMarks(model, { 'cell-1': 'test' });
    expect(listMarkedCells(model).map(({ index }) => index)).toEqual([1]);
  });

  it('titles a cell with its first definition, else its first line', () => {
    expect(titleOf('\nimport x\n\ndef ratio(a):\n  pass')).toBe(
      'def ratio(a):'
    );
    expect(titleOf('\n  model = 1\n')).toBe('model = 1');
    expect(titleOf('')).toBe('');
  });
});

type Listen = (event: string, slot: () => void) => void;
