import { type IServerEvent, readEvents } from '../api/event-stream';

async function read(...chunks: string[]): Promise<IServerEvent[]> {
  const encoder = new TextEncoder();
  const bytes = chunks.map(chunk => encoder.encode(chunk));
  let next = 0;
  const body = {
    getReader: () => ({
      read: async () => ({ done: next >= bytes.length, value: bytes[next++] }),
      cancel: async () => undefined
    })
  } as unknown as ReadableStream<Uint8Array>;
  const found: IServerEvent[] = [];
  for await (const message of readEvents(body)) {
    found.push(message);
  }
  return found;
}

describe('readEvents', () => {
  it('puts messages together that arrive in pieces', async () => {
    const found = await read(
      'event: lo',
      'g\ndata: 1\n',
      '\nevent: x\ndata: 2\n\n'
    );
    expect(found).toEqual([
      { event: 'log', data: '1' },
      { event: 'x', data: '2' }
    ]);
  });

  it('reads messages whose lines end in CRLF, even cut in the middle', async () => {
    const found = await read('data: 1\r\n\r', '\ndata: 2\r\n\r\n');
    expect(found.map(({ data }) => data)).toEqual(['1', '2']);
  });

  it('joins data lines and skips comments and ids', async () => {
    const found = await read(': keep alive\n\nid: 4\ndata: a\ndata: b: c\n\n');
    expect(found).toEqual([{ event: 'message', data: 'a\nb: c' }]);
  });

  it('drops a message that the end cuts off', async () => {
    expect(await read('data: whole\n\ndata: ha')).toHaveLength(1);
  });
});
