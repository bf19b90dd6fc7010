import { expect } from 'chai';
import { SupervisedProcess, type Death, type ProcessRun } from '../../src/cli/supervised-process.js';
import { FakeClock, turns } from '../support/fake-clock.js';

const killed: Death = { how: 'killed by SIGKILL', exitCode: undefined, reason: undefined };
const exited = (exitCode: number): Death => ({
  how: `exited with code ${exitCode}`,
  exitCode,
  reason: 'why',
});

/** A run that lives and dies as the test says. */
class FakeRun implements ProcessRun {
  readonly listening: Promise<boolean>;
  readonly ended: Promise<Death>;
  readonly signals: string[] = [];
  listen!: () => void;
  die!: (death: Death) => void;

  constructor(readonly pid: number) {
    this.ended = new Promise((resolve) => (this.die = resolve));
    this.listening = new Promise((resolve) => {
      this.listen = () => resolve(true);
      void this.ended.then(() => resolve(false));
    });
  }

  signal(signal: string): void {
    this.signals.push(signal);
  }
}

/** A supervised process with its runs so far, and what was told of it. */
class World {
  readonly clock = new FakeClock();
  readonly runs: FakeRun[] = [];
  readonly told: string[] = [];
  isGone = false;
  readonly process: SupervisedProcess;

  constructor({ mayReturn = true } = {}) {
    this.process = new SupervisedProcess({
      name: 'replica 2',
      address: 'a:1',
      mayReturn,
      clock: this.clock,
      start: () => {
        const run = new FakeRun(100 + this.runs.length);
        this.runs.push(run);
        return run;
      },
      died: ({ pid }, { how }, sequel) => {
        const wait = sequel.kind === 'restart' ? ` in ${sequel.afterMs}` : '';
        this.told.push(`${pid} ${how}: ${sequel.kind}${wait}`);
      },
      returned: ({ pid }) => this.told.push(`${pid} returned`),
    });
    void this.process.gone.then(() => (this.isGone = true));
  }

  get run(): FakeRun {
    return this.runs.at(-1)!;
  }

  /** The newest process dies after so many milliseconds, in which it listens. */
  async die(death: Death, ranMs: number): Promise<void> {
    this.run.listen();
    await turns();
    this.clock.advance(ranMs);
    this.run.die(death);
    await turns();
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await turns();
  }
}

describe('A supervised process', () => {
  it('is started again once its wait is over, not before, and says when it is back', async () => {
    const world = new World();
    await world.die(killed, 60_000);
    expect(world.process.running).to.equal(false);
    await world.pass(499);
    expect(world.runs).to.have.length(1);
    await world.pass(1);
    expect(world.runs).to.have.length(2);
    expect(world.process.running).to.equal(true);
    expect(world.told).to.deep.equal(['100 killed by SIGKILL: restart in 500']);
    world.run.listen();
    await turns();
    expect(world.told.at(-1)).to.equal('101 returned');
    expect(world.isGone).to.equal(false);
  });

  it('waits longer each time, and is given up at the fifth quick death', async () => {
    const world = new World();
    for (const waitMs of [500, 1000, 2000, 4000]) {
      await world.die(exited(70), 9999);
      expect(world.told.at(-1)).to.match(new RegExp(`exited with code 70: restart in ${waitMs}$`));
      await world.pass(waitMs);
    }
    await world.die(exited(70), 9999);
    expect(world.told.at(-1)).to.equal('104 exited with code 70: given-up');
    expect(world.isGone).to.equal(true);
    expect(world.clock.waiting).to.equal(0);
  });

  it('measures a run from its own start, not from the first', async () => {
    const world = new World();
    for (let death = 0; death < 4; death += 1) {
      await world.die(killed, 100);
      await world.pass(10_000);
    }
    await world.die(killed, 30_000);
    expect(world.told.at(-1)).to.equal('104 killed by SIGKILL: restart in 500');
  });

  for (const code of [74, 78]) {
    it(`is not started again after exit code ${code}`, async () => {
      const world = new World();
      await world.die(exited(code), 60_000);
      expect(world.told).to.deep.equal([`100 exited with code ${code}: final`]);
      expect(world.isGone).to.equal(true);
    });
  }

  it('is never started again if it may not return', async () => {
    const world = new World({ mayReturn: false });
    await world.die(killed, 60_000);
    expect(world.told).to.deep.equal(['100 killed by SIGKILL: forgot']);
    expect(world.isGone).to.equal(true);
  });

  it('is not started again if it never came to listen, and tells only that', async () => {
    const world = new World();
    world.run.die(exited(69));
    expect(await world.process.startProblem).to.deep.equal(exited(69));
    await turns();
    expect(world.told).to.deep.equal([]);
    expect(world.isGone).to.equal(true);
  });

  it('may begin with a damaged disk: that is a death, and no problem of the whole', async () => {
    const world = new World();
    world.run.die(exited(74));
    expect(await world.process.startProblem).to.equal(undefined);
    await turns();
    expect(world.told).to.deep.equal(['100 exited with code 74: final']);
  });

  it('is started again where a restart failed before it listened', async () => {
    const world = new World();
    await world.die(killed, 60_000);
    await world.pass(500);
    world.run.die(exited(69));
    await turns();
    expect(world.told.at(-1)).to.equal('101 exited with code 69: restart in 1000');
  });

  it('that is told to stop dies without a word', async () => {
    const world = new World();
    world.process.stop('SIGTERM');
    expect(world.run.signals).to.deep.equal(['SIGTERM']);
    await world.die(exited(0), 100);
    expect(world.told).to.deep.equal([]);
    expect(world.isGone).to.equal(true);
  });

  it('that is told to stop while it waits is not started again', async () => {
    const world = new World();
    await world.die(killed, 100);
    world.process.stop('SIGTERM');
    await turns();
    expect(world.isGone).to.equal(true);
    await world.pass(60_000);
    expect(world.runs).to.have.length(1);
    expect(world.run.signals).to.deep.equal([]);
  });
});
