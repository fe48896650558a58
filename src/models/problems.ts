import type { INotebookModel } from '@jupyterlab/notebook';

import type { IDiagnostic, IFix } from '../documents';
import { cellFinder } from './cells';
import { editorColumn } from './columns';

/** A name, which is marked alone; of an import all is marked. */
const NAME = /^(?!(?:from|import)\b)[\p{L}\p{N}_]+/u;

/** A part of a text, in UTF-16 units as editors count. */
export interface ITextRange {
  readonly from: number;
  readonly to: number;
}

/**
 * A place in a notebook: all count from 0, columns in UTF-16 units as editors
 * do, and column -1 is the cell as a whole.
 */
export interface INotebookPlace {
  readonly index: number;
  readonly line: number;
  readonly column: number;
}

/** A diagnostic and where it stands. */
export interface IPlacedDiagnostic extends INotebookPlace {
  readonly diagnostic: IDiagnostic;
}

/** Return the fixes of a diagnostic, the better one first. */
export function fixesOf(diagnostic: IDiagnostic): readonly IFix[] {
  return [diagnostic.fix, diagnostic.other_fix].filter(
    (fix): fix is IFix => fix !== null && fix !== undefined
  );
}

/** Group the diagnostics that name a cell by its model's id, in the order of reading. */
export function groupByCell(
  notebook: INotebookModel,
  diagnostics: readonly IDiagnostic[]
): ReadonlyMap<string, readonly IDiagnostic[]> {
  const groups = new Map<string, IDiagnostic[]>();
  for (const { diagnostic, index } of listPlaces(notebook, diagnostics)) {
    const { id } = notebook.cells.get(index);
    groups.set(id, [...(groups.get(id) ?? []), diagnostic]);
  }
  return groups;
}

/**
 * Return what to underline: the name at the diagnostic's place, or what else
 * stands on the line from there; null where it has no line or the line is empty.
 */
export function rangeOf(
  source: string,
  { line, column }: Pick<IDiagnostic, 'line' | 'column'>
): ITextRange | null {
  const lines = source.split('\n');
  const text = line === null ? undefined : lines[line - 1];
  if (line === null || text === undefined) {
    return null;
  }
  const before = lines.slice(0, line - 1);
  const start = before.reduce((sum, { length }) => sum + length + 1, 0);
  const end = text.trimEnd().length;
  const indent = text.length - text.trimStart().length;
  const first = column === null ? indent : editorColumn(source, line, column);
  // A place behind the last character is that of something that is missing.
  const from = Math.min(first, Math.max(end - 1, 0));
  const name = column === null ? null : NAME.exec(text.slice(from, end));
  const to = name ? from + name[0].length : end;
  return from < to ? { from: start + from, to: start + to } : null;
}

/** Return the diagnostics that name a cell, in the order of reading. */
export function listPlaces(
  notebook: INotebookModel,
  diagnostics: readonly IDiagnostic[]
): readonly IPlacedDiagnostic[] {
  const find = cellFinder(notebook);
  return diagnostics
    .flatMap(diagnostic => {
      const { cell, column, line } = diagnostic;
      const place = cell ? find(cell) : null;
      return place
        ? [
            {
              diagnostic,
              index: place.index,
              line: (line ?? 1) - 1,
              column:
                line === null
                  ? -1
                  : editorColumn(
                      place.cell.sharedModel.getSource(),
                      line,
                      column ?? 1
                    )
            }
          ]
        : [];
    })
    .sort(comparePlaces);
}

/** Return the first after, or the last before, a place; beyond the end starts anew. */
export function findNeighbour(
  places: readonly IPlacedDiagnostic[],
  from: INotebookPlace,
  direction: 'next' | 'previous'
): IPlacedDiagnostic | undefined {
  const after = places.find(place => comparePlaces(place, from) > 0);
  const before = places.filter(place => comparePlaces(place, from) < 0);
  return direction === 'next'
    ? (after ?? places.at(0))
    : (before.at(-1) ?? places.at(-1));
}

function comparePlaces(one: INotebookPlace, other: INotebookPlace): number {
  return (
    one.index - other.index ||
    one.line - other.line ||
    one.column - other.column
  );
}
