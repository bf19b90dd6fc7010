import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePorts } from '../support/free-ports.js';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';
import { serveView, type ServedView } from '../support/served-view.js';
import { FakeTerminal, nothingPrinted, ran } from './fake-terminal.js';
import { quoted, table } from './interface-page.js';

type Fields = Readonly<Record<string, unknown>>;

const documentedFields = (object: string): string[] =>
  quoted(table('## JSON', 'Object', 'Fields').find(([name]) => name === object)![1]!);

describe('The commands that ask a view service', () => {
  let cluster: LocalCluster;
  let view: ServedView;
  let primary: string;
  let gone: string;

  const asking = (...commandLine: readonly string[]) =>
    ran([...commandLine, '--view-service', view.address, '--timeout', '300ms']);
  const sayHealthy = () =>
    view.say({
      view: { viewNumber: 3, primary, backup: gone },
      acknowledged: true,
      backupReady: true,
      servers: [
        { address: primary, alive: true },
        { address: gone, alive: false },
      ],
    });

  before(async () => {
    cluster = await startLocalCluster(1);
    primary = cluster.endpoints[0]!;
    const [port] = await freePorts(1);
    gone = `127.0.0.1:${port}`;
  });
  after(() => cluster.close());
  beforeEach(async () => {
    view = await serveView();
    sayHealthy();
  });
  afterEach(() => view.close());

  it('reach the primary that it names', async () => {
    expect(await asking('put', 'key', 'one')).to.deep.equal(nothingPrinted);
    expect(await asking('append', 'key', ' two')).to.deep.equal(nothingPrinted);
    expect((await asking('puthash', 'chain', 'x')).stdout).to.equal('\n');
    expect((await asking('get', 'key')).stdout).to.equal('one two\n');
  });

  it('print the view, how every server stands, and what is wrong', async () => {
    const { exitCode, stdout } = await asking('status');
    const [line, ...rest] = stdout.split('\n');
    expect([exitCode, line]).to.deep.equal([0, `view 3: primary ${primary}, backup ${gone}`]);
    expect(rest[0]).to.match(/^ID +ADDRESS/);
    expect(rest[1]).to.match(new RegExp(`^1 +${primary} +yes`));
    expect(rest[2]).to.match(new RegExp(`^- +${gone} +no`));
    expect(rest.slice(3)).to.deep.equal([`${gone}: connection refused`, '']);
    view.say({ view: { viewNumber: 3, primary, backup: gone }, acknowledged: true });
    expect((await asking('status')).stdout).to.equal(
      `view 3: primary ${primary}, backup ${gone} (no state yet)\n`,
    );
    const trouble = `view 4 waits for its primary ${gone} to acknowledge it`;
    view.say({
      view: { viewNumber: 4, primary: gone, backup: '' },
      trouble,
      servers: [{ address: gone, alive: false }],
    });
    const troubled = (await asking('status')).stdout.split('\n');
    expect(troubled[0]).to.equal(`view 4: primary ${gone}, no backup, not acknowledged`);
    expect(troubled.slice(-2)).to.deep.equal([`view service ${view.address}: ${trouble}`, '']);
  });

  it('say that there is no view yet', async () => {
    view.say({});
    expect(await asking('status')).to.deep.equal({ ...nothingPrinted, stdout: 'no view yet\n' });
    expect(JSON.parse((await asking('status', '--json')).stdout)).to.deep.equal({
      view: {
        viewService: view.address,
        viewNumber: 0,
        primary: null,
        backup: null,
        acknowledged: false,
        backupReady: false,
        trouble: '',
      },
      replicas: [],
    });
    expect(await asking('get', 'key')).to.deep.equal({
      exitCode: 2,
      stdout: '',
      stderr: `synod: get timed out after 300ms (view service ${view.address}: there is no view yet)\n`,
    });
    expect((await asking('snapshot', 'save', 'nowhere')).stderr).to.equal(
      `synod: there is no primary to ask (view service ${view.address}: no view yet); nothing was saved\n`,
    );
  });

  it('print with --json what docs/interface.md says', async () => {
    const status = JSON.parse((await asking('status', '--json')).stdout) as Fields;
    expect(Object.keys(status)).to.deep.equal(documentedFields('`status` with `--view-service`'));
    expect(Object.keys(status['view'] as Fields)).to.deep.equal(documentedFields('`view`'));
    expect(status['view']).to.include({ viewNumber: 3, primary, backup: gone, acknowledged: true });
    expect((status['replicas'] as Fields[]).map(({ endpoint }) => endpoint)).to.deep.equal([primary, gone]);
  });

  it('name the view service and what was said when they fail', async () => {
    view.say({ view: { viewNumber: 4, primary: gone, backup: '' }, trouble: 'some trouble' });
    expect(await asking('put', 'key', 'value')).to.deep.equal({
      exitCode: 2,
      stdout: '',
      stderr:
        `synod: put timed out after 300ms (view service ${view.address}: some trouble; ` +
        `${gone}: connection refused); nothing was written\n`,
    });
    expect(JSON.parse((await asking('get', 'key', '--json')).stdout))
      .to.have.nested.property('error.endpoints')
      .that.deep.equals([
        { endpoint: view.address, problem: 'some trouble' },
        { endpoint: gone, problem: 'connection refused' },
      ]);
    view.say({ view: { viewNumber: 4, primary: gone, backup: '' }, acknowledged: true });
    expect((await asking('get', 'key')).stderr).to.equal(
      `synod: get timed out after 300ms (view service ${view.address}: no trouble; ${gone}: connection refused)\n`,
    );
    expect((await asking('snapshot', 'save', 'nowhere')).stderr).to.equal(
      `synod: no replica handed out its state (asked ${gone}, primary by view service ${view.address}; ` +
        'the last said: connection refused); nothing was saved\n',
    );
  });

  it('end with 2 if the view service does not answer', async () => {
    await view.close();
    expect(await asking('status')).to.deep.equal({
      exitCode: 2,
      stdout: '',
      stderr: `synod: the view service does not answer (${view.address}: connection refused)\n`,
    });
    expect(await asking('get', 'key')).to.deep.equal({
      exitCode: 2,
      stdout: '',
      stderr: `synod: get timed out after 300ms (view service ${view.address}: connection refused)\n`,
    });
  });

  it('save the state of the primary', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'synod-view-'));
    try {
      const commandLine = ['snapshot', 'save', join(directory, 'backup'), '--view-service', view.address];
      const { exitCode, stdout } = await ran([...commandLine, '--json']);
      expect([exitCode, (JSON.parse(stdout) as Fields)['endpoint']]).to.deep.equal([0, primary]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('are left at Ctrl-C', async () => {
    const terminal = new FakeTerminal();
    terminal.interrupt();
    const left = { exitCode: 0, stdout: '', stderr: 'synod: interrupted\n' };
    expect(await ran(['status', '--view-service', view.address], terminal)).to.deep.equal(left);
  });

  it('take no endpoints beside it, and nothing but an address', async () => {
    const wrong = [
      [
        ['--view-service', 'a:1', '--endpoints', 'a:2'],
        /'--view-service <address>' cannot be used with .*'--endpoints/,
      ],
      [['--view-service', 'a'], /"a" is not an address: write HOST:PORT/],
      [['--view-service', 'a:0'], /needs a port from 1/],
    ] as const;
    for (const command of [['get', 'k'], ['put', 'k', 'v'], ['status'], ['snapshot', 'save', 'f']]) {
      for (const [flags, pattern] of wrong) {
        const { exitCode, stderr } = await ran([...command, ...flags]);
        expect(exitCode).to.equal(64);
        expect(stderr).to.match(pattern);
      }
    }
    process.env['SYNOD_ENDPOINTS'] = 'a:2';
    try {
      const { exitCode, stderr } = await ran(['get', 'k', '--view-service', 'a:1']);
      expect(exitCode).to.equal(64);
      expect(stderr).to.match(/cannot be used with environment variable 'SYNOD_ENDPOINTS'/);
    } finally {
      delete process.env['SYNOD_ENDPOINTS'];
    }
  });
});
