import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ServerAPI } from '../api/server-api';
import { type IJob, type IStep, isActive } from '../documents';
import type { IJobModel } from '../tokens';

const POLL_MS = 1000;
const LOG_LINES = 2000;

/** Follows one job: by its event stream, and by asking where streams do not pass. */
export class JobModel implements IJobModel, IDisposable {
  constructor(
    job: IJob,
    private readonly _api: Pick<ServerAPI, 'job' | 'events' | 'cancel'>
  ) {
    this._set(job);
  }

  get job(): IJob {
    return this._job;
  }

  get log(): readonly string[] {
    return this._log;
  }

  get changed(): ISignal<IJobModel, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._stop.signal.aborted;
  }

  dispose(): void {
    this._stop.abort();
    Signal.clearData(this);
  }

  /** Watch the job until it ends. */
  async follow(): Promise<void> {
    await this._stream().catch(() => undefined);
    while (!this.isDisposed && isActive(this._job)) {
      await this._read().catch(() => undefined);
      if (isActive(this._job)) {
        await new Promise(resolve => setTimeout(resolve, POLL_MS));
      }
    }
    // The stream leaves the log's early lines out when it was joined late.
    await this._read().catch(() => undefined);
  }

  async cancel(): Promise<void> {
    this._set(await this._api.cancel(this._job.id));
  }

  private async _stream(): Promise<void> {
    // The stream begins with what happened so far.
    this._log = [];
    for await (const { event, data } of this._api.events(
      this._job.id,
      this._stop.signal
    )) {
      this._take(event, data);
    }
  }

  private _take(event: string, data: string): void {
    if (event === 'step') {
      this._setStep(JSON.parse(data) as IStep);
    } else if (event === 'log') {
      const { line } = JSON.parse(data) as { line: string };
      this._log = [...this._log, line].slice(-LOG_LINES);
      this._changed.emit();
    } else if (event === 'state') {
      this._set(JSON.parse(data) as IJob);
    }
  }

  private async _read(): Promise<void> {
    this._set(await this._api.job(this._job.id));
  }

  private _setStep(step: IStep): void {
    const steps = this._job.steps.map(old =>
      old.name === step.name ? step : old
    );
    // A step that runs is the first news that the job does.
    const state = this._job.state === 'queued' ? 'running' : this._job.state;
    this._set({ ...this._job, state, steps });
  }

  private _set({ log, ...job }: IJob): void {
    if (this.isDisposed) {
      return;
    }
    this._job = job;
    if (log) {
      this._log = log.slice(-LOG_LINES);
    }
    this._changed.emit();
  }

  private _job!: IJob;
  private _log: readonly string[] = [];
  private readonly _stop = new AbortController();
  private readonly _changed = new Signal<IJobModel, void>(this);
}
