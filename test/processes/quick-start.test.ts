import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
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

/** The links to our programs in a cache of npx, each with what changes when it is made anew. */
async function linksIn(cache: string): Promise<readonly string[]> {
  const paths = await readdir(cache, { recursive: true });
  const links = paths.filter((path) => /_npx\/[^/]+\/node_modules\/\.bin\/[^/]+$/.test(path)).sort();
  return Promise.all(
    links.map(async (path) => {
      const { ino, ctimeMs } = await lstat(join(cache, path));
      return `${path.replace(/.*\//, '')} ${ino} ${ctimeMs}`;
    }),
  );
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
    const environment = {
      // One of its own: npx remembers the programs that the checkout had when it first ran one.
      npm_config_cache: cache.path,
      npm_config_offline: 'true',
      // Of another cluster that the user has; the view service that is named goes before it.
      SYNOD_ENDPOINTS: '127.0.0.1:1',
    };
    // As `make build` ends with.
    await promisify(execFile)('make', ['npx-links'], { env: { ...process.env, ...environment } });
    const links = await linksIn(cache.path);
    expect(links.map((link) => link.replace(/ .*/, ''))).to.deep.equal(['pbc', 'pbd', 'synod', 'viewd']);
    const shell = new Shell(environment);
    try {
      shell.type(startTheSystem);
      await shell.printed(/^viewd pid \d+ unix:\/tmp\/viewservice-socket$/m);
      await shell.printed(/^server pid \d+ unix:\/tmp\/pbserver-1$/m);
      await shell.printed(/^server pid \d+ unix:\/tmp\/pbserver-2$/m);
      shell.type(testTheSystem);
      await shell.printed(/^value1$/m);
      expect(shell.stderr).not.to.match(/^synod: /m);
      expect(await linksIn(cache.path), 'links that no other npx has made anew').to.deep.equal(links);
    } finally {
      await shell.end();
    }
  }).timeout(120_000);
});
