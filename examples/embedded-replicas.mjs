// A replicated store inside one's own process: three replicas here, one in each of three processes in real life.
//   node examples/embedded-replicas.mjs [FIRST_PORT]
import { setTimeout as sleep } from 'node:timers/promises';
import { Clerk, startReplica } from 'synod';

const firstPort = Number(process.argv[2] ?? 7301);
const peers = [1, 2, 3].map((id) => ({ id, address: `127.0.0.1:${firstPort + id - 1}` }));
const replicas = await Promise.all(peers.map(({ id }) => startReplica({ id, peers })));

const clerk = new Clerk({ endpoints: peers.map(({ address }) => address) });
await clerk.put('kept by', 'a majority');
console.log('written through', replicas.length, 'replicas');

// A new cluster comes together once: until all have met, none of them may go.
while (!replicas.every(({ serving }) => serving)) await sleep(50);

// One of three may go; what it promised lived in its memory, so it does not come back under its id.
await replicas[0].close();
console.log('kept by:', await clerk.get('kept by'));

await clerk.close();
await Promise.all(replicas.slice(1).map((replica) => replica.close()));
