import { expect } from 'chai';
import type { BaseClerk } from '../../src/clerk/base-clerk.js';
import type { SimulatedCluster } from '../../src/sim/cluster.js';
import { Clients } from '../../src/sim/clients.js';
import { drawPlan } from '../../src/sim/plan.js';
import { World } from '../../src/sim/world.js';
import { calm } from './world-fixture.js';

const nothing: unknown = {};
const uncalled = nothing as BaseClerk;

describe('the clients of a simulated world', () => {
  it('can be cut off: their hosts are those that their clerks call from', () => {
    const called: string[] = [];
    const cluster: Pick<SimulatedCluster, 'clerk'> = {
      clerk: (host) => {
        called.push(host);
        return uncalled;
      },
    };
    const world = new World({ seed: 1, weather: calm, clockDrift: 0 });
    const clients = new Clients(world, cluster as SimulatedCluster, drawPlan({ engine: 'paxos', seed: 1 }));
    expect(called).to.have.length.at.least(4);
    expect(clients.hosts).to.deep.equal(called);
  });
});
