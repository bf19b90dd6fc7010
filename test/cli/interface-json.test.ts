import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { expect } from 'chai';
import {
  GetStatusResponse,
  InspectServiceService as inspection,
  Leader,
  Storage,
  View,
} from '../../gen/synod/inspect/v1/inspect.js';
import { CallTally } from '../../src/check/call-tally.js';
import type { Judgement } from '../../src/cli/check-judgement.js';
import { checkReport } from '../../src/cli/check-report.js';
import { serve } from '../support/served.js';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';
import { freePorts } from '../support/free-ports.js';
import { ran } from './fake-terminal.js';
import { documentedFields, quoted, table } from './interface-page.js';

type Fields = Readonly<Record<string, unknown>>;

/** How a replica with a disk stands. */
const durableStatus: handleUnaryCall<unknown, GetStatusResponse> = (_call, respond) =>
  respond(null, {
    ...GetStatusResponse.decode(new Uint8Array(0)),
    storage: { ...Storage.decode(new Uint8Array(0)), snapshotThrough: 1023, hasSpace: true },
    agreedCheckpoint: { slot: 1024, digest: 'ab' },
    trouble: 'some trouble',
    leader: { ...Leader.decode(new Uint8Array(0)), replicaId: 2, ballot: '3.2', phase: 'following' },
    view: { ...View.decode(new Uint8Array(0)), viewNumber: 3, primary: 'a:1', role: 'primary' },
  });

/** What a check came to, whatever its verdict. */
const someCheck = {
  plan: {
    target: { endpoints: [] },
    clientCount: 1,
    durationMs: 1,
    ratePerSecond: 1,
    timeoutMs: 1,
    keyPrefix: '',
    keyCount: 1,
    seed: 1,
    pictureFile: '',
    historyFile: '',
    keepsHistory: false,
  },
  tally: new CallTally({ now: () => 0 }),
  history: [],
  interrupted: false,
  ...{ pictureFile: null, historyFile: null, problems: [] },
};

const fieldsOf = (object: unknown): string[] => Object.keys(object as Fields);

