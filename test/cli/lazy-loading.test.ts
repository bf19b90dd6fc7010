import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const root = fileURLToPath(new URL('../../src/', import.meta.url));
const staticImport = /^(?:import|export)\b(?:[^'"=;]*\bfrom)?\s*['"](\.[^'"]+)['"];/gm;

/** The files that are loaded with one of build/src, itself included, unless by an import that waits until it is needed. */
function loadedWith(file: string): string[] {
  const loaded = new Set<string>();
  const waiting = [join(root, file)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (loaded.has(path)) continue;
    loaded.add(path);
    for (const [, target] of readFileSync(path, 'utf8').matchAll(staticImport)) {
      if (target !== undefined) waiting.push(resolve(dirname(path), target));
    }
  }
  return [...loaded].map((path) => relative(root, path)).filter((path) => !path.startsWith('..'));
}

/** What serves, votes, stores or simulates. */
const ofServers = /^(?:server|paxos|omnipaxos|primary-backup|storage|sim)\//;
/** Plain constants. */
const light = ['server/version.js', 'server/timing-defaults.js', 'sim/defaults.js'];
const heavyAmong = (files: readonly string[]): string[] =>
  files.filter((file) => ofServers.test(file) && !light.includes(file));

describe('the code that a command loads', () => {
  it('is not that of servers and simulations while the command line is read', () => {
    const files = loadedWith('cli/main.js');
    expect(files).to.include('cli/flags.js');
    expect(heavyAmong(files)).to.deep.equal([]);
  });

  for (const command of ['key-value-commands', 'status-command']) {
    it(`is not that of servers and simulations for a client: ${command}`, () => {
      const files = loadedWith(`cli/${command}.js`);
      expect(files).to.include('rpc/channel.js');
      expect(heavyAmong(files)).to.deep.equal([]);
    });
  }

  it('is that of servers for one that serves', () => {
    expect(heavyAmong(loadedWith('cli/serve-command.js'))).to.include('server/replica.js');
  });
});
