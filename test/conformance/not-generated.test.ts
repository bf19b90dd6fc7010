import { Client, credentials, type MethodDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect } from 'chai';
import { InspectServiceService } from '../../gen/synod/inspect/v1/inspect.js';
import { KVServiceService, type PipelineRequest } from '../../gen/synod/kv/v1/kv.js';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';

type Method = MethodDefinition<unknown, unknown>;

const loadedPackage = loadSync(['synod/kv/v1/kv.proto', 'synod/inspect/v1/inspect.proto'], {
  includeDirs: ['proto'],
  defaults: false,
  oneofs: true,
});

const loaded = (service: string, path: string): Method => {
  const definition = loadedPackage[service] as unknown as ServiceDefinition;
  const method = Object.values(definition).find((candidate) => candidate.path === path);
  if (method === undefined) throw new Error(`${path} was not loaded`);
  return method;
};

/** Sends the same bytes by either definition; answers what came back as bytes, or the status. */
type Caller = (service: string, method: Method, request: Buffer) => Promise<string>;

const answerOf = async (client: Client, method: Method, request: Buffer): Promise<string> => {
  const message = method.requestDeserialize(request);
  const asText = (reply: unknown) => Buffer.from(method.responseSerialize(reply)).toString('hex');
  if (method.requestStream) {
    const stream = client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
    );
    stream.write(message);
    stream.end();
    const frames: string[] = [];
    for await (const frame of stream) frames.push(asText(frame));
    return frames.join(',');
  }
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      message,
      (error, reply) => resolve(error === null ? asText(reply) : `${error.code} ${error.details}`),
    );
  });
};

const requests: Record<string, readonly [name: keyof typeof KVServiceService, request: object][]> = {
  'synod.kv.v1.KVService': [
    ['openSession', {}],
    ['put', { key: 'a', value: 'é', session: { clientId: 1, sequence: 1, acknowledgedThrough: 0 } }],
    ['put', { key: 'a', value: 'again', session: { clientId: 1, sequence: 1, acknowledgedThrough: 0 } }],
    ['append', { key: 'a', value: '…', session: { clientId: 1, sequence: 2, acknowledgedThrough: 1 } }],
    ['putHash', { key: 'b', value: 'one', session: undefined }],
    ['putHash', { key: 'b', value: 'two', session: undefined }],
    ['get', { key: 'a' }],
    ['get', { key: 'missing' }],
    ['get', { key: '' }],
    ['put', { key: 'a', value: '', session: { clientId: 9, sequence: 1, acknowledgedThrough: 0 } }],
    [
      'pipeline',
      {
        clientId: 1,
        acknowledgedThrough: 2,
        operations: [
          { tag: 7, sequence: 3, kind: { $case: 'put', value: { key: 'c', value: 'd' } } },
          { tag: 8, sequence: 0, kind: { $case: 'get', value: { key: 'a' } } },
          { tag: 9, sequence: 4, kind: { $case: 'putHash', value: { key: 'b', value: 'three' } } },
        ],
      } satisfies PipelineRequest,
    ],
    ['closeSession', { clientId: 1 }],
    ['append', { key: 'a', value: 'late', session: { clientId: 1, sequence: 5, acknowledgedThrough: 4 } }],
  ],
};

describe('a client that was not generated', () => {
  const clusters: LocalCluster[] = [];
  const clients: Client[] = [];
  const freshStore = async (): Promise<Client> => {
    const cluster = await startLocalCluster(1, { clusterId: 'conformance' });
    clusters.push(cluster);
    const client = new Client(cluster.endpoints[0] ?? '', credentials.createInsecure());
    clients.push(client);
    return client;
  };
  after(async () => {
    for (const client of clients) client.close();
    await Promise.all(clusters.map((cluster) => cluster.close()));
  });

  const playTo = async (call: Caller): Promise<string[]> => {
    const answers: string[] = [];
    for (const [service, calls] of Object.entries(requests)) {
      for (const [name, request] of calls) {
        const method = KVServiceService[name] as Method;
        const bytes = Buffer.from(method.requestSerialize(request));
        answers.push(`${name}: ${await call(service, method, bytes)}`);
      }
    }
    return answers;
  };

  it('gets the same answers from every method of KVService as a generated one', async () => {
    const [one, other] = [await freshStore(), await freshStore()];
    const generated = await playTo((_service, method, request) => answerOf(one, method, request));
    const notGenerated = await playTo((service, method, request) =>
      answerOf(other, loaded(service, method.path), request),
    );
    expect(notGenerated).to.deep.equal(generated);
    const called = new Set(requests['synod.kv.v1.KVService']?.map(([name]) => name));
    expect([...called].sort()).to.deep.equal(Object.keys(KVServiceService).sort());
    expect(generated.join('\n')).to.include('the key is empty');
  });

  it('gets the same answers from every method of InspectService as a generated one', async () => {
    const client = await freshStore();
    for (const method of Object.values(InspectServiceService)) {
      const generated = await answerOf(client, method as Method, Buffer.alloc(0));
      const notGenerated = await answerOf(
        client,
        loaded('synod.inspect.v1.InspectService', method.path),
        Buffer.alloc(0),
      );
      expect(notGenerated).to.equal(generated).and.have.length.greaterThan(100);
    }
  });
});
