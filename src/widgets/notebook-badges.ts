import type { Cell } from '@jupyterlab/cells';
import type { CellList, Notebook } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';
import type { PanelLayout } from '@lumino/widgets';

import { type Role, ROLES } from '../documents';
import { roleOf } from '../models/marks';
import { Badge } from './badge';

const MARKED_CLASS = 'jp-nbdeploy-mod-marked';

/** Keeps bars and badges of one notebook's cells in step with their roles. */
export class NotebookBadges implements IDisposable {
  constructor(
    private readonly _notebook: Notebook,
    private readonly _words: Record<Role, string>
  ) {
    _notebook.modelChanged.connect(this._onModelChanged, this);
    _notebook.disposed.connect(this.dispose, this);
    this._onModelChanged();
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
      this._clear(cell);
    }
  }

  private _onModelChanged(): void {
    // The notebook connected to its cell list first, so the widgets exist by now.
    this._notebook.model?.cells.changed.connect(this._onCellsChanged, this);
    this._decorateAll();
  }

  private _onCellsChanged(_: CellList): void {
    this._decorateAll();
  }

  /** Moving a cell makes a new model and a new widget, so all are looked at. */
  private _decorateAll(): void {
    for (const cell of this._notebook.widgets) {
      cell.model.metadataChanged.connect(this._onMetadataChanged, this);
      this._decorate(cell);
    }
  }

  private _onMetadataChanged(model: Cell['model']): void {
    const cell = this._notebook.widgets.find(widget => widget.model === model);
    if (cell) {
      this._decorate(cell);
    }
  }

  private _decorate(cell: Cell): void {
    const role = roleOf(cell.model);
    cell.toggleClass(MARKED_CLASS, role !== null);
    for (const other of ROLES) {
      cell.toggleClass(`jp-nbdeploy-mod-${other}`, other === role);
    }
    if (role) {
      void this._showBadge(cell);
    } else {
      this._dropBadge(cell);
    }
  }

  private async _showBadge(cell: Cell): Promise<void> {
    // A cell outside the view is an empty placeholder until it is ready.
    await cell.ready;
    const role = cell.isDisposed ? null : roleOf(cell.model);
    if (!role || this._isDisposed) {
      return;
    }
    const badge = this._badges.get(cell) ?? this._addBadge(cell);
    badge.setRole(role);
  }

  private _addBadge(cell: Cell): Badge {
    const badge = new Badge(this._words);
    this._badges.set(cell, badge);
    (cell.layout as PanelLayout).insertWidget(0, badge);
    return badge;
  }

  private _clear(cell: Cell): void {
    cell.removeClass(MARKED_CLASS);
    for (const role of ROLES) {
      cell.removeClass(`jp-nbdeploy-mod-${role}`);
    }
    this._dropBadge(cell);
  }

  private _dropBadge(cell: Cell): void {
    this._badges.get(cell)?.dispose();
    this._badges.delete(cell);
  }

  private _isDisposed = false;
  private readonly _badges = new WeakMap<Cell, Badge>();
}
