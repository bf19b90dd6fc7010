import { expect } from 'chai';
import { deathLine, viewServiceDeathLine } from '../../src/cli/dev-text.js';
import { viewPlan } from '../../src/cli/dev-view-plan.js';
import { votingPlan } from '../../src/cli/dev-voting-plan.js';
import { loopbackAddresses } from '../../src/cli/flags.js';
import type { EndpointStatus, ReachableStatus } from '../../src/cli/status-report.js';
import { replicaReport } from './replica-report.js';

const dead = { name: 'replica 1', pid: 123 };
const killed = { how: 'killed by SIGKILL', exitCode: undefined, reason: undefined };
const restart = { kind: 'restart', afterMs: 500 } as const;
const plan = (replicaCount: number, port = 7101) =>
  viewPlan({
    addresses: loopbackAddresses(port, replicaCount),
    port,
    pingInterval: 100,
    deadPings: 5,
    logLevel: 'info',
  });

describe('What synod dev says of a death', () => {
  const of = (runningCount: number, majority: number | undefined) =>
    deathLine(dead, killed, restart, { replicas: [1, 2, 3], runningCount, majority });

  it('tells of a majority where replicas vote', () => {
    expect(of(2, 2)).to.equal(
      'replica 1 (pid 123) killed by SIGKILL; 2 of 3 remain; it is started again in 500ms',
    );
    expect(of(1, 2)).to.contain('; 1 of 3 remain, fewer than the majority of 2: nothing can be served; ');
  });

  it('tells that the replica returns empty where they do not vote, and of no majority', () => {
    expect(of(1, undefined)).to.equal(
      'replica 1 (pid 123) killed by SIGKILL; 1 of 3 remain; it is started again in 500ms, empty',
    );
    expect(of(0, undefined)).to.contain(
      '; 0 of 3 remain, and the data is lost: stop with Ctrl-C and start anew; ',
    );
  });

  it('tells what follows from that of the view service', () => {
    expect(viewServiceDeathLine({ name: 'viewd', pid: 7 }, { ...killed, reason: 'why' })).to.equal(
      'viewd (pid 7) killed by SIGKILL: why; it is never started again, for the replicas would refuse another one: ' +
        'they go on in the view they have, but when one more of them fails nothing can take over; stop with Ctrl-C ' +
        'and start anew',
    );
  });
});

describe('What synod dev runs with replicas that vote', () => {
  const { isReady } = votingPlan({
    addresses: loopbackAddresses(7101, 3),
    clusterId: 'c1',
    engine: 'paxos',
    electionTimeout: 100,
    logLevel: 'info',
    dataDirectory: undefined,
    rebuild: undefined,
  });
  const serving = (id: number): EndpointStatus => replicaReport(id, { serving: true });
  const waiting = (id: number): EndpointStatus => replicaReport(id, { serving: false });
  const silent: EndpointStatus = { endpoint: '127.0.0.1:7103', reachable: false, problem: 'silent' };

  it('is ready once all that run serve, so that any one of them may fail', () => {
    expect(isReady([serving(1), serving(2), serving(3)])).to.equal(true);
    expect(isReady([serving(1), serving(3)])).to.equal(true);
    expect(isReady([serving(1), serving(2), waiting(3)])).to.equal(false);
    expect(isReady([serving(1), serving(2), silent])).to.equal(false);
    expect(isReady([serving(1)])).to.equal(false);
    expect(isReady([])).to.equal(false);
  });
});

describe('What synod dev runs with primary/backup', () => {
  it('is found without flags at the default ports, and by its view service elsewhere', () => {
    expect(plan(3).nextSteps).to.match(/^ {2}npx synod put greeting hello$/m);
    expect(plan(2).nextSteps).to.match(/^ {2}npx synod get greeting --view-service 127\.0\.0\.1:7100$/m);
    expect(plan(3, 7201).nextSteps).to.match(/^ {2}npx synod status --view-service 127\.0\.0\.1:7200$/m);
    expect(plan(3).nextSteps).to.contain('kill -9');
    expect(plan(1).nextSteps).not.to.contain('kill -9');
  });

  it('is started with the same pings everywhere, and every replica under its own address', () => {
    const { viewService, serveCommandLine } = viewPlan({
      addresses: ['127.0.0.1:7201', '127.0.0.1:7202'],
      port: 7201,
      pingInterval: 50,
      deadPings: 7,
      logLevel: 'warn',
    });
    expect(viewService?.commandLine.join(' ')).to.equal(
      'viewd --listen 127.0.0.1:7200 --dead-pings 7 --ping-interval 50ms --log-level warn',
    );
    expect(serveCommandLine(2, 'again').join(' ')).to.equal(
      'serve --engine primary-backup --id 2 --view-service 127.0.0.1:7200 --address 127.0.0.1:7202 ' +
        '--ping-interval 50ms --log-level warn',
    );
  });

  const server = (id: number, role: string, viewNumber = 2, changes = {}): ReachableStatus =>
    replicaReport(id, {
      engine: 'primary-backup',
      view: {
        viewService: '127.0.0.1:7100',
        viewNumber,
        primary: '127.0.0.1:7101',
        backup: '127.0.0.1:7102',
        acknowledged: true,
        role,
        ...changes,
      },
    });
  const notServing = (status: ReachableStatus): EndpointStatus => ({ ...status, serving: false });
  const noBackup = { backup: null };

  it('is ready once primary, backup and the others do their part', () => {
    const [primary, backup, idle] = [server(1, 'primary'), server(2, 'backup'), server(3, 'idle')];
    const late = server(3, 'idle', 1, noBackup);
    const silent: EndpointStatus = { endpoint: '127.0.0.1:7103', reachable: false, problem: 'silent' };
    const { isReady } = plan(3);
    const cases: readonly (readonly [boolean, readonly EndpointStatus[]])[] = [
      [true, [primary, backup, idle]],
      [true, [primary, backup]],
      [true, [late, primary, backup]],
      [false, [primary, notServing(backup), idle]],
      [false, [notServing(primary), backup, idle]],
      [false, [primary, backup, notServing(idle)]],
      [false, [primary, backup, silent]],
      [false, [primary, idle]],
      [false, [1, 2, 3].map((id) => server(id, 'idle', 1, noBackup))],
      [false, [1, 2, 3].map((id) => server(id, 'idle', 1, { acknowledged: false }))],
      [false, [1, 2, 3].map((id) => replicaReport(id, {}))],
      [false, [silent, silent, silent]],
      [false, []],
    ];
    for (const [index, [ready, statuses]] of cases.entries()) {
      expect(isReady(statuses), `case ${index}`).to.equal(ready);
    }
    expect(plan(1).isReady([server(1, 'primary', 1, noBackup)])).to.equal(true);
  });
});
