import type { ServerAPI } from '../api/server-api';
import { DeploymentsModel } from '../models/deployments';
import { checkServer } from '../models/versions';
import { json, RestServer } from './rest-server';

const LOAN = { name: 'loan', state: 'running', versions: [] };

describe('the server', () => {
  const server = new RestServer();
  let api: ServerAPI;

  beforeAll(async () => {
    api = await server.start();
  });

  afterAll(() => server.stop());

  describe('checkServer', () => {
    it('finds the same version, however npm and Python write it', async () => {
      server.routes['GET status'] = json({ version: '0.1.0a1' });
      expect(await checkServer(api, '0.1.0-alpha.1')).toEqual({ kind: 'same' });
    });

    it('names the other version', async () => {
      server.routes['GET status'] = json({ version: '0.2.0' });
      expect(await checkServer(api, '0.1.0')).toEqual({
        kind: 'different',
        server: '0.2.0'
      });
    });

    it('knows a missing server half from a broken one', async () => {
      server.routes['GET status'] = json({}, 404);
      expect((await checkServer(api, '0.1.0')).kind).toBe('missing');
      server.routes['GET status'] = json({ message: 'Broken.' }, 500);
      expect(await checkServer(api, '0.1.0')).toEqual({
        kind: 'silent',
        message: 'Broken.'
      });
    });
  });

  describe('DeploymentsModel', () => {
    it('lists, and lists again after a stop', async () => {
      let list = [LOAN];
      server.routes['GET deployments'] = (...args) => json(list)(...args);
      server.routes['DELETE deployments/loan'] = response => {
        list = [];
        response.writeHead(204).end();
      };
      const model = new DeploymentsModel(api);
      await model.refresh();
      expect(model.deployments).toEqual([LOAN]);
      await model.stop('loan');
      expect(model.deployments).toEqual([]);
      expect(model.error).toBe('');
      model.dispose();
    });

    it('says why a roll-back was refused', async () => {
      server.routes['GET deployments'] = json([LOAN]);
      server.routes['POST deployments/loan/rollback'] = json(
        { message: 'There is no older version.' },
        404
      );
      const model = new DeploymentsModel(api);
      await model.rollback('loan');
      expect(model.error).toBe('There is no older version.');
      expect(model.deployments).toEqual([LOAN]);
      model.dispose();
    });
  });
});
