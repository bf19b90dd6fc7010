import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

/** A line of code, and the file it stands in; what is planted there exists nowhere else. */
interface Planted {
  readonly file: string;
  readonly code: string;
}

const importOf = (file: string, source: string): Planted => ({
  file,
  code: `import { planted } from '${source}';\nexport const use = planted;\n`,
});
const typeImportOf = (file: string, source: string): Planted => ({
  file,
  code: `import type { Planted } from '${source}';\nexport type Use = Planted;\n`,
});
const expression = (file: string, text: string): Planted => ({ file, code: `export const use = ${text};\n` });

/** Rooms that are handed clock, randomness, network and disk. */
const deterministic = [
  'paxos',
  'omnipaxos',
  'primary-backup',
  'kv',
  'log',
  'clerk',
  'server',
  'storage',
  'check',
].map((room) => `src/${room}/planted.ts`);
const inEach = (files: readonly string[], plant: (file: string) => Planted): Planted[] => files.map(plant);

describe('the lint rules', () => {
  // The planted files are in no project, so the rules that need types stay off: none of them is on trial here.
  const eslint = new ESLint({
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    overrideConfig: [
      { ...tseslint.configs.disableTypeChecked, files: ['**/*.ts'] },
      { files: ['**/*.ts'], languageOptions: { parserOptions: { projectService: false, project: false } } },
    ],
  });

  const rulesBroken = async ({ file, code }: Planted): Promise<string[]> => {
    const [result] = await eslint.lintText(code, { filePath: file, warnIgnored: true });
    return result!.messages.map(({ ruleId, message }) => ruleId ?? message);
  };

  const refuses = (what: string, rule: string, planted: readonly Planted[]) =>
    it(`refuse ${what}`, async () => {
      for (const plant of planted) {
        expect(await rulesBroken(plant), `${plant.file}: ${plant.code}`).to.include(rule);
      }
    });

  const allows = (what: string, planted: readonly Planted[]) =>
    it(`allow ${what}`, async () => {
      for (const plant of planted) {
        expect(await rulesBroken(plant), `${plant.file}: ${plant.code}`).to.deep.equal([]);
      }
    });

  const imports = '@typescript-eslint/no-restricted-imports';

  refuses('an engine that imports kv', imports, [
    importOf('src/paxos/planted.ts', '../kv/store.js'),
    typeImportOf('src/paxos/planted.ts', '../kv/store.js'),
    importOf('src/paxos/planted.ts', '../../src/kv/store.js'),
    importOf('src/paxos/service.ts', '../kv/store.js'),
    importOf('src/paxos/wire.ts', '../kv/command.js'),
    importOf('src/omnipaxos/planted.ts', '../kv/store.js'),
    importOf('src/omnipaxos/planted.ts', '../paxos/peer.js'),
    importOf('src/paxos/planted.ts', '../omnipaxos/messages.js'),
    importOf('src/primary-backup/planted.ts', '../kv/store.js'),
    importOf('src/check/planted.ts', '../server/replica.js'),
  ]);

  refuses('kv and clerk that import an engine', imports, [
    importOf('src/kv/planted.ts', '../paxos/peer.js'),
    typeImportOf('src/kv/planted.ts', '../paxos/peer.js'),
    importOf('src/kv/command.ts', '../paxos/peer.js'),
    importOf('src/clerk/planted.ts', '../paxos/peer.js'),
    typeImportOf('src/clerk/planted.ts', '../paxos/peer.js'),
    importOf('src/clerk/connect.ts', '../paxos/peer.js'),
  ]);

  refuses('imports that go back', imports, [
    importOf('src/log/planted.ts', '../paxos/peer.js'),
    importOf('src/storage/planted.ts', '../paxos/acceptor.js'),
    importOf('src/rpc/planted.ts', '../server/members.js'),
    importOf('src/runtime/planted.ts', '../storage/disk.js'),
    importOf('src/kv/planted.ts', '../storage/disk.js'),
    importOf('src/kv/planted.ts', '../rpc/channel.js'),
    importOf('src/server/planted.ts', '../clerk/clerk.js'),
    importOf('src/clerk/planted.ts', '../server/members.js'),
    importOf('src/check/planted.ts', '../server/members.js'),
    importOf('src/server/planted.ts', '../sim/world.js'),
  ]);

  allows('the imports that the rooms are made for', [
    importOf('src/paxos/planted.ts', '../log/roster.js'),
    importOf('src/paxos/planted.ts', '../storage/journal.js'),
    importOf('src/paxos/planted.ts', './ballot.js'),
    importOf('src/server/planted.ts', '../paxos/peer.js'),
    importOf('src/omnipaxos/planted.ts', '../log/roster.js'),
    importOf('src/server/planted.ts', '../omnipaxos/service.js'),
    importOf('src/server/planted.ts', '../kv/store.js'),
    importOf('src/server/planted.ts', '../storage/disk.js'),
    importOf('src/clerk/planted.ts', '../kv/operation.js'),
    importOf('src/clerk/planted.ts', '../rpc/channel.js'),
    importOf('src/cli/planted.ts', '../clerk/clerk.js'),
    importOf('src/sim/planted.ts', '../server/members.js'),
  ]);

  refuses('more than the types of runtime, of log and of the peer links', imports, [
    importOf('src/paxos/planted.ts', '../runtime/real-clock.js'),
    importOf('src/kv/planted.ts', '../runtime/random.js'),
    importOf('src/clerk/planted.ts', '../runtime/real-clock.js'),
    importOf('src/clerk/planted.ts', '../log/roster.js'),
    importOf('src/paxos/planted.ts', '../rpc/link.js'),
    importOf('src/paxos/planted.ts', '../rpc/peer-method.js'),
    typeImportOf('src/paxos/planted.ts', '../rpc/channel.js'),
    importOf('src/omnipaxos/planted.ts', '../rpc/peer-duplex.js'),
    typeImportOf('src/omnipaxos/planted.ts', '../rpc/channel.js'),
  ]);

  allows('the types of runtime, of log and of the peer links', [
    typeImportOf('src/paxos/planted.ts', '../runtime/clock.js'),
    typeImportOf('src/kv/planted.ts', '../runtime/random.js'),
    typeImportOf('src/clerk/planted.ts', '../runtime/clock.js'),
    typeImportOf('src/clerk/planted.ts', '../log/ids.js'),
    typeImportOf('src/paxos/planted.ts', '../rpc/link.js'),
    typeImportOf('src/paxos/planted.ts', '../rpc/peer-method.js'),
    typeImportOf('src/omnipaxos/planted.ts', '../rpc/link.js'),
    typeImportOf('src/omnipaxos/planted.ts', '../rpc/peer-duplex.js'),
  ]);

  refuses('gen/ outside adapters', imports, [
    importOf('src/paxos/peer.ts', '../../gen/synod/paxos/v1/paxos.js'),
    typeImportOf('src/paxos/peer.ts', '../../gen/synod/paxos/v1/paxos.js'),
    importOf('src/kv/store.ts', '../../gen/synod/kv/v1/command.js'),
    importOf('src/server/planted.ts', '../../gen/synod/kv/v1/kv.js'),
    importOf('src/clerk/planted.ts', '../../gen/synod/kv/v1/kv.js'),
    importOf('src/log/header.ts', '../../gen/synod/peer/v1/header.js'),
    importOf('src/cli/planted.ts', '../../gen/synod/kv/v1/kv.js'),
  ]);

  allows('gen/ in adapters and in the command file of kv', [
    importOf('src/paxos/service.ts', '../../gen/synod/paxos/v1/paxos.js'),
    importOf('src/paxos/wire.ts', '../../gen/synod/paxos/v1/paxos.js'),
    importOf('src/log/header-wire.ts', '../../gen/synod/peer/v1/header.js'),
    importOf('src/kv/command.ts', '../../gen/synod/kv/v1/command.js'),
    importOf('src/server/reflection-service.ts', '../../gen/grpc/reflection/v1/reflection.js'),
    importOf('src/clerk/connect.ts', '../../gen/synod/kv/v1/kv.js'),
  ]);

  const worldModules = [
    'node:fs',
    'node:fs/promises',
    'fs',
    'fs/promises',
    'node:crypto',
    'crypto',
    'node:timers',
    'node:timers/promises',
    'node:perf_hooks',
    'node:net',
    'node:http2',
    'node:child_process',
    'node:worker_threads',
    '@grpc/grpc-js',
  ];
  for (const source of worldModules) {
    refuses(
      `${source} in deterministic rooms`,
      imports,
      inEach(deterministic, (file) => importOf(file, source)),
    );
  }

  refuses(
    'an import at run time in deterministic rooms, which no rule could judge',
    'no-restricted-syntax',
    inEach(deterministic, (file) => expression(file, "await import('node:fs')")),
  );

  refuses('@grpc/grpc-js in a wire file', imports, [importOf('src/paxos/wire.ts', '@grpc/grpc-js')]);

  allows('the world in adapters and in the rooms that adapt it', [
    importOf('src/paxos/service.ts', '@grpc/grpc-js'),
    importOf('src/server/reflection-service.ts', 'node:fs/promises'),
    importOf('src/server/start-node.ts', 'node:crypto'),
    importOf('src/clerk/connect.ts', '@grpc/grpc-js'),
    importOf('src/storage/node-planted.ts', 'node:fs/promises'),
    importOf('src/rpc/planted.ts', '@grpc/grpc-js'),
    importOf('src/runtime/planted.ts', 'node:crypto'),
    expression('src/runtime/planted.ts', 'performance.now()'),
    expression('src/runtime/planted.ts', 'setTimeout(() => undefined, 1)'),
    expression('src/server/start-node.ts', 'process.pid'),
  ]);

  const properties: readonly string[] = [
    'Date.now()',
    "Date['now']()",
    'Math.random()',
    'AbortSignal.timeout(5)',
  ];
  for (const text of properties) {
    refuses(
      `${text} in deterministic rooms`,
      'no-restricted-properties',
      inEach(deterministic, (file) => expression(file, text)),
    );
  }

  const globals: readonly string[] = [
    'setTimeout(() => undefined, 1)',
    'setInterval(() => undefined, 1)',
    'setImmediate(() => undefined)',
    'queueMicrotask(() => undefined)',
    'performance.now()',
    'crypto.randomUUID()',
    'process.hrtime()',
    'fetch("http://127.0.0.1")',
    'globalThis.setTimeout(() => undefined, 1)',
  ];
  for (const text of globals) {
    refuses(
      `${text} in deterministic rooms`,
      'no-restricted-globals',
      inEach(deterministic, (file) => expression(file, text)),
    );
  }

  for (const text of ['new Date()', 'Date()']) {
    refuses(
      `${text} in deterministic rooms`,
      'no-restricted-syntax',
      inEach(deterministic, (file) => expression(file, text)),
    );
  }

  allows(
    'arithmetic, and time that is handed in, in deterministic rooms',
    inEach(deterministic, (file) =>
      expression(file, '(clock: { now(): number }) => Math.floor(clock.now())'),
    ),
  );

  const everyRoom = [
    'runtime',
    'storage',
    'log',
    'paxos',
    'omnipaxos',
    'primary-backup',
    'kv',
    'server',
    'clerk',
    'check',
    'cli',
  ];
  const cast = "JSON.parse('1') as number";
  refuses('a cast in src', '@typescript-eslint/consistent-type-assertions', [
    ...everyRoom.map((room) => expression(`src/${room}/planted.ts`, cast)),
    expression('src/planted.ts', cast),
    expression('src/paxos/planted.ts', "<number>JSON.parse('1')"),
  ]);
  refuses('a non-null assertion in src', '@typescript-eslint/no-non-null-assertion', [
    expression('src/paxos/planted.ts', '(value?: number) => value!'),
  ]);
  refuses('any in src', '@typescript-eslint/no-explicit-any', [
    expression('src/paxos/planted.ts', '(value: any) => String(value)'),
  ]);

  allows('a cast in adapters and tests, and `as const` everywhere', [
    expression('src/paxos/service.ts', cast),
    expression('src/paxos/wire.ts', cast),
    expression('src/log/header-wire.ts', cast),
    expression('src/rpc/planted.ts', cast),
    expression('test/paxos/planted.test.ts', cast),
    expression('src/paxos/planted.ts', "'text' as const"),
  ]);
});
