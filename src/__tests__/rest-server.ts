import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse
} from 'node:http';
import type { AddressInfo } from 'node:net';

import { ServerConnection } from '@jupyterlab/services';

import { ServerAPI } from '../api/server-api';
import type { IJob } from '../documents';

/** Answers one request; `body` is the parsed JSON of the request. */
export type Answer = (
  response: ServerResponse,
  body: Record<string, unknown>,
  request: IncomingMessage
) => void;

/** A real HTTP server on loopback that answers what a test tells it to. */
export class RestServer {
  readonly requests: string[] = [];
  readonly routes: Record<string, Answer> = {};

  async start(): Promise<ServerAPI> {
    this._server = createServer((request, response) => {
      // The query only keeps browsers from answering out of their cache.
      const { pathname } = new URL(request.url ?? '', 'http://localhost');
      const key = `${request.method} ${pathname.replace('/nbdeploy/api/', '')}`;
      this.requests.push(key);
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const answer = this.routes[key] ?? notFound;
        answer(response, text ? JSON.parse(text) : {}, request);
      });
    });
    await new Promise<void>(resolve =>
      this._server.listen(0, '127.0.0.1', resolve)
    );
    const { port } = this._server.address() as AddressInfo;
    const settings = ServerConnection.makeSettings({
      baseUrl: `http://127.0.0.1:${port}/`,
      token: 'secret'
    });
    return new ServerAPI(settings);
  }

  async stop(): Promise<void> {
    this._server.closeAllConnections();
    await new Promise(resolve => this._server.close(resolve));
  }

  private _server!: Server;
}

/** Answer JSON. */
export function json(content: unknown, status = 200): Answer {
  return response => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(content));
  };
}

/** Answer an event stream of `[event, data]` pairs and end it. */
export function events(...news: [string, unknown][]): Answer {
  return response => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const [event, data] of news) {
      response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    }
    response.end();
  };
}

/** A job as the server would answer it. */
export function jobOf(changes: Partial<IJob> = {}): IJob {
  return {
    id: 'a1',
    kind: 'deploy',
    name: 'loan',
    path: 'loan.ipynb',
    target: 'docker',
    state: 'queued',
    steps: (['check', 'bundle', 'build', 'verify', 'start'] as const).map(
      name => ({
        name,
        state: 'pending',
        seconds: null,
        done: 0,
        total: 0,
        unit: ''
      })
    ),
    result: null,
    error: null,
    ...changes
  };
}

const notFound = json({ message: 'Not Found' }, 404);
