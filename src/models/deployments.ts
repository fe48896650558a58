import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type { ServerAPI } from '../api/server-api';
import type { IDeployment } from '../documents';
import type { IDeploymentsModel } from '../tokens';

const INTERVAL_MS = 10_000;
const MAX_INTERVAL_MS = 120_000;

/** Keeps the list of deployments: news of the server hurry it, a slow poll backs it. */
export class DeploymentsModel implements IDeploymentsModel, IDisposable {
  constructor(
    private readonly _api: Pick<ServerAPI, 'deployments' | 'stop' | 'rollback'>
  ) {
    this._poll = new Poll({
      name: 'nbdeploy-ext:deployments',
      standby: 'when-hidden',
      frequency: { interval: INTERVAL_MS, backoff: true, max: MAX_INTERVAL_MS },
      factory: () => this._read()
    });
  }

  get deployments(): readonly IDeployment[] {
    return this._deployments;
  }

  get error(): string {
    return this._error;
  }

  get changed(): ISignal<IDeploymentsModel, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this._poll.dispose();
    Signal.clearData(this);
  }

  async refresh(): Promise<void> {
    await this._poll.refresh();
    await this._poll.tick;
  }

  async stop(name: string): Promise<void> {
    await this._act(() => this._api.stop(name));
  }

  async rollback(name: string): Promise<void> {
    await this._act(() => this._api.rollback(name));
  }

  private async _act(action: () => Promise<unknown>): Promise<void> {
    let failure = '';
    try {
      await action();
    } catch (error) {
      failure = messageOf(error);
    }
    await this.refresh().catch(() => undefined);
    if (failure) {
      this._set(this._deployments, failure);
    }
  }

  private async _read(): Promise<void> {
    try {
      this._set(await this._api.deployments(), '');
    } catch (error) {
      this._set(this._deployments, messageOf(error));
      // The poll backs off when its factory rejects.
      throw error;
    }
  }

  private _set(deployments: readonly IDeployment[], error: string): void {
    this._deployments = deployments;
    this._error = error;
    this._changed.emit();
  }

  private _deployments: readonly IDeployment[] = [];
  private _error = '';
  private readonly _poll: Poll;
  private readonly _changed = new Signal<IDeploymentsModel, void>(this);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