describe('docs/interface.md and what --json prints', () => {
  let cluster: LocalCluster;
  const asking = async (...commandLine: string[]) => {
    const { stdout } = await ran([...commandLine, '--json', '--endpoints', cluster.endpoints.join(',')]);
    return JSON.parse(stdout) as Fields;
  };

  before(async () => {
    cluster = await startLocalCluster(1);
  });
  after(() => cluster.close());

  it('have the same fields for writes and reads', async () => {
    expect(fieldsOf(await asking('put', 'key', 'value'))).to.deep.equal(documentedFields('`put`, `append`'));
    expect(fieldsOf(await asking('append', 'key', 'x'))).to.deep.equal(documentedFields('`put`, `append`'));
    expect(fieldsOf(await asking('puthash', 'hash', 'x'))).to.deep.equal(documentedFields('`puthash`'));
    expect(fieldsOf(await asking('get', 'key'))).to.deep.equal(documentedFields('`get`, found'));
    expect(fieldsOf(await asking('get', 'nothing'))).to.deep.equal(documentedFields('`get`, missing'));
  });

  it('have the same fields for status', async () => {
    const [port] = await freePorts(1);
    const endpoints = [...cluster.endpoints, `127.0.0.1:${port}`].join(',');
    const { stdout } = await ran(['status', '--json', '--endpoints', endpoints]);
    const status = JSON.parse(stdout) as Fields;
    expect(fieldsOf(status)).to.deep.equal(documentedFields('`status`'));
    const [reached, unreached] = status['replicas'] as [Fields, Fields];
    expect(fieldsOf(reached)).to.deep.equal(documentedFields('each of `replicas`, reachable'));
    expect(fieldsOf(unreached)).to.deep.equal(documentedFields('each of `replicas`, unreachable'));
    const [peer] = reached['peers'] as [Fields];
    expect(fieldsOf(peer)).to.deep.equal(documentedFields('each of `peers`'));
    expect(fieldsOf(reached['refusals'])).to.deep.equal(documentedFields('`refusals`'));
  });

  it('have the same fields for the disk of a replica, and null in memory', async () => {
    const reported = async (endpoint: string): Promise<Fields> => {
      const { stdout } = await ran(['status', '--json', '--endpoints', endpoint]);
      return (JSON.parse(stdout) as { replicas: [Fields] }).replicas[0];
    };
    const durable = await serve((server) => server.addService(inspection, { getStatus: durableStatus }));
    try {
      const status = await reported(durable.address);
      expect(fieldsOf(status)).to.deep.equal(documentedFields('each of `replicas`, reachable'));
      expect(fieldsOf(status['storage'])).to.deep.equal(documentedFields('`storage`'));
      expect(status['storage']).to.include({ snapshotThrough: 1023, hasSpace: true });
      expect(fieldsOf(status['agreedCheckpoint'])).to.deep.equal(documentedFields('`agreedCheckpoint`'));
      expect(status['trouble']).to.equal('some trouble');
      expect(fieldsOf(status['leader'])).to.deep.equal(documentedFields('`leader`'));
      expect(fieldsOf(status['view'])).to.deep.equal(documentedFields('`view` of a replica'));
      expect(status['view']).to.include({ viewNumber: 3, primary: 'a:1', backup: null });
    } finally {
      await durable.close();
    }
    expect(await reported(cluster.endpoints[0]!)).to.include({
      storage: null,
      agreedCheckpoint: null,
      trouble: '',
      leader: null,
      view: null,
    });
  });

  it('have the same fields for snapshots', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'synod-interface-'));
    try {
      const [file, target] = [join(directory, 'backup'), join(directory, 'restored')];
      expect(fieldsOf(await asking('snapshot', 'save', file))).to.deep.equal(
        documentedFields('`snapshot save`'),
      );
      const restore = ['snapshot', 'restore', file, '--data-dir', target, '--replicas', '1', '--json'];
      const restored = JSON.parse((await ran(restore)).stdout) as Fields;
      expect(fieldsOf(restored)).to.deep.equal(documentedFields('`snapshot restore`'));
      expect(
        Object.keys(JSON.parse(await readFile(join(target, 'dev.json'), 'utf8')) as Fields),
      ).to.deep.equal(
        table('## Data directories', 'Field of `dev.json`', 'Meaning').map(([field]) => quoted(field!)[0]),
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('have the same fields for a check', async () => {
    const report = await asking('check', '--duration', '200ms');
    expect(fieldsOf(report)).to.deep.equal(documentedFields('`check`'));
    for (const object of ['calls', 'latencyMs']) {
      expect(fieldsOf(report[object])).to.deep.equal(documentedFields(`\`${object}\``));
    }
    const judged = (judgement: Judgement): Fields => ({ ...checkReport({ ...someCheck, judgement }) });
    const violated = judged({ kind: 'violated', key: 'k', explanation: '', picture: '', steps: 1 });
    expect(fieldsOf(violated['violation'])).to.deep.equal(documentedFields('`violation`'));
    const unknown = judged({ kind: 'unknown', limit: 'time', key: 'k', keysJudged: 0, steps: 1 });
    expect(fieldsOf(unknown['exhausted'])).to.deep.equal(documentedFields('`exhausted`'));
  });

  it('have the same fields for failures', async () => {
    await asking('put', 'large', 'x'.repeat(1_000_000));
    const refused = await asking('append', 'large', 'x'.repeat(100_000));
    const [port] = await freePorts(1);
    const flags = ['--json', '--timeout', '100ms', '--endpoints', `127.0.0.1:${port}`];
    const timedOut = JSON.parse((await ran(['put', 'key', 'value', ...flags])).stdout) as Fields;
    expect(fieldsOf(refused)).to.deep.equal(documentedFields('any failure'));
    const seen = [...fieldsOf(refused['error']), ...fieldsOf(timedOut['error'])];
    expect(new Set(seen)).to.deep.equal(new Set(documentedFields('`error`')));
    const { endpoints } = timedOut['error'] as { endpoints: [Fields] };
    expect(fieldsOf(endpoints[0])).to.deep.equal(documentedFields('each of `endpoints`'));
  });
});
