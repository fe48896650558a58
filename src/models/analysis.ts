import type { ICellModel } from '@jupyterlab/cells';
import type { INotebookContent } from '@jupyterlab/nbformat';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ServerAPI } from '../api/server-api';
import type { IAnalysis } from '../documents';
import type { IAnalysisModel, ICurrentNotebook } from '../tokens';
import { listEdited } from './cells';
import { withoutPictures } from './notebook-content';

const DEBOUNCE_MS = 400;
// A cell that prints all the time, or a person who never stops, must not hold it up.
const MAX_WAIT_MS = 2000;

/** Keeps the analysis of the current notebook up to date while people type. */
export class AnalysisModel implements IAnalysisModel, IDisposable {
  constructor(
    readonly notebook: ICurrentNotebook,
    private readonly _api: Pick<ServerAPI, 'analyse'>
  ) {
    this._debouncer = new Debouncer(() => this._analyse(), DEBOUNCE_MS);
    notebook.changed.connect(this._onNotebookChanged, this);
    notebook.edited.connect(this._onEdited, this);
    this._onNotebookChanged();
  }

  get analysis(): IAnalysis | null {
    return this._analysis;
  }

  get error(): string {
    return this._error;
  }

  get changed(): ISignal<IAnalysisModel, void> {
    return this._changed;
  }

  isAbout(cell: ICellModel): boolean {
    return this._sources.get(cell.id) === cell.sharedModel.getSource();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._debouncer.dispose();
    Signal.clearData(this);
  }

  private _onNotebookChanged(): void {
    this._set(null, '');
    this._waitingSince = null;
    this._onEdited();
  }

  private _onEdited(): void {
    const now = Date.now();
    this._waitingSince ??= now;
    if (this.notebook.path && now - this._waitingSince < MAX_WAIT_MS) {
      // A rejection only says that the debouncer was disposed meanwhile.
      this._debouncer.invoke().catch(() => undefined);
    }
  }

  private async _analyse(): Promise<void> {
    this._waitingSince = null;
    const { panel, path } = this.notebook;
    const model = panel?.content.model;
    if (!panel || !model) {
      return;
    }
    await panel.context.ready;
    const request = ++this._request;
    const content = withoutPictures(model.toJSON() as INotebookContent);
    const sources = readSources(model);
    try {
      const edited = listEdited(model);
      const analysis = await this._api.analyse(path, content, edited);
      this._sources = request === this._request ? sources : this._sources;
      this._answer(request, analysis, '');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this._answer(request, this._analysis, message);
    }
  }

  /** Take an answer, unless a newer request or another notebook overtook it. */
  private _answer(
    request: number,
    analysis: IAnalysis | null,
    error: string
  ): void {
    if (request === this._request && !this._isDisposed) {
      this._set(analysis, error);
    }
  }

  private _set(analysis: IAnalysis | null, error: string): void {
    if (analysis === null) {
      this._request++;
    }
    this._analysis = analysis;
    this._error = error;
    this._changed.emit();
  }

  private _analysis: IAnalysis | null = null;
  private _sources: ReadonlyMap<string, string> = new Map();
  private _waitingSince: number | null = null;
  private _error = '';
  private _request = 0;
  private _isDisposed = false;
  private readonly _debouncer: Debouncer<void>;
  private readonly _changed = new Signal<IAnalysisModel, void>(this);
}

function readSources(notebook: INotebookModel): ReadonlyMap<string, string> {
  return new Map(
    [...notebook.cells].map(({ id, sharedModel }) => [
      id,
      sharedModel.getSource()
    ])
  );
}
