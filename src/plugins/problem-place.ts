import type { NotebookPanel } from '@jupyterlab/notebook';

import type { IDiagnostic } from '../documents';
import { revealCell } from '../models/cells';

/** Go to a problem's cell, and with the cursor to its place in it where it has one. */
export async function enterProblem(
  panel: NotebookPanel,
  { cell, column, line }: IDiagnostic
): Promise<void> {
  if (!cell) {
    return;
  }
  await revealCell(panel, cell, line, column);
  panel.content.mode = line === null ? 'command' : 'edit';
  panel.content.activate();
}
