import type { Cell } from '@jupyterlab/cells';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import type { CellList, Notebook } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { PanelLayout } from '@lumino/widgets';

import type { IDiagnostic, IFix } from '../documents';
import { applyFix } from '../models/fixes';
import { groupByCell } from '../models/problems';
import type { IAnalysisModel } from '../tokens';
import { CellProblems } from './cell-problems';
import { drawProblem } from './problem-element';
import { hasProblemMarks, problemMarks, showMarks } from './problem-marks';

const INPUT_CLASS = 'jp-Cell-inputWrapper';

type Problems = readonly IDiagnostic[];

/** Keeps the problems that one notebook's cells show in step with its analysis. */
export class NotebookProblems implements IDisposable {
  constructor(
    private readonly _notebook: Notebook,
    private readonly _analysis: IAnalysisModel,
    private readonly _options: {
      readonly trans: TranslationBundle;
      /** Go to a place in this notebook. */
      readonly reveal: (diagnostic: IDiagnostic) => void;
    }
  ) {
    _analysis.changed.connect(this._onAnalysisChanged, this);
    _notebook.modelChanged.connect(this._onModelChanged, this);
    _notebook.disposed.connect(this.dispose, this);
    this._onModelChanged();
    this._onAnalysisChanged();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    Signal.clearData(this);
    for (const cell of this._notebook.widgets) {
      this._show(cell, []);
    }
  }

  /** Take an answer about this notebook; others, and none yet, change nothing. */
  private _onAnalysisChanged(): void {
    const { analysis, notebook } = this._analysis;
    const model = this._notebook.model;
    // Two views of one notebook share its model.
    if (!model || !analysis || notebook.panel?.content.model !== model) {
      return;
    }
    const groups = groupByCell(model, analysis.diagnostics);
    const old = this._problems;
    this._problems = new Map();
    for (const cell of this._notebook.widgets) {
      const { id } = cell.model;
      // A cell that was edited meanwhile waits for the answer about its new text.
      const isAnswered = this._analysis.isAbout(cell.model);
      this._problems.set(id, (isAnswered ? groups : old).get(id) ?? []);
      if (isAnswered) {
        void this._draw(cell);
      }
    }
  }

  private _onModelChanged(): void {
    // The notebook connected to its cell list first, so the widgets exist by now.
    this._notebook.model?.cells.changed.connect(this._onCellsChanged, this);
  }

  /** Moving a cell makes a new widget, which shows nothing yet. */
  private _onCellsChanged(_: CellList): void {
    for (const cell of this._notebook.widgets) {
      if (!this._rows.has(cell)) {
        void this._draw(cell);
      }
    }
  }

  private async _draw(cell: Cell): Promise<void> {
    if (this._problemsOf(cell).length === 0 && !this._rows.has(cell)) {
      return;
    }
    // A cell outside the view is an empty placeholder until it is ready.
    await cell.ready;
    if (!cell.isDisposed && !this._isDisposed) {
      this._show(cell, this._problemsOf(cell));
    }
  }

  private _problemsOf(cell: Cell): Problems {
    return this._problems.get(cell.model.id) ?? [];
  }

  private _show(cell: Cell, problems: Problems): void {
    const old = this._rows.get(cell);
    const row = problems.length > 0 ? (old ?? this._addRow(cell)) : null;
    row?.setProblems(problems);
    if (old && !row) {
      old.dispose();
      this._rows.delete(cell);
    }
    const view = (cell.editor as CodeMirrorEditor | null)?.editor;
    if (view && hasProblemMarks(view)) {
      showMarks(view, problems, row?.rowIds ?? '');
    }
  }

  private _addRow(cell: Cell): CellProblems {
    const { reveal, trans } = this._options;
    const mend = (fix: IFix): void => this._mend(fix);
    const row = new CellProblems({ trans, mend, reveal });
    this._rows.set(cell, row);
    const layout = cell.layout as PanelLayout;
    const input = layout.widgets.findIndex(({ node }) =>
      node.classList.contains(INPUT_CLASS)
    );
    layout.insertWidget(input + 1, row);
    const editor = cell.editor as CodeMirrorEditor | null;
    if (editor && !hasProblemMarks(editor.editor)) {
      editor.injectExtension(problemMarks(this._drawHover));
    }
    return row;
  }

  private readonly _drawHover = (
    diagnostic: IDiagnostic,
    close: () => void
  ): HTMLElement => {
    const mend = (fix: IFix): void => {
      close();
      this._mend(fix);
    };
    return drawProblem(diagnostic, { trans: this._options.trans, mend });
  };

  private _mend(fix: IFix): void {
    if (this._notebook.model) {
      applyFix(this._notebook.model, fix);
      // The button goes away with its problem; the undo keys work in the notebook.
      this._notebook.mode = 'command';
      this._notebook.activeCell?.node.focus({ preventScroll: true });
    }
  }

  private _isDisposed = false;
  private _problems = new Map<string, Problems>();
  private readonly _rows = new WeakMap<Cell, CellProblems>();
}
