import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { version } from '../src/server/version.js';

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

const execute = promisify(execFile);
const checkout = resolve('.');
const modules = join(checkout, 'node_modules');

const consumer = `
import { Clerk, makePaxosPeer, startReplica, type RunningReplica } from 'synod';
const replica: RunningReplica = await startReplica({ id: 1, peers: [{ id: 1, address: 'unix:' + process.argv[2] }] });
const clerk = new Clerk({ endpoints: [replica.address] });
await clerk.put('packed', 'yes');
const value: string = await clerk.get('packed');
console.log(value, typeof makePaxosPeer);
await clerk.close();
await replica.close();
`;

/** The packed package, unpacked into an empty folder beside nothing but what it says it depends on. */
describe('the package', () => {
  let folder: string;
  let manifest: Manifest;

  before(async function () {
    this.timeout(60_000);
    folder = await mkdtemp(join(tmpdir(), 'synod-package-'));
    manifest = JSON.parse(await readFile('package.json', 'utf8')) as Manifest;
    await execute('npm', ['pack', '--ignore-scripts', '--pack-destination', folder]);
    const [archive = ''] = await readdir(folder);
    await mkdir(join(folder, 'node_modules'));
    await execute('tar', ['xzf', join(folder, archive), '-C', join(folder, 'node_modules')]);
    await execute(
      'mv',
      ['package', 'synod'].map((name) => join(folder, 'node_modules', name)),
    );
    // As installed, without the registry: each dependency by its name, and nothing else.
    for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
      await mkdir(dirname(join(folder, 'node_modules', name)), { recursive: true });
      await symlink(join(modules, name), join(folder, 'node_modules', name));
    }
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(join(folder, 'consumer.ts'), consumer);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('bears the version that the software tells', () => {
    expect(version).to.equal(manifest.version);
  });

  it('is imported with its types, and runs', async () => {
    const flags = [
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--strict',
      '--skipLibCheck',
      '--types',
      'node',
    ];
    await execute(join(modules, '.bin/tsc'), ['consumer.ts', ...flags], { cwd: folder });
    const { stdout } = await execute(process.execPath, ['consumer.js', join(folder, 'socket')], {
      cwd: folder,
    });
    expect(stdout).to.equal('yes function\n');
  });

  it('brings proto/ and the command', async () => {
    const installed = join(folder, 'node_modules/synod');
    expect(await readFile(join(installed, 'proto/synod/kv/v1/kv.proto'), 'utf8')).to.include(
      'service KVService',
    );
    const { stdout } = await execute(process.execPath, [
      join(installed, 'build/src/cli/main.js'),
      '--version',
    ]);
    expect(stdout).to.equal(`${version}\n`);
    const names = await readdir(installed, { recursive: true });
    expect(names.filter((name) => name.includes('test'))).to.deep.equal([]);
  });
});
