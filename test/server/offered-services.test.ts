import { expect } from 'chai';
import {
  ServerReflectionService as definition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../gen/grpc/reflection/v1/reflection.js';
import { openChannel } from '../../src/rpc/channel.js';
import { parseAddress } from '../../src/rpc/address.js';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';

const everyEngines = [
  'synod.kv.v1.KVService',
  'synod.peer.v1.PeerService',
  'synod.inspect.v1.InspectService',
  'synod.snapshot.v1.SnapshotService',
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];

/** The names of the services that a server says it has. */
function listedAt(endpoint: string): Promise<readonly string[]> {
  const channel = openChannel(parseAddress(endpoint), { between: 'client-and-replica' });
  const { path, requestSerialize, responseDeserialize } = definition.serverReflectionInfo;
  const stream = channel.makeBidiStreamRequest<ServerReflectionRequest, ServerReflectionResponse>(
    path,
    requestSerialize,
    responseDeserialize,
    { deadline: Date.now() + 5000 },
  );
  return new Promise<readonly string[]>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', ({ messageResponse: answer }: ServerReflectionResponse) => {
      if (answer?.$case === 'listServicesResponse') resolve(answer.value.service.map(({ name }) => name));
      else reject(new Error('it answers something else'));
      stream.end();
    });
    stream.write({ host: '', messageRequest: { $case: 'listServices', value: '' } });
  }).finally(() => channel.close());
}

describe('the services of a replica', () => {
  let cluster: LocalCluster;
  afterEach(() => cluster.close());

  it('are those of every replica and those of its engine, and all are listed', async () => {
    cluster = await startLocalCluster(1);
    const [endpoint] = cluster.endpoints;
    expect(await listedAt(endpoint!)).to.have.members([...everyEngines, 'synod.paxos.v1.PaxosPeerService']);
  });
});
