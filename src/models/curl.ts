import { URLExt } from '@jupyterlab/coreutils';

import type { IEndpoint } from '../documents';
import { exampleOf } from './example';

/** Write the shell line that calls an endpoint of the service at `url`. */
export function curlOf(url: string, endpoint: IEndpoint): string {
  const address = URLExt.join(url, endpoint.path);
  const body = JSON.stringify(exampleOf(endpoint));
  return [
    'curl',
    quote(address),
    "-H 'Content-Type: application/json'",
    '-d',
    quote(body)
  ].join(' ');
}

/** Quote for POSIX shells, where nothing inside single quotes is special. */
function quote(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`;
}
