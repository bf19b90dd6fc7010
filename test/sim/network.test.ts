import { expect } from 'chai';
import { BareWorld, calm } from './world-fixture.js';

const way = { from: 'a', to: 'b', name: 'said' };

describe('the simulated network', () => {
  /** Sends so many messages at once and answers when each arrived. */
  async function arrivals(world: BareWorld, count: number): Promise<number[]> {
    const process = world.process('b');
    const atMs: number[] = [];
    for (let sent = 0; sent < count; sent += 1) {
      world.network.send(way, sent, process, () => atMs.push(world.time.nowMs));
    }
    await world.settle();
    return atMs;
  }

  it('delivers each message once, within the delay it has, and not all in order', async () => {
    const world = new BareWorld();
    const process = world.process('b');
    const order: number[] = [];
    for (let sent = 0; sent < 100; sent += 1) {
      world.network.send(way, sent, process, () => order.push(sent));
    }
    await world.settle();
    expect(world.time.nowMs).to.be.within(5, calm.delayLimitMs);
    expect([...order].sort((one, other) => one - other)).to.deep.equal([...order.keys()]);
    expect(order).not.to.deep.equal([...order.keys()]);
    expect(world.network.counts).to.deep.equal({ delivered: 100, lost: 0, duplicated: 0 });
  });

  it('loses the share that the weather says', async () => {
    const world = new BareWorld({ weather: { ...calm, loss: 0.3 } });
    expect(await arrivals(world, 2000)).to.have.length.within(1300, 1500);
    const { delivered, lost } = world.network.counts;
    expect(delivered + lost).to.equal(2000);
  });

  it('lets stragglers be under way for longer', async () => {
    const weather = { ...calm, stragglers: 0.1, stragglerLimitMs: 1000 };
    const late = (await arrivals(new BareWorld({ weather }), 2000)).filter((atMs) => atMs > 10);
    expect(late).to.have.length.within(140, 260);
  });

  it('lets requests between servers arrive twice, and says which is the second one', async () => {
    const world = new BareWorld({ weather: { ...calm, duplication: 0.25 } });
    const process = world.process('b');
    let [first, again] = [0, 0];
    for (let sent = 0; sent < 1000; sent += 1) {
      world.network.sendPerhapsTwice(
        way,
        sent,
        process,
        () => (first += 1),
        () => (again += 1),
      );
    }
    await world.settle();
    expect(first).to.equal(1000);
    expect(again).to.be.within(200, 300);
    expect(world.network.counts.duplicated).to.equal(again);
  });

  it('cuts one direction alone', async () => {
    const world = new BareWorld();
    const [a, b] = [world.process('a'), world.process('b')];
    const told: string[] = [];
    const undo = world.network.cut('a', 'b');
    expect([world.network.isCut('a', 'b'), world.network.isCut('b', 'a')]).to.deep.equal([true, false]);
    expect(world.network.isOpen('b', 'a')).to.equal(false);
    world.network.send(way, '', b, () => told.push('there'));
    world.network.send({ ...way, from: 'b', to: 'a' }, '', a, () => told.push('back'));
    await world.settle();
    expect(told).to.deep.equal(['back']);
    undo();
    expect(world.network.isOpen('a', 'b')).to.equal(true);
    expect(await arrivals(world, 1)).to.have.length(1);
  });

  it('loses what is under way when the cut comes', async () => {
    const world = new BareWorld();
    let hasArrived = false;
    world.network.send(way, '', world.process('b'), () => (hasArrived = true));
    const undo = world.network.cut('a', 'b');
    await world.settle();
    undo();
    await world.settle();
    expect(hasArrived).to.equal(false);
    expect(world.network.counts.lost).to.equal(1);
  });

  it('is open again only when every fault that cuts is over', () => {
    const { network } = new BareWorld();
    const undo = [network.cut('a', 'b'), network.cut('a', 'b')];
    undo[0]!();
    expect(network.isCut('a', 'b')).to.equal(true);
    undo[1]!();
    expect(network.isCut('a', 'b')).to.equal(false);
  });

  it('has of each kind of trouble the worst, until that is over', () => {
    const { network } = new BareWorld();
    const storm = { ...calm, loss: 0.5, delayLimitMs: 1 };
    const fog = { ...calm, loss: 0.1, delayLimitMs: 100 };
    const [afterStorm, afterFog] = [network.worsen(storm), network.worsen(fog)];
    expect(network.weather).to.include({ loss: 0.5, delayLimitMs: 100 });
    afterStorm();
    expect(network.weather).to.include({ loss: 0.1, delayLimitMs: 100 });
    afterFog();
    expect(network.weather).to.deep.equal(calm);
  });

  it('delivers nothing to a process that has ended meanwhile, or to none', async () => {
    const world = new BareWorld();
    const process = world.process('b');
    let hasArrived = false;
    world.network.send(way, '', process, () => (hasArrived = true));
    world.network.send(way, '', undefined, () => (hasArrived = true));
    process.end();
    await world.settle();
    expect(hasArrived).to.equal(false);
  });
});
