import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import { DisposableSet, type IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import { RequestError } from '../api/request';
import type { ServerAPI } from '../api/server-api';
import {
  type IAvailability,
  type IFault,
  type IJob,
  isActive
} from '../documents';
import type { IDeployModel, IJobModel } from '../tokens';
import { JobModel } from './job';

/** Deploys notebooks and keeps the jobs of this server, running ones found again. */
export class DeployModel implements IDeployModel, IDisposable {
  constructor(
    private readonly _api: ServerAPI,
    private readonly _contents: Pick<Contents.IManager, 'localPath'>
  ) {}

  /** The target to preselect where it can be used; empty for the server's own choice. */
  defaultTarget = '';

  get targets(): readonly IAvailability[] {
    return this._targets;
  }

  get target(): string {
    return this._chosen || this._preselected;
  }

  set target(name: string) {
    this._chosen = name;
    this._faults.clear();
    this._changed.emit();
  }

  get unavailable(): IAvailability | null {
    return this._unavailable;
  }

  get starting(): boolean {
    return this._starting;
  }

  get changed(): ISignal<IDeployModel, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._disposables.isDisposed;
  }

  dispose(): void {
    this._disposables.dispose();
    Signal.clearData(this);
  }

  faultFor(path: string): IFault | null {
    return this._faults.get(path) ?? null;
  }

  jobFor(path: string): JobModel | null {
    const jobs = this._jobs.filter(({ job }) => job.kind === 'deploy');
    const own = jobs.filter(({ job }) => job.path === path);
    return own.find(({ job }) => isActive(job)) ?? own[0] ?? null;
  }

  async refresh(): Promise<void> {
    const { targets, default_target } = await this._api.status();
    const wanted = this.defaultTarget || default_target;
    const standing = targets.find(({ name }) => name === wanted);
    this._targets = targets;
    this._unavailable = standing && !standing.available ? standing : null;
    this._preselected = this._unavailable
      ? (targets.find(({ available }) => available)?.name ?? wanted)
      : wanted;
    this._changed.emit();
  }

  /** Find the jobs that this browser does not know: after a reload, or of others. */
  async findJobs(): Promise<void> {
    for (const job of (await this._api.jobs()).reverse()) {
      this._watch(job);
    }
  }

  async deploy(panel: NotebookPanel): Promise<void> {
    if (this._starting) {
      return;
    }
    const path = this._contents.localPath(panel.context.path);
    this._begin(path);
    try {
      await panel.context.save();
      this._watch(await this._api.deploy(path, this.target));
    } catch (error) {
      this._faults.set(path, faultOf(error));
      await this._lookAround(path);
    } finally {
      this._starting = false;
      this._changed.emit();
    }
  }

  private _begin(path: string): void {
    this._starting = true;
    this._faults.delete(path);
    this._changed.emit();
  }

  /** Find what stood in the way: a job that runs already, or a target that went away. */
  private async _lookAround(path: string): Promise<void> {
    const busy = this._faults.get(path)?.code === 'deploy_in_progress';
    const search = busy ? this.findJobs() : this.refresh();
    await search.catch(() => undefined);
  }

  private _watch(job: IJob): void {
    if (this._jobs.some(known => known.job.id === job.id)) {
      return;
    }
    const model = new JobModel(job, this._api);
    this._disposables.add(model);
    this._jobs.unshift(model);
    model.changed.connect(this._onJobChanged, this);
    this._changed.emit();
    void model.follow();
  }

  private _onJobChanged({ job }: IJobModel): void {
    if (!isActive(job)) {
      this._forgetFaultsOf(job);
    }
    this._changed.emit();
  }

  /** A job that has ended stands in nobody's way. */
  private _forgetFaultsOf(job: IJob): void {
    for (const [path, fault] of this._faults) {
      if (fault.details?.['job'] === job.id) {
        this._faults.delete(path);
      }
    }
  }

  private _targets: readonly IAvailability[] = [];
  private _chosen = '';
  private _preselected = '';
  private _unavailable: IAvailability | null = null;
  private _starting = false;
  private readonly _faults = new Map<string, IFault>();
  private readonly _jobs: JobModel[] = [];
  private readonly _disposables = new DisposableSet();
  private readonly _changed = new Signal<IDeployModel, void>(this);
}

function faultOf(error: unknown): IFault {
  if (error instanceof RequestError) {
    return error.fault;
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message, code: '', hint: '' };
}
