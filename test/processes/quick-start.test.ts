import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
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

const run = (file: string, parameters: readonly string[], environment: Readonly<Record<string, string>>) =>
  promisify(execFile)(file, parameters, { env: { ...process.env, ...environment } });

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

/** The links to our programs in a cache of npx. */
async function linksIn(cache: string): Promise<readonly string[]> {
  const paths = await readdir(cache, { recursive: true });
  const isLink = (path: string) => /_npx\/[^/]+\/node_modules\/\.bin\/[^/]+$/.test(path);
  return paths
    .filter(isLink)
    .sort()
    .map((path) => join(cache, path));
}

/** What changes when a link is made anew. */
async function identityOf(link: string): Promise<string> {
  const { ino, ctimeMs } = await lstat(link);
  return `${link} ${ino} ${ctimeMs}`;
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

  /** With a cache of its own: npx keeps for ever what the checkout had when it first ran a program of it. */
  const environment = () => ({
    npm_config_cache: cache.path,
    npm_config_offline: 'true',
    // Of another cluster that the user has; the view service that is named goes before it.
    SYNOD_ENDPOINTS: '127.0.0.1:1',
  });

  it('finds its programs also where npx knows none, as from before they were built', async () => {
    await run('make', ['npx-links'], environment());
    for (const link of await linksIn(cache.path)) await rm(link);
    const { stdout } = await run('npx', ['viewd', '--help'], environment());
    expect(stdout).to.contain('Usage: viewd');
    expect(await linksIn(cache.path)).to.deep.equal([]);
  }).timeout(60_000);

  it('runs letter for letter, with npx for ./', async () => {
    await run('make', ['npx-links'], environment());
    const links = await linksIn(cache.path);
    expect(links.map((link) => basename(link))).to.deep.equal(['pbc', 'pbd', 'synod', 'viewd']);
    const identities = await Promise.all(links.map(identityOf));
    const shell = new Shell(environment());
    try {
      shell.type(startTheSystem);
      await shell.printed(/^viewd pid \d+ unix:\/tmp\/viewservice-socket$/m);
      await shell.printed(/^server pid \d+ unix:\/tmp\/pbserver-1$/m);
      await shell.printed(/^server pid \d+ unix:\/tmp\/pbserver-2$/m);
      shell.type(testTheSystem);
      await shell.printed(/^value1$/m);
      expect(shell.stderr).not.to.match(/^synod: /m);
      const now = await Promise.all(links.map(identityOf));
      expect(now, 'links that no other npx has made anew').to.deep.equal(identities);
    } finally {
      await shell.end();
    }
  }).timeout(120_000);
});
