import type { INotebookModel } from '@jupyterlab/notebook';

import type { IFix } from '../documents';
import { moveCells } from './cells';
import { applyMarks } from './marks';
import { addValues } from './values';

/** Whether one click mends it; other fixes only say what people can do. */
export function isApplicable(fix: IFix): boolean {
  const { kind, marks, values, moves, before } = fix;
  return Boolean(
    (kind === 'mark' && marks) ||
    (kind === 'value' && values) ||
    (kind === 'move' && moves && before)
  );
}

/** Write what the fix says, as one step that undo takes back at once. */
export function applyFix(notebook: INotebookModel, fix: IFix): void {
  if (fix.kind === 'mark' && fix.marks) {
    applyMarks(notebook, fix.marks);
  } else if (fix.kind === 'value' && fix.values) {
    addValues(notebook, fix.values);
  } else if (fix.kind === 'move' && fix.moves && fix.before) {
    moveCells(notebook, fix.moves, fix.before);
  }
}
