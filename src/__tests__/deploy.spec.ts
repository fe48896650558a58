import type { NotebookPanel } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';

import type { ServerAPI } from '../api/server-api';
import { DeployModel } from '../models/deploy';
import { events, jobOf, json, RestServer } from './rest-server';

const DOCKER = { name: 'docker', available: true, reason: '', hint: '' };
const PROCESS = { name: 'process', available: true, reason: '', hint: '' };
const contents = { localPath: (path: string) => path.replace(/^RTC:/, '') };

describe('DeployModel', () => {
  const server = new RestServer();
  let api: ServerAPI;
  let panel: NotebookPanel;
  let model: DeployModel;

  const answerStatus = (docker = DOCKER): void => {
    server.routes['GET status'] = json({
      version: '0.1.0',
      targets: [docker, PROCESS],
      default_target: 'docker'
    });
  };

  beforeAll(async () => {
    api = await server.start();
    const context = await NBTestUtils.createMockContext();
    panel = NBTestUtils.createNotebookPanel(context);
  });

  afterAll(async () => {
    panel.dispose();
    await server.stop();
  });

  beforeEach(() => {
    server.requests.length = 0;
    answerStatus();
    server.routes['GET jobs/a1/events'] = events();
    const ended = { state: 'succeeded', path: panel.context.path } as const;
    server.routes['GET jobs/a1'] = json(jobOf({ ...ended, log: [] }));
    model = new DeployModel(api, contents);
  });

  afterEach(() => {
    model.dispose();
  });

  it('chooses the default target where it can be used', async () => {
    await model.refresh();
    expect(model.target).toBe('docker');
    expect(model.unavailable).toBeNull();
  });

  it('chooses another target and keeps the reason where it cannot', async () => {
    answerStatus({ ...DOCKER, available: false, reason: 'It is stopped.' });
    await model.refresh();
    expect(model.target).toBe('process');
    expect(model.unavailable?.reason).toBe('It is stopped.');
  });

  it('keeps what people chose', async () => {
    await model.refresh();
    model.target = 'process';
    await model.refresh();
    expect(model.target).toBe('process');
  });

  it('prefers the target of the settings', async () => {
    model.defaultTarget = 'process';
    await model.refresh();
    expect(model.target).toBe('process');
  });

  it('saves the notebook before it asks for a deploy', async () => {
    const order: string[] = [];
    panel.context.saveState.connect((_, state) => order.push(state));
    server.routes['POST deployments'] = (response, body) => {
      order.push(`deploy ${String(body['target'])}`);
      json(jobOf({ path: panel.context.path }), 202)(response, {}, null!);
    };
    await model.refresh();
    await model.deploy(panel);
    expect(order.indexOf('completed')).toBeLessThan(
      order.indexOf('deploy docker')
    );
    expect(order).toContain('completed');
    expect(model.jobFor(panel.context.path)?.job.id).toBe('a1');
  });

  it('says at once that it starts', async () => {
    server.routes['POST deployments'] = json(jobOf(), 202);
    const deploying = model.deploy(panel);
    expect(model.starting).toBe(true);
    await deploying;
    expect(model.starting).toBe(false);
  });

  describe('while a deploy runs already', () => {
    const listJob = (path: string): void => {
      server.routes['GET jobs'] = json([jobOf({ path, state: 'running' })]);
    };

    beforeEach(() => {
      const details = { job: 'a1' };
      server.routes['POST deployments'] = json(
        { message: 'Busy.', code: 'deploy_in_progress', details },
        409
      );
      // A stream that stays open: the job goes on.
      server.routes['GET jobs/a1/events'] = response => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.flushHeaders();
      };
    });

    it('shows it and says so', async () => {
      listJob(panel.context.path);
      await model.deploy(panel);
      expect(model.faultFor(panel.context.path)?.message).toBe('Busy.');
      expect(model.jobFor(panel.context.path)?.job.id).toBe('a1');
    });

    it('says so where it is the one of another notebook', async () => {
      listJob('other.ipynb');
      await model.deploy(panel);
      expect(model.faultFor(panel.context.path)?.message).toBe('Busy.');
      expect(model.faultFor('other.ipynb')).toBeNull();
      expect(model.jobFor(panel.context.path)).toBeNull();
    });

    it('says no more of it when it has ended', async () => {
      server.routes['GET jobs/a1/events'] = events();
      listJob(panel.context.path);
      const quiet = new Promise<void>(resolve => {
        model.changed.connect(() => {
          const { path } = panel.context;
          if (model.jobFor(path) && !model.faultFor(path)) {
            resolve();
          }
        });
      });
      await model.deploy(panel);
      await quiet;
      expect(model.jobFor(panel.context.path)?.job.state).toBe('succeeded');
    });
  });

  it('keeps the words of a server that refuses', async () => {
    server.routes['POST deployments'] = json(
      { message: 'No engine.', code: 'engine_unreachable', hint: 'Start it.' },
      503
    );
    await model.deploy(panel);
    expect(model.faultFor(panel.context.path)).toMatchObject({
      message: 'No engine.',
      hint: 'Start it.'
    });
  });

  it('finds running jobs again after a reload', async () => {
    server.routes['GET jobs'] = json([
      jobOf({ id: 'b2', path: 'other.ipynb', state: 'succeeded' }),
      jobOf({ state: 'running' })
    ]);
    await model.findJobs();
    expect(model.jobFor('loan.ipynb')?.job.id).toBe('a1');
    expect(model.jobFor('other.ipynb')?.job.id).toBe('b2');
    expect(model.jobFor('third.ipynb')).toBeNull();
  });
});
