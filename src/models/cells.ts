import { YNotebook } from '@jupyter/ydoc';
import { type ICellModel, isCodeCellModel } from '@jupyterlab/cells';
import type { INotebookModel, NotebookPanel } from '@jupyterlab/notebook';

import { editorColumn } from './columns';

/** A cell and where it stands, from 0. */
export interface IPlacedCell {
  readonly cell: ICellModel;
  readonly index: number;
}

/** Find a cell by its id, or by `cell-<index>` where the file format has no ids. */
export function findCell(
  notebook: INotebookModel,
  id: string
): IPlacedCell | null {
  const cells = [...notebook.cells];
  return placeAt(
    cells,
    id,
    cells.findIndex(cell => cell.id === id)
  );
}

/** Return a `findCell` for many ids, as long as the notebook's cells stay as they are. */
export function cellFinder(
  notebook: INotebookModel
): (id: string) => IPlacedCell | null {
  const cells = [...notebook.cells];
  const indices = new Map(cells.map((cell, index) => [cell.id, index]));
  return id => placeAt(cells, id, indices.get(id) ?? -1);
}

function placeAt(
  cells: readonly ICellModel[],
  id: string,
  byId: number
): IPlacedCell | null {
  const place = /^cell-(\d+)$/.exec(id);
  const index = byId === -1 && place ? Number(place[1]) : byId;
  const cell = cells[index];
  return cell ? { cell, index } : null;
}

/** Return the cells that were changed since they ran, as far as this editor has seen it. */
export function listEdited(notebook: INotebookModel): string[] {
  return [...notebook.cells].filter(isEdited).map(({ id }) => id);
}

function isEdited(cell: ICellModel): boolean {
  return isCodeCellModel(cell) && cell.isDirty;
}

/**
 * Put cells before another one, in their order, as one step that undo takes back at once.
 *
 * Cells that the notebook does not have, or that stand before it already, stay where they are.
 */
export function moveCells(
  notebook: INotebookModel,
  ids: readonly string[],
  before: string
): void {
  const shared = notebook.sharedModel;
  const undo = shared instanceof YNotebook ? shared.undoManager : null;
  const find = cellFinder(notebook);
  const first = find(before)?.cell;
  const moved = ids.map(id => find(id)?.cell);
  // The notebook tells of the moves when all are made: their order is followed here.
  const order = [...notebook.cells];
  undo?.stopCapturing();
  shared.transact(() => {
    for (const cell of moved) {
      const from = order.findIndex(other => other === cell);
      const to = order.findIndex(other => other === first);
      if (cell && to !== -1 && from > to) {
        shared.moveCell(from, to);
        order.splice(from, 1);
        order.splice(to, 0, cell);
      }
    }
  });
  undo?.stopCapturing();
}

/** Scroll to a cell, make it the active one, and put the cursor on a place in it (from 1). */
export async function revealCell(
  panel: NotebookPanel,
  id: string,
  line: number | null = null,
  column: number | null = null
): Promise<void> {
  const notebook = panel.content;
  const place = notebook.model && findCell(notebook.model, id);
  if (!place) {
    return;
  }
  notebook.deselectAll();
  notebook.activeCellIndex = place.index;
  await notebook.scrollToItem(place.index, 'smart');
  const editor = notebook.activeCell?.editor;
  if (editor && line !== null) {
    const source = place.cell.sharedModel.getSource();
    editor.setCursorPosition({
      line: line - 1,
      column: editorColumn(source, line, column ?? 1)
    });
  }
}
