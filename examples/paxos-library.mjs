// Agreement alone, without the store: any peer may propose a value for any slot.
//   node examples/paxos-library.mjs [FIRST_PORT]
import { setTimeout as sleep } from 'node:timers/promises';
import { makePaxosPeer } from 'synod';

const firstPort = Number(process.argv[2] ?? 7401);
const peers = [1, 2, 3].map((id) => ({ id, address: `127.0.0.1:${firstPort + id - 1}` }));
const running = await Promise.all(peers.map(({ id }) => makePaxosPeer({ peers, me: id })));

// Three proposals for one slot: one of them is chosen, the same everywhere.
for (const { peer } of running) peer.start(0, Buffer.from(`proposed by ${peer.roster.me}`));

for (const { peer } of running) {
  let status = peer.status(0);
  for (let waitMs = 10; status.kind === 'pending'; waitMs = Math.min(2 * waitMs, 500)) {
    await sleep(waitMs);
    status = peer.status(0);
  }
  console.log(`peer ${peer.roster.me}: slot 0 is ${status.kind}: ${Buffer.from(status.value).toString()}`);
}

// Once every application is done with a slot, all peers forget it.
for (const { peer } of running) peer.done(0);
await Promise.all(running.map(({ close }) => close()));
