import { RequestError } from '../api/request';
import type { ServerAPI } from '../api/server-api';

/** How the server half stands to this front end. */
export type ServerCheck =
  | { readonly kind: 'same' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'silent'; readonly message: string }
  | { readonly kind: 'different'; readonly server: string };

/** Compare the server extension's version with ours. */
export async function checkServer(
  api: Pick<ServerAPI, 'status'>,
  version: string
): Promise<ServerCheck> {
  try {
    const server = (await api.status()).version;
    return sameVersion(server, version)
      ? { kind: 'same' }
      : { kind: 'different', server };
  } catch (error) {
    if (error instanceof RequestError && error.status === 404) {
      return { kind: 'missing' };
    }
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'silent', message };
  }
}

/** Python writes `0.1.0a1` where npm writes `0.1.0-alpha.1`. */
function sameVersion(server: string, version: string): boolean {
  const plain = (text: string): string =>
    text
      .replace(/[-.]?(alpha|a)\.?(?=\d)/, 'a')
      .replace(/[-.]?(beta|b)\.?(?=\d)/, 'b')
      .replace(/[-.]?(rc|c)\.?(?=\d)/, 'rc');
  return plain(server) === plain(version);
}
