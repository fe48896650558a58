import type {
  INotebookModel,
  INotebookTracker,
  NotebookPanel
} from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ICurrentNotebook, IMarkedCell } from '../tokens';
import { listMarkedCells } from './marks';

/** Follows the tracker's notebook, whichever model it shows. */
export class CurrentNotebook implements ICurrentNotebook, IDisposable {
  constructor(
    private readonly _tracker: INotebookTracker,
    private readonly _contents: Pick<Contents.IManager, 'localPath'>
  ) {
    _tracker.currentChanged.connect(this._onCurrentChanged, this);
    this._onCurrentChanged();
  }

  get panel(): NotebookPanel | null {
    return this._panel;
  }

  get path(): string {
    return this._panel
      ? this._contents.localPath(this._panel.context.path)
      : '';
  }

  get markedCells(): readonly IMarkedCell[] {
    return this._markedCells;
  }

  get changed(): ISignal<ICurrentNotebook, void> {
    return this._changed;
  }

  get edited(): ISignal<ICurrentNotebook, void> {
    return this._edited;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  private _onCurrentChanged(): void {
    this._panel?.content.modelChanged.disconnect(this._onModelChanged, this);
    this._panel?.context.pathChanged.disconnect(this._onPathChanged, this);
    this._panel = this._tracker.currentWidget;
    this._panel?.content.modelChanged.connect(this._onModelChanged, this);
    this._panel?.context.pathChanged.connect(this._onPathChanged, this);
    this._onModelChanged();
  }

  private _onPathChanged(): void {
    this._changed.emit();
  }

  private _onModelChanged(): void {
    this._model?.contentChanged.disconnect(this._onContentChanged, this);
    this._model = this._panel?.content.model ?? null;
    this._model?.contentChanged.connect(this._onContentChanged, this);
    this._readMarks();
    this._changed.emit();
  }

  private _onContentChanged(): void {
    this._readMarks();
    this._edited.emit();
  }

  private _readMarks(): void {
    const model = this._model;
    this._markedCells =
      model && !model.isDisposed ? listMarkedCells(model) : [];
  }

  private _panel: NotebookPanel | null = null;
  private _model: INotebookModel | null = null;
  private _markedCells: readonly IMarkedCell[] = [];
  private _isDisposed = false;
  private readonly _changed = new Signal<ICurrentNotebook, void>(this);
  private readonly _edited = new Signal<ICurrentNotebook, void>(this);
}
