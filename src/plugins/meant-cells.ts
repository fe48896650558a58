import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Cell } from '@jupyterlab/cells';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

/** The cells that a command is about, and their notebook. */
export interface IMeantCells {
  readonly panel: NotebookPanel;
  readonly cells: readonly Cell[];
}

/**
 * Return the cells that a command means: the selection, or the right-clicked cell.
 *
 * The right-clicked cell counts alone when the selection does not hold it. The
 * application keeps its last context-menu event for ever, so it is asked only
 * when `args` say that the command comes from that menu.
 */
export function findMeantCells(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  args: ReadonlyPartialJSONObject
): IMeantCells | null {
  const clicked = args['fromContextMenu'] ? findClicked(app, tracker) : null;
  const panel = clicked?.panel ?? tracker.currentWidget;
  if (!panel) {
    return null;
  }
  const notebook = panel.content;
  const selection = notebook.widgets.filter(cell =>
    notebook.isSelectedOrActive(cell)
  );
  const cell = clicked?.cell;
  return cell && !selection.includes(cell)
    ? { panel, cells: [cell] }
    : { panel, cells: selection };
}

function findClicked(
  app: JupyterFrontEnd,
  tracker: INotebookTracker
): { panel: NotebookPanel; cell: Cell } | null {
  const node = app.contextMenuHitTest(candidate =>
    candidate.classList.contains('jp-Cell')
  );
  const panel = tracker.find(({ content }) =>
    content.node.contains(node ?? null)
  );
  const cell = panel?.content.widgets.find(widget => widget.node === node);
  return panel && cell ? { panel, cell } : null;
}
