import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { IFault } from '../documents';

const API_ROOT = 'nbdeploy/api';

/** The server's own words for a request that it did not do. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly fault: IFault
  ) {
    super(fault.message);
  }
}

/** Send a request to the extension's API and return the raw, successful answer. */
export async function requestAPI(
  endPoint: string,
  settings: ServerConnection.ISettings,
  init: RequestInit = {}
): Promise<Response> {
  const url = URLExt.join(settings.baseUrl, API_ROOT, endPoint);
  const response = await ServerConnection.makeRequest(url, init, settings);
  if (!response.ok) {
    throw new RequestError(response.status, await readFault(response));
  }
  return response;
}

/** Send a request with a JSON body and return the JSON answer. */
export async function requestJSON<T>(
  endPoint: string,
  settings: ServerConnection.ISettings,
  method: 'GET' | 'POST' | 'DELETE' = 'GET',
  body?: unknown
): Promise<T> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  const response = await requestAPI(endPoint, settings, init);
  return (await response.json()) as T;
}

async function readFault(response: Response): Promise<IFault> {
  const text = await response.text();
  try {
    const fault = JSON.parse(text) as Partial<IFault>;
    return {
      message: fault.message ?? response.statusText,
      code: fault.code ?? '',
      hint: fault.hint ?? '',
      details: fault.details ?? null
    };
  } catch {
    // A proxy between us and the server answers HTML.
    return { message: response.statusText, code: '', hint: '' };
  }
}
