import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import { until } from '../support/until.js';
import { temporaryDirectory, type TemporaryDirectory } from './temporary-directory.js';

const sockets = ['/tmp/viewservice-socket', '/tmp/pbserver-1', '/tmp/pbserver-2'];

const startTheSystem = `
npx viewd /tmp/viewservice-socket &
npx pbd /tmp/viewservice-socket /tmp/pbserver-1 &
npx pbd /tmp/viewservice-socket /tmp/pbserver-2 &
`;
const testTheSystem = `
npx pbc /tmp/viewservice-socket key1 value1    # Put
npx pbc /tmp/viewservice-socket key1           # Get
`;

/** A shell that runs commands as they are typed. */
class Shell {
  stdout = '';
  stderr = '';
  readonly #child;

  constructor(environment: Readonly<Record<string, string>>) {
    // A process group of its own, which is ended as a whole.
    this.#child = spawn('bash', ['-s'], { detached: true, env: { ...process.env, ...environment } });
    this.#child.stdout.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#child.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  type(commands: string): void {
    this.#child.stdin.write(commands);
  }

  async printed(pattern: RegExp): Promise<void> {
    await until(`${pattern} is printed; so far: ${this.stdout}${this.stderr}`, 30_000, () => {
      return pattern.test(this.stdout) || undefined;
    });
  }

  async end(): Promise<void> {
    const closed = once(this.#child, 'close');
    process.kill(-this.#child.pid!, 'SIGKILL');
    await closed;
  }
}

describe('The quick start of the primary/backup lab', () => {
  let cache: TemporaryDirectory;
  const removeSockets = () => Promise.all(sockets.map((path) => rm(path, { force: true })));
  beforeEach(async () => {
    await removeSockets();
    cache = await temporaryDirectory();
  });
  afterEach(async () => {
    await removeSockets();
    await cache.remove();
  });

  it('runs letter for letter, with npx for ./', async () => {
    const shell = new Shell({
      // Empty: npx remembers the programs that the checkout had when it first ran one.
      npm_config_cache: cache.path,
      npm_config_offline: 'true',
      // Of another cluster that the user has; the view service that is named goes before it.
      SYNOD_ENDPOINTS: '127.0.0.1:1',
    });
    try {
      shell.type(startTheSystem);
      await shell.printed(/^viewd pid \d+ unix:\/tmp\/viewservice-socket$/m);
      await shell.printed(/^server pid \d+ unix:\/tmp\/pbserver-1$/m);
      await shell.printed(/^server pid \d+ unix:\/tmp\/pbserver-2$/m);
      shell.type(testTheSystem);
      await shell.printed(/^value1$/m);
      expect(shell.stderr).not.to.match(/^synod: /m);
    } finally {
      await shell.end();
    }
  }).timeout(120_000);
});
