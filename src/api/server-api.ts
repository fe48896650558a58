import type { INotebookContent } from '@jupyterlab/nbformat';
import type { ServerConnection } from '@jupyterlab/services';

import type { IAnalysis, IDeployment, IJob, IStatus } from '../documents';
import { type IServerEvent, readEvents } from './event-stream';
import { requestAPI, requestJSON } from './request';

/** The REST API of the server extension, one method per request. */
export class ServerAPI {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** Ask for the server's version and its targets. */
  status(): Promise<IStatus> {
    return requestJSON('status', this.settings);
  }

  /** Analyse a notebook as it stands; `edited` cells were changed since they ran. */
  analyse(
    path: string,
    content: INotebookContent,
    edited: readonly string[]
  ): Promise<IAnalysis> {
    const body = { path, content, edited };
    return requestJSON('analysis', this.settings, 'POST', body);
  }

  /** Start a deploy. */
  deploy(path: string, target: string): Promise<IJob> {
    const body = target ? { path, target } : { path };
    return requestJSON('deployments', this.settings, 'POST', body);
  }

  /** List the jobs, newest first, without their logs. */
  jobs(): Promise<IJob[]> {
    return requestJSON('jobs', this.settings);
  }

  /** Read one job with its whole log. */
  job(id: string): Promise<IJob> {
    return requestJSON(`jobs/${encodeURIComponent(id)}`, this.settings);
  }

  /** Ask a job to stop. */
  cancel(id: string): Promise<IJob> {
    const endPoint = `jobs/${encodeURIComponent(id)}`;
    return requestJSON(endPoint, this.settings, 'DELETE');
  }

  /** Yield a job's news until it ends or `signal` aborts. */
  async *events(id: string, signal: AbortSignal): AsyncGenerator<IServerEvent> {
    const endPoint = `jobs/${encodeURIComponent(id)}/events`;
    const headers = { Accept: 'text/event-stream' };
    const init = { headers, signal };
    const response = await requestAPI(endPoint, this.settings, init);
    if (response.body) {
      yield* readEvents(response.body);
    }
  }

  /** List the deployments of all targets. */
  deployments(): Promise<IDeployment[]> {
    return requestJSON('deployments', this.settings);
  }

  /** Stop a deployment. */
  async stop(name: string): Promise<void> {
    const endPoint = `deployments/${encodeURIComponent(name)}`;
    await requestAPI(endPoint, this.settings, { method: 'DELETE' });
  }

  /** Make the version before the live one live again. */
  rollback(name: string): Promise<IJob> {
    const endPoint = `deployments/${encodeURIComponent(name)}/rollback`;
    return requestJSON(endPoint, this.settings, 'POST', {});
  }
}
