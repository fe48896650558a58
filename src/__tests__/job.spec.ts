import type { ServerAPI } from '../api/server-api';
import { JobModel } from '../models/job';
import { events, jobOf, json, RestServer } from './rest-server';

const BUILDING = {
  name: 'build',
  state: 'running',
  seconds: 1.5,
  done: 3,
  total: 9,
  unit: 'layers'
};

describe('JobModel', () => {
  const server = new RestServer();
  let api: ServerAPI;
  let model: JobModel;

  beforeAll(async () => {
    api = await server.start();
  });

  afterAll(() => server.stop());

  beforeEach(() => {
    server.requests.length = 0;
  });

  afterEach(() => {
    model.dispose();
  });

  it('takes steps, log and end from the event stream', async () => {
    const ended = jobOf({ state: 'succeeded', result: { url: 'http://x' } });
    server.routes['GET jobs/a1/events'] = events(
      ['step', BUILDING],
      ['log', { line: 'one' }],
      ['step', { ...BUILDING, done: 9 }],
      ['log', { line: 'two' }],
      ['state', ended]
    );
    server.routes['GET jobs/a1'] = json({ ...ended, log: ['one', 'two'] });
    model = new JobModel(jobOf({ log: [] }), api);
    const logs: number[] = [];
    const states: string[] = [];
    model.changed.connect(({ job, log }) => {
      logs.push(log.length);
      states.push(job.state);
    });

    await model.follow();

    expect(logs).toEqual([0, 1, 1, 2, 2, 2]);
    expect(states.slice(0, 2)).toEqual(['running', 'running']);
    expect(model.job.result?.url).toBe('http://x');
    expect(model.log).toEqual(['one', 'two']);
  });

  it('keeps the other steps when one changes', async () => {
    server.routes['GET jobs/a1/events'] = events(['step', BUILDING]);
    server.routes['GET jobs/a1'] = json({}, 500);
    model = new JobModel(jobOf(), api);
    model.changed.connect(({ job }) => {
      expect(job.steps.map(({ name }) => name)).toHaveLength(5);
      expect(job.steps[2]).toEqual(BUILDING);
      model.dispose();
    });
    await model.follow();
    expect.assertions(2);
  });

  it('asks for the job where no stream comes through', async () => {
    server.routes['GET jobs/a1/events'] = json({ message: 'Bad' }, 502);
    server.routes['GET jobs/a1'] = json(
      jobOf({ state: 'failed', log: ['a line'] })
    );
    model = new JobModel(jobOf(), api);
    await model.follow();
    expect(model.job.state).toBe('failed');
    expect(model.log).toEqual(['a line']);
  });

  it('repeats no line of a stream that begins with what happened', async () => {
    server.routes['GET jobs/a1/events'] = events(['log', { line: 'one' }]);
    server.routes['GET jobs/a1'] = json({}, 500);
    model = new JobModel(jobOf({ log: ['one'] }), api);
    const logged = new Promise<readonly string[]>(resolve => {
      model.changed.connect(({ log }) => resolve(log));
    });
    const followed = model.follow();
    expect(await logged).toEqual(['one']);
    model.dispose();
    await followed;
  });

  it('reads the whole log of a job that it joins late', async () => {
    server.routes['GET jobs/a1/events'] = events();
    server.routes['GET jobs/a1'] = json(
      jobOf({ state: 'succeeded', log: ['early', 'late'] })
    );
    model = new JobModel(jobOf({ state: 'succeeded' }), api);
    await model.follow();
    expect(model.log).toEqual(['early', 'late']);
  });

  it('asks the server to cancel', async () => {
    server.routes['DELETE jobs/a1'] = json(jobOf({ state: 'running' }), 202);
    model = new JobModel(jobOf(), api);
    await model.cancel();
    expect(server.requests).toEqual(['DELETE jobs/a1']);
  });

  it('stops listening when it is disposed', async () => {
    server.routes['GET jobs/a1/events'] = response => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('event: log\ndata: {"line": "one"}\n\n');
    };
    model = new JobModel(jobOf(), api);
    model.changed.connect(() => model.dispose());
    await model.follow();
    expect(model.isDisposed).toBe(true);
  });
});
