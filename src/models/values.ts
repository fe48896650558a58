import { YNotebook } from '@jupyter/ydoc';
import type { INotebookModel } from '@jupyterlab/notebook';

const KEY = 'nbdeploy';

/** Return the names that the notebook ships as data. */
export function listValues(notebook: INotebookModel): string[] {
  const { values } = readChoices(notebook);
  return Array.isArray(values)
    ? values.filter((name): name is string => typeof name === 'string')
    : [];
}

/**
 * Ship these names as data too, as one step that undo takes back at once.
 *
 * Other choices of the notebook stay; nothing is written when all are there.
 */
export function addValues(
  notebook: INotebookModel,
  names: readonly string[]
): void {
  const known = listValues(notebook);
  const values = [...new Set([...known, ...names])];
  if (values.length > known.length) {
    write(notebook, { ...readChoices(notebook), values });
  }
}

/** Ship a name no longer; undo takes it back. */
export function removeValue(notebook: INotebookModel, name: string): void {
  const known = listValues(notebook);
  if (!known.includes(name)) {
    return;
  }
  const values = known.filter(other => other !== name);
  const { values: _, ...others } = readChoices(notebook);
  write(notebook, values.length > 0 ? { ...others, values } : others);
}

type Choices = Record<string, unknown>;

function readChoices(notebook: INotebookModel): Choices {
  // Any program may have written the notebook: the value need not be an object.
  const found: unknown = notebook.sharedModel.getMetadata(KEY);
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? { ...(found as Choices) }
    : {};
}

function write(notebook: INotebookModel, choices: Choices): void {
  const shared = notebook.sharedModel;
  trackMetadata(notebook);
  stopCapturing(notebook);
  shared.transact(() => {
    if (Object.keys(choices).length > 0) {
      shared.setMetadata(KEY, choices as never);
    } else {
      shared.deleteMetadata(KEY);
    }
  });
  stopCapturing(notebook);
}

/** Undo looks at cells alone, until told of the notebook's metadata too. */
function trackMetadata({ sharedModel }: INotebookModel): void {
  if (sharedModel instanceof YNotebook) {
    const metadata = sharedModel.ymeta.get('metadata');
    sharedModel.undoManager.addToScope(metadata ?? []);
  }
}

/** Undo groups changes of the same half second; a choice is a step of its own. */
function stopCapturing(notebook: INotebookModel): void {
  if (notebook.sharedModel instanceof YNotebook) {
    notebook.sharedModel.undoManager.stopCapturing();
  }
}
