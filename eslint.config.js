import tseslint from 'typescript-eslint';

/**
 * The rooms of src/, which are flat, and the rooms each may import; of a single file only the types. Everyone may
 * import the types of `runtime` and `log`; `gen/` is open to adapters (`service.ts`, `wire.ts`) and to the command file of kv only.
 */
const rooms = {
  runtime: [],
  storage: ['runtime'],
  rpc: ['log', 'runtime'],
  log: [],
  paxos: ['log', 'storage', 'rpc/link.js', 'rpc/peer-method.js'],
  omnipaxos: ['log', 'storage', 'rpc/link.js', 'rpc/peer-method.js', 'rpc/peer-duplex.js'],
  'primary-backup': ['log', 'rpc/link.js'],
  kv: ['log'],
  server: ['paxos', 'omnipaxos', 'primary-backup', 'kv', 'log', 'storage', 'rpc', 'runtime'],
  clerk: ['kv', 'rpc'],
  check: ['kv', 'clerk'],
  // The invariants look into the engines.
  sim: [
    'server',
    'clerk',
    'check',
    'paxos',
    'omnipaxos',
    'primary-backup',
    'kv',
    'log',
    'storage',
    'rpc',
    'runtime',
  ],
  cli: ['server', 'clerk', 'sim', 'check', 'rpc'],
};

/** Code that is handed its clock, randomness, network and disk, and may not reach for them. */
const deterministicRooms = [
  'paxos',
  'omnipaxos',
  'primary-backup',
  'kv',
  'log',
  'clerk',
  'server',
  'storage',
  'check',
  'sim',
];

/** Where deterministic code meets the real world. */
const adapters = [
  'src/*/service.ts',
  'src/*/*-service.ts',
  'src/server/start-*.ts',
  'src/server/cluster-id.ts',
  'src/storage/node-*.ts',
  'src/clerk/connect.ts',
  'src/sim/virtual-time.ts',
  'src/sim/trace-hash.ts',
];

const worldModules = [
  'fs',
  'fs/promises',
  'crypto',
  'timers',
  'timers/promises',
  'perf_hooks',
  'process',
  'os',
  'net',
  'tls',
  'dgram',
  'dns',
  'dns/promises',
  'http',
  'https',
  'http2',
  'child_process',
  'cluster',
  'worker_threads',
].flatMap((name) => [name, `node:${name}`]);
const grpcModules = ['@grpc/grpc-js', 'grpc-health-check'];

const genPattern = {
  regex: '^(\\.\\./)+gen/',
  message: 'Only adapters (service.ts, wire.ts) and the command file of kv import gen/.',
};

/** An adapter may use all of rpc and runtime; the code it serves only their types. */
const roomsOfAdapter = (room) => [
  ...rooms[room].filter((name) => !name.startsWith('rpc/')),
  'rpc',
  'runtime',
];

const escaped = (path) => path.replaceAll('.', '\\.');
const isFile = (name) => name.endsWith('.js');

const roomPatterns = (room, imports) => {
  const files = imports.filter(isFile).map((name) => `${escaped(name)}$`);
  const open = imports.filter((name) => !isFile(name)).map((name) => `${name}/`);
  const typesOnly = [...files, ...['runtime/', 'log/'].filter((name) => !open.includes(name))];
  const known = [...open, ...typesOnly, escaped('../gen/')];
  return [
    {
      regex: `^\\.\\./(?!${known.join('|')})`,
      message: `src/${room} may import only: ${imports.join(', ') || 'nothing'} (and the types of runtime and log).`,
    },
    ...typesOnly.map((name) => ({
      regex: `^\\.\\./${name}`,
      allowTypeImports: true,
      message: `src/${room} may import only the types of this.`,
    })),
  ];
};

const isDeterministic = (room) => deterministicRooms.includes(room);
const restrictedImports = (room, { gen, world }) => [
  'error',
  {
    paths:
      isDeterministic(room) && !world
        ? [...worldModules, ...grpcModules].map((name) => ({
            name,
            message: `src/${room} is handed the world through the seams.`,
          }))
        : [],
    patterns: [
      ...roomPatterns(room, world ? roomsOfAdapter(room) : rooms[room]),
      ...(gen ? [] : [genPattern]),
    ],
  },
];

const roomConfigs = Object.keys(rooms).flatMap((room) => [
  {
    files: [`src/${room}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': restrictedImports(room, { gen: false, world: false }),
    },
  },
  {
    files: [
      `src/${room}/**/wire.ts`,
      `src/${room}/**/*-wire.ts`,
      ...(room === 'kv' ? ['src/kv/command.ts'] : []),
    ],
    rules: {
      '@typescript-eslint/no-restricted-imports': restrictedImports(room, { gen: true, world: false }),
    },
  },
  {
    files: adapters
      .map((glob) => glob.replace('src/*/', `src/${room}/`))
      .filter((glob) => glob.startsWith(`src/${room}/`)),
    rules: {
      '@typescript-eslint/no-restricted-imports': restrictedImports(room, { gen: true, world: true }),
    },
  },
]);

const forbiddenGlobals = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'performance',
  'crypto',
  'queueMicrotask',
  'fetch',
  'process',
  'globalThis',
  'global',
];
const forbiddenProperties = [
  ['Date', 'now'],
  ['Math', 'random'],
  ['AbortSignal', 'timeout'],
];

export default tseslint.config(
  { ignores: ['build/', 'gen/', 'node_modules/', 'data/'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'max-lines': ['error', 400],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      'max-lines-per-function': ['error', 70],
    },
  },
  {
    files: [...adapters, 'src/*/wire.ts', 'src/*/*-wire.ts', 'src/rpc/*.ts'],
    rules: { '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'as' }] },
  },
  ...roomConfigs,
  {
    files: deterministicRooms.map((room) => `src/${room}/**/*.ts`),
    ignores: adapters,
    rules: {
      'no-restricted-globals': [
        'error',
        ...forbiddenGlobals.map((name) => ({
          name,
          message: 'Time, chance and I/O come in through the seams.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        ...forbiddenProperties.map(([object, property]) => ({
          object,
          property,
          message: 'Time and chance come in through the seams.',
        })),
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: ":matches(NewExpression, CallExpression)[callee.name='Date']",
          message: 'There is no wall clock in the seam.',
        },
        { selector: 'ImportExpression', message: 'What is imported at run time, no rule can judge.' },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
