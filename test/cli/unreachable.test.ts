import type { handleUnaryCall } from '@grpc/grpc-js';
import { expect } from 'chai';
import { InspectServiceService as inspection } from '../../gen/synod/inspect/v1/inspect.js';
import { KVServiceService as definition } from '../../gen/synod/kv/v1/kv.js';
import { freePorts } from '../support/free-ports.js';
import { serve, type Served } from '../support/served.js';
import { FakeTerminal, ran } from './fake-terminal.js';

const silence: handleUnaryCall<unknown, unknown> = () => undefined;

/** A store that opens and closes sessions, and never answers anything else. */
const silentStore = (): Promise<Served> =>
  serve((server) => {
    server.addService(inspection, { getStatus: silence });
    server.addService(definition, {
      get: silence,
      put: silence,
      append: silence,
      putHash: silence,
      pipeline: () => undefined,
      openSession: (_call: unknown, respond: (error: null, reply: object) => void) =>
        respond(null, { clientId: 1 }),
      closeSession: (_call: unknown, respond: (error: null, reply: object) => void) => respond(null, {}),
    });
  });

describe('A cluster that does not answer', () => {
  it('gets one line that names every endpoint and why it failed, and exit code 2', async () => {
    const [first, second] = await freePorts(2);
    const endpoints = [`127.0.0.1:${first}`, `127.0.0.1:${second}`, 'unix:/nonexistent/socket'];
    const tried =
      `(127.0.0.1:${first}: connection refused; 127.0.0.1:${second}: connection refused; ` +
      'unix:/nonexistent/socket: there is no such socket)';
    const flags = ['--endpoints', endpoints.join(','), '--timeout', '300ms'];
    const expected = [
      [['get', 'key'], `get timed out after 300ms ${tried}`],
      [['put', 'key', 'value'], `put timed out after 300ms ${tried}; nothing was written`],
      [['status'], `no replica answers ${tried}`],
    ] as const;
    for (const [commandLine, message] of expected) {
      const { exitCode, stdout, stderr } = await ran([...commandLine, ...flags]);
      expect({ exitCode, stdout, stderr }).to.deep.equal({
        exitCode: 2,
        stdout: '',
        stderr: `synod: ${message}\n`,
      });
    }
  });

  it('is an object with every endpoint with --json', async () => {
    const [port] = await freePorts(1);
    const endpoint = `127.0.0.1:${port}`;
    for (const command of [['get', 'key'], ['status']]) {
      const flags = ['--endpoints', endpoint, '--timeout', '200ms', '--json'];
      const { exitCode, stdout, stderr } = await ran([...command, ...flags]);
      expect([exitCode, stderr]).to.deep.equal([2, '']);
      expect(JSON.parse(stdout))
        .to.have.nested.property('error.endpoints')
        .that.deep.equals([{ endpoint, problem: 'connection refused' }]);
    }
  });

  it('leaves the outcome of a write that timed out unknown, and says so', async () => {
    const store = await silentStore();
    try {
      const flags = ['--endpoints', store.address, '--timeout', '300ms'];
      const write = await ran(['put', 'key', 'value', ...flags]);
      expect(write.exitCode).to.equal(2);
      expect(write.stderr).to.match(
        /^synod: put timed out after 300ms .*; outcome unknown: .*read before.*\n$/,
      );
      const json = await ran(['append', 'key', 'value', ...flags, '--json']);
      expect(JSON.parse(json.stdout)).to.have.property('error').that.includes({
        kind: 'timed-out',
        outcome: 'unknown',
      });
      const read = await ran(['get', 'key', ...flags]);
      expect(read.stderr).to.equal(
        `synod: get timed out after 300ms (${store.address}: no answer in time)\n`,
      );
    } finally {
      await store.close();
    }
  });

  it('is left at Ctrl-C with 0, and a write under way is said to be of unknown outcome', async () => {
    const store = await silentStore();
    try {
      const expected = [
        [['put', 'key', 'value'], /^synod: interrupted; outcome unknown: .*\n$/],
        [['get', 'key'], /^synod: interrupted\n$/],
        [['status'], /^synod: interrupted\n$/],
      ] as const;
      for (const [commandLine, pattern] of expected) {
        const terminal = new FakeTerminal();
        const running = ran([...commandLine, '--endpoints', store.address], terminal);
        setTimeout(() => terminal.interrupt(), 200);
        const startedAtMs = performance.now();
        const { exitCode, stdout, stderr } = await running;
        expect(performance.now() - startedAtMs).to.be.below(2000);
        expect([exitCode, stdout]).to.deep.equal([0, '']);
        expect(stderr).to.match(pattern);
      }
    } finally {
      await store.close();
    }
  });

  it('is not waited for when Ctrl-C comes before the value on standard input', async () => {
    const terminal = new FakeTerminal();
    terminal.readInput = () => new Promise(() => undefined);
    const running = ran(['put', 'key', '-'], terminal);
    terminal.interrupt();
    expect(await running).to.deep.equal({
      exitCode: 0,
      stdout: '',
      stderr: 'synod: interrupted; nothing was written\n',
    });
  });
});
