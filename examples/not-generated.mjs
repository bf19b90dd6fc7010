// A client without generated code: @grpc/proto-loader reads the .proto files at run time.
// Start a cluster with `npx synod dev`, then:
//   node examples/not-generated.mjs [ENDPOINT]
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const endpoint = process.argv[2] ?? '127.0.0.1:7101';
const protoDirectory = `${dirname(fileURLToPath(import.meta.resolve('synod/package.json')))}/proto`;
const definition = loadSync(['synod/kv/v1/kv.proto', 'synod/inspect/v1/inspect.proto'], {
  includeDirs: [protoDirectory],
  longs: Number,
  defaults: true,
});
const { synod } = grpc.loadPackageDefinition(definition);

const store = new synod.kv.v1.KVService(endpoint, grpc.credentials.createInsecure());
const call = (client, method, request) => promisify(client[method]).call(client, request);

const { clientId } = await call(store, 'OpenSession', {});
const session = { clientId, sequence: 1, acknowledgedThrough: 0 };
await call(store, 'Put', { key: 'from', value: 'a client that was not generated', session });
// The same write again: the session knows it, and it does not run twice.
await call(store, 'Put', { key: 'from', value: 'a client that was not generated', session });
const { value, found } = await call(store, 'Get', { key: 'from' });
console.log('from:', value, found);
await call(store, 'CloseSession', { clientId });

const inspect = new synod.inspect.v1.InspectService(endpoint, grpc.credentials.createInsecure());
const { replicaId, engine, slots } = await call(inspect, 'GetStatus', {});
console.log(`replica ${replicaId}, engine ${engine}, applied through slot ${slots.applied}`);
store.close();
inspect.close();
