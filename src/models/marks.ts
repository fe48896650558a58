import { YNotebook } from '@jupyter/ydoc';
import type { ICellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';

import { type Marks, type Role, ROLES } from '../documents';
import type { IMarkedCell } from '../tokens';
import { findCell } from './cells';

const TITLE_LENGTH = 80;

/** Return a cell's role, the first of its tags that is one, or null. */
export function roleOf(cell: ICellModel): Role | null {
  return readTags(cell).find(isRole) ?? null;
}

/**
 * Give cells their roles (or none) as one step that undo takes back at once.
 *
 * Tags that are no roles stay, in their order. Cell ids that the notebook does
 * not have are ignored, and cells that have the role already are not written.
 */
export function applyMarks(notebook: INotebookModel, marks: Marks): void {
  const changes = Object.entries(marks)
    .map(([id, role]) => ({ cell: findCell(notebook, id)?.cell, role }))
    .filter(({ cell, role }) => cell && !hasExactly(cell, role));
  if (changes.length === 0) {
    return;
  }
  startUndoStep(notebook);
  notebook.sharedModel.transact(() => {
    for (const { cell, role } of changes) {
      if (cell) {
        writeRole(cell, role);
      }
    }
  });
  startUndoStep(notebook);
}

/** List the cells that have a role, in notebook order. */
export function listMarkedCells(notebook: INotebookModel): IMarkedCell[] {
  const marked: IMarkedCell[] = [];
  for (const [index, cell] of [...notebook.cells].entries()) {
    const role = roleOf(cell);
    if (role) {
      const title = titleOf(cell.sharedModel.getSource());
      marked.push({ id: cell.id, index, role, title });
    }
  }
  return marked;
}

/** Return the first line of source that says something. */
export function titleOf(source: string): string {
  const lines = source.split('\n').map(line => line.trim());
  const definition = lines.find(line =>
    /^(async\s+def|def|class)\s/.test(line)
  );
  const title = definition ?? lines.find(line => line !== '') ?? '';
  return title.slice(0, TITLE_LENGTH);
}

/** Undo groups changes of the same half second; a mark is a step of its own. */
function startUndoStep(notebook: INotebookModel): void {
  if (notebook.sharedModel instanceof YNotebook) {
    notebook.sharedModel.undoManager.stopCapturing();
  }
}

function hasExactly(cell: ICellModel, role: Role | null): boolean {
  const roles = readTags(cell).filter(isRole);
  return roles.length <= 1 && (roles[0] ?? null) === role;
}

function writeRole(cell: ICellModel, role: Role | null): void {
  const others = readTags(cell).filter(tag => !isRole(tag));
  const tags = role ? [...others, role] : others;
  if (tags.length > 0) {
    cell.sharedModel.setMetadata('tags', tags);
  } else {
    cell.sharedModel.deleteMetadata('tags');
  }
}

function readTags(cell: ICellModel): string[] {
  // Any program may have written the notebook: the value need not be a list.
  const tags: unknown = cell.sharedModel.getMetadata('tags');
  return Array.isArray(tags)
    ? tags.filter((tag): tag is string => typeof tag === 'string')
    : [];
}

function isRole(tag: string): tag is Role {
  return (ROLES as readonly string[]).includes(tag);
}
