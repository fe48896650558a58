import type { INotebookModel, Notebook } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';

import { addValues, listValues, removeValue } from '../models/values';

describe('values', () => {
  let notebook: Notebook;
  let model: INotebookModel;

  beforeEach(() => {
    notebook = NBTestUtils.createNotebook();
    NBTestUtils.populateNotebook(notebook);
    model = notebook.model!;
    model.sharedModel.setMetadata('nbdeploy', { name: 'fraud' } as never);
  });

  afterEach(() => {
    notebook.dispose();
  });

  const choices = (): unknown => model.sharedModel.getMetadata('nbdeploy');

  it('adds names once and leaves other choices alone', () => {
    addValues(model, ['model']);
    addValues(model, ['model', 'encoder']);
    expect(choices()).toEqual({ name: 'fraud', values: ['model', 'encoder'] });
  });

  it('takes a name off, and the list with the last one', () => {
    addValues(model, ['model', 'encoder']);
    removeValue(model, 'model');
    expect(listValues(model)).toEqual(['encoder']);
    removeValue(model, 'encoder');
    expect(choices()).toEqual({ name: 'fraud' });
  });

  it('undoes one choice at a time', () => {
    addValues(model, ['model']);
    addValues(model, ['encoder']);
    model.sharedModel.undo();
    expect(listValues(model)).toEqual(['model']);
    model.sharedModel.undo();
    expect(choices()).toEqual({ name: 'fraud' });
    model.sharedModel.redo();
    expect(listValues(model)).toEqual(['model']);
  });

  it('does not write what is there already', () => {
    addValues(model, ['model']);
    let changes = 0;
    model.sharedModel.metadataChanged.connect(() => (changes += 1));
    addValues(model, ['model']);
    removeValue(model, 'nothing');
    expect(changes).toBe(0);
  });

  it('survives metadata that is no object', () => {
    model.sharedModel.setMetadata('nbdeploy', 'odd' as never);
    expect(listValues(model)).toEqual([]);
    addValues(model, ['model']);
    expect(choices()).toEqual({ values: ['model'] });
  });
});
