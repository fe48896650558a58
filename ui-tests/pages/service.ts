import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

import { expect, test as base } from '@jupyterlab/galata';
import type { APIRequestContext } from '@playwright/test';

import type { INotebook } from './notebooks';

const LABEL = 'org.nbdeploy.name';
const JOBS = '/nbdeploy/api/jobs';

interface IJob {
  id: string;
  name: string;
  state: string;
  finished: string | null;
}

/** A deployment of one test, under a name that nobody else on this engine has. */
export class Service {
  readonly name = `ui-${randomBytes(4).toString('hex')}`;

  constructor(private readonly _request: APIRequestContext) {}

  /** The engineer's file that gives the deployment its name. */
  get toml(): string {
    return `name = "${this.name}"\n`;
  }

  /** The ids of all containers of the deployment, running or not. */
  containers(): string[] {
    return docker('ps', '--all', '--quiet', ...this._filter());
  }

  /** Let the test cell of `waitingLoan` pass. */
  release(): void {
    const [gate] = docker('ps', '--quiet', ...this._filter());
    docker('exec', gate, 'touch', '/tmp/released');
  }

  /** The jobs that the server has for the deployment. */
  async jobs(): Promise<IJob[]> {
    const answer = await this._request.get(JOBS);
    const jobs = (await answer.json()) as IJob[];
    return jobs.filter(({ name }) => name === this.name);
  }

  /** Leave nothing on the server and the engine. */
  async remove(): Promise<void> {
    for (const { id } of await this.jobs()) {
      await this._request.delete(`${JOBS}/${id}`);
    }
    await expect(async () => {
      const jobs = await this.jobs();
      expect(jobs.filter(({ finished }) => !finished)).toEqual([]);
    }).toPass();
    await this._request.delete(`/nbdeploy/api/deployments/${this.name}`);
    this.containers().forEach(id => docker('rm', '--force', '--volumes', id));
    const images = docker('image', 'ls', '--quiet', ...this._filter());
    for (const id of new Set(images)) {
      docker('image', 'rm', '--force', id);
    }
  }

  private _filter(): string[] {
    return ['--filter', `label=${LABEL}=${this.name}`];
  }
}

/** Galata's test with a deployment that is gone afterwards. */
export const test = base.extend<{
  service: Service;
  upload: (notebook: INotebook) => Promise<void>;
}>({
  service: async ({ request }, use) => {
    const service = new Service(request);
    await use(service);
    await service.remove();
  },

  // Put a notebook and its engineer's file on the server and open it.
  upload: async ({ page, service, tmpPath }, use) => {
    await use(async notebook => {
      const path = `${tmpPath}/loan.ipynb`;
      await page.contents.uploadContent(JSON.stringify(notebook), 'text', path);
      await page.contents.uploadContent(
        service.toml,
        'text',
        `${tmpPath}/nbdeploy.toml`
      );
      await page.notebook.openByPath(path);
      await page.notebook.activate('loan.ipynb');
    });
  }
});

function docker(...words: string[]): string[] {
  const text = execFileSync('docker', words, { encoding: 'utf8' });
  return text.split('\n').filter(line => line !== '');
}
