import type { INotebookModel } from '@jupyterlab/notebook';

import type { IFix } from '../documents';
import { applyMarks } from './marks';
import { addValues } from './values';

/** Whether one click mends it; other fixes only say what people can do. */
export function isApplicable({ kind, marks, values }: IFix): boolean {
  return Boolean((kind === 'mark' && marks) || (kind === 'value' && values));
}

/** Write what the fix says, as one step that undo takes back at once. */
export function applyFix(notebook: INotebookModel, fix: IFix): void {
  if (fix.kind === 'mark' && fix.marks) {
    applyMarks(notebook, fix.marks);
  } else if (fix.kind === 'value' && fix.values) {
    addValues(notebook, fix.values);
  }
}
