import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { listen, ListenError, newServer, shutDown } from '../../src/rpc/server.js';
import { rejection } from '../support/rejection.js';

describe('A socket path that is taken', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'synod-socket-'));
    path = join(directory, 'socket');
  });
  afterEach(() => rm(directory, { recursive: true }));

  const listenHere = async (): Promise<void> => {
    const server = newServer();
    try {
      expect(await listen(server, { kind: 'unix', path })).to.deep.equal({ kind: 'unix', path });
    } finally {
      await shutDown(server, 0);
    }
  };
  const refusedHere = (): Promise<ListenError> =>
    rejection(listen(newServer(), { kind: 'unix', path }), ListenError);

  const holder = async (at: string): Promise<Server> => {
    const server = createServer((socket) => socket.end());
    server.listen(at);
    await once(server, 'listening');
    return server;
  };

  it('is free for the next one if whoever listened was killed', async () => {
    // Under another name while it ends, its file stays, as it does at a kill.
    const first = await holder(join(directory, 'first'));
    await rename(join(directory, 'first'), path);
    await new Promise((resolve) => first.close(resolve));
    await listenHere();
  });

  it('is refused while somebody listens, who goes on', async () => {
    const first = await holder(path);
    try {
      expect((await refusedHere()).message).to.contain('EADDRINUSE');
      expect((await refusedHere()).address).to.equal(`unix:${path}`);
    } finally {
      await new Promise((resolve) => first.close(resolve));
    }
    await listenHere();
  });

  it('is refused, and left as it is, if it is a file of another kind', async () => {
    await writeFile(path, 'precious');
    expect((await refusedHere()).message).to.contain('EADDRINUSE');
    expect(await readFile(path, 'utf8')).to.equal('precious');
  });
});
