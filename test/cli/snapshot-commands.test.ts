import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { SnapshotServiceService as definition } from '../../gen/synod/snapshot/v1/snapshot.js';
import { freePorts } from '../support/free-ports.js';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';
import { serve } from '../support/served.js';
import { FakeTerminal, ran } from './fake-terminal.js';

const failed = (exitCode: number, message: RegExp) => ({ exitCode, stdout: '', message });

describe('synod snapshot', () => {
  let cluster: LocalCluster;
  let directory: string;
  const inDirectory = (name: string): string => join(directory, name);
  const save = (file: string, ...flags: string[]) =>
    ran(['snapshot', 'save', file, '--endpoints', cluster.endpoints.join(','), ...flags]);
  const restore = (file: string, ...flags: string[]) => ran(['snapshot', 'restore', file, ...flags]);

  const expectFailure = async (
    running: ReturnType<typeof ran>,
    expected: ReturnType<typeof failed>,
  ): Promise<void> => {
    const { exitCode, stdout, stderr } = await running;
    expect({ exitCode, stdout }, stderr).to.deep.equal({ exitCode: expected.exitCode, stdout: '' });
    expect(stderr)
      .to.match(/^synod: [^\n]+\n$/)
      .and.to.match(expected.message);
  };

  before(async () => {
    cluster = await startLocalCluster(1);
    for (const key of ['a', 'b', 'c']) {
      await ran(['put', key, `value of ${key}`, '--endpoints', cluster.endpoints.join(',')]);
    }
  });
  after(() => cluster.close());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'synod-snapshot-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  describe('save', () => {
    it('prints slot, keys, bytes, digest and endpoint, and shows the bytes as they come', async () => {
      const terminal = new FakeTerminal();
      const file = inDirectory('backup');
      const { exitCode, stdout, stderr } = await ran(
        ['snapshot', 'save', file, '--endpoints', cluster.endpoints.join(',')],
        terminal,
      );
      expect([exitCode, stderr]).to.deep.equal([0, '']);
      const fields = new Map(
        stdout
          .trimEnd()
          .split('\n')
          .map((line) => line.split(/ +/) as [string, string]),
      );
      expect([...fields.keys()]).to.deep.equal(['file', 'through', 'keys', 'bytes', 'digest', 'endpoint']);
      expect(fields.get('file')).to.equal(file);
      expect(Number(fields.get('through'))).to.be.at.least(2);
      expect(fields.get('keys')).to.equal('3');
      expect(fields.get('digest')).to.match(/^[0-9a-f]{32,}$/);
      expect(fields.get('endpoint')).to.equal(cluster.endpoints[0]);
      expect(await readdir(directory)).to.deep.equal(['backup']);
      expect(terminal.shown.slice(-2)).to.deep.equal([`saved ${fields.get('bytes')}B`, '']);
    });

    it('keeps a file that is there, unless it is told to replace it', async () => {
      const file = inDirectory('backup');
      await writeFile(file, 'precious');
      await expectFailure(save(file), failed(64, /is there already; .* --force$/m));
      expect(await readFile(file, 'utf8')).to.equal('precious');
      expect((await save(file, '--force')).exitCode).to.equal(0);
      expect(await readFile(file, 'utf8')).not.to.equal('precious');
    });

    it('goes on to the next endpoint where one does not answer', async () => {
      const [port] = await freePorts(1);
      const endpoints = [`127.0.0.1:${port}`, ...cluster.endpoints].join(',');
      const { exitCode, stdout } = await ran([
        ...['snapshot', 'save', inDirectory('backup'), '--json', '--endpoints', endpoints],
      ]);
      expect(exitCode).to.equal(0);
      expect(JSON.parse(stdout)).to.include({ keys: 3, endpoint: cluster.endpoints[0] });
    });

    it('ends with 2 where nobody answers, in time or at all, and leaves nothing behind', async () => {
      const [port] = await freePorts(1);
      const silent = await serve((server) => server.addService(definition, { save: () => undefined }));
      try {
        const asked = (endpoint: string) =>
          ran(['snapshot', 'save', inDirectory('x'), '--timeout', '200ms', '--endpoints', endpoint]);
        await expectFailure(
          asked(`127.0.0.1:${port}`),
          failed(2, /asked 127\.0\.0\.1:\d+; the last said: connection refused\); nothing was saved$/m),
        );
        await expectFailure(
          asked(silent.address),
          failed(2, /asked .*; the last said: no answer within 200ms\); nothing was saved$/m),
        );
      } finally {
        await silent.close();
      }
      expect(await readdir(directory)).to.deep.equal([]);
    });

    it('is left at Ctrl-C with 0, and leaves nothing behind', async () => {
      const silent = await serve((server) => server.addService(definition, { save: () => undefined }));
      try {
        const terminal = new FakeTerminal();
        setTimeout(() => terminal.interrupt(), 100);
        const commandLine = ['snapshot', 'save', inDirectory('x'), '--endpoints', silent.address];
        expect(await ran(commandLine, terminal)).to.deep.equal({
          exitCode: 0,
          stdout: '',
          stderr: 'synod: interrupted; nothing was saved\n',
        });
      } finally {
        await silent.close();
      }
      expect(await readdir(directory)).to.deep.equal([]);
    });

    it('ends with 74 where the file cannot be written', async () => {
      const file = inDirectory(join('nowhere', 'backup'));
      await expectFailure(save(file), failed(74, /no such file or directory.*nowhere/));
    });
  });

  describe('restore', () => {
    const one = (target: string) => ['--data-dir', target, '--id', '1', '--peers', '1=127.0.0.1:7101'];

    it('of a file that is cut short, altered or no snapshot ends with 74 and makes nothing', async () => {
      const file = inDirectory('backup');
      await save(file);
      const good = await readFile(file);
      const flipped = (offset: number): Buffer => {
        const bytes = Buffer.from(good);
        bytes[offset]! ^= 1;
        return bytes;
      };
      const wrong = [
        Buffer.alloc(0),
        good.subarray(0, good.length / 2),
        good.subarray(0, good.length - 1),
        Buffer.concat([good, Buffer.from([0])]),
        flipped(0),
        flipped(Math.floor(good.length / 2)),
        flipped(good.length - 1),
        Buffer.from('{"keys": 3}\n'.repeat(100)),
      ];
      const target = inDirectory('restored');
      for (const [index, bytes] of wrong.entries()) {
        const path = inDirectory(`wrong-${index}`);
        await writeFile(path, bytes);
        await expectFailure(restore(path, ...one(target)), failed(74, new RegExp(`wrong-${index} `)));
        await expectFailure(
          restore(path, '--data-dir', target, '--replicas', '3'),
          failed(74, new RegExp(`wrong-${index} `)),
        );
        expect(await readdir(directory)).not.to.include('restored');
      }
    });

    it('of a file that is not there is wrong usage', async () => {
      await expectFailure(
        restore(inDirectory('missing'), ...one(inDirectory('restored'))),
        failed(64, /there is no file .*missing$/m),
      );
    });

    it('is refused with 78 where the directory is not empty', async () => {
      const file = inDirectory('backup');
      await save(file);
      for (const flags of [one(directory), ['--data-dir', directory, '--replicas', '1']]) {
        await expectFailure(restore(file, ...flags), failed(78, /is not empty \(it has backup\); choose/));
      }
      expect(await readdir(directory)).to.deep.equal(['backup']);
    });

    it('refuses peers without the own id', async () => {
      const file = inDirectory('backup');
      await save(file);
      const flags = ['--data-dir', inDirectory('restored'), '--id', '2', '--peers', '1=127.0.0.1:7101'];
      await expectFailure(restore(file, ...flags), failed(64, /do not include .* own id 2/));
    });

    it('draws one cluster id for all replicas of a file, and another for other peers', async () => {
      const file = inDirectory('backup');
      await save(file);
      const clusterIdOf = async (id: number, peers: string): Promise<unknown> => {
        const target = inDirectory(`replica-${id}-of-${peers.length}`);
        const { stdout } = await restore(
          file,
          '--json',
          '--data-dir',
          target,
          '--id',
          String(id),
          '--peers',
          peers,
        );
        return (JSON.parse(stdout) as { clusterId: unknown }).clusterId;
      };
      const first = await clusterIdOf(1, '1=a:1,2=b:1');
      expect(first).to.be.a('string');
      expect(await clusterIdOf(2, '1=a:1,2=b:1')).to.equal(first);
      expect(await clusterIdOf(1, '1=a:1,2=b:1,3=c:1')).not.to.equal(first);
    });
  });
});
