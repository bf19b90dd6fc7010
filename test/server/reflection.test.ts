import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { credentials, status, type Server } from '@grpc/grpc-js';
import { expect } from 'chai';
import {
  ServerReflectionClient,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../gen/grpc/reflection/v1/reflection.js';
import { ServerReflectionClient as AlphaClient } from '../../gen/grpc/reflection/v1alpha/reflection.js';
import { headerToWire } from '../../src/log/header-wire.js';
import { PaxosPeer } from '../../src/paxos/peer.js';
import { servePaxosPeer } from '../../src/paxos/service.js';
import { realClock } from '../../src/runtime/real-clock.js';
import { seededRandom } from '../../src/runtime/random.js';
import { loadDescriptors, serveReflection } from '../../src/server/reflection-service.js';
import { memoryJournal } from '../../src/storage/journal.js';
import { thrown } from '../support/rejection.js';
import { headerOf, rosterOf } from '../support/rosters.js';
import { serve, type Served } from '../support/served.js';

const paxosService = 'synod.paxos.v1.PaxosPeerService';
const offered = [paxosService, 'grpc.reflection.v1.ServerReflection'];
const bufCommand = fileURLToPath(new URL('../../../node_modules/.bin/buf', import.meta.url));
const protocols = ['grpc-v1', 'grpc-v1alpha'] as const;

const paxosPeer = (): PaxosPeer =>
  new PaxosPeer({
    roster: rosterOf(1, 3),
    links: new Map(),
    journal: memoryJournal(),
    clock: realClock,
    random: seededRandom(1),
  });

describe('server reflection', () => {
  let served: Served;
  let descriptors: Uint8Array;

  before(async () => {
    descriptors = await loadDescriptors();
    served = await serve((server: Server) => {
      servePaxosPeer(server, paxosPeer());
      serveReflection(server, offered, descriptors);
    });
  });

  after(() => served.close());

  type Question = NonNullable<ServerReflectionRequest['messageRequest']>;

  /** Asks everything on one stream and answers what came back. */
  const ask = (
    questions: readonly Question[],
    Client: typeof ServerReflectionClient | typeof AlphaClient = ServerReflectionClient,
    address = served.address,
  ) =>
    new Promise<ServerReflectionResponse[]>((resolve, reject) => {
      const client = new Client(address, credentials.createInsecure());
      const answers: ServerReflectionResponse[] = [];
      const stream = client.serverReflectionInfo({ deadline: Date.now() + 5000 });
      stream.on('data', (answer: ServerReflectionResponse) => answers.push(answer));
      stream.on('error', (error) => {
        client.close();
        reject(error);
      });
      stream.on('end', () => {
        client.close();
        resolve(answers);
      });
      for (const messageRequest of questions) stream.write({ host: 'here', messageRequest });
      stream.end();
    });

  const symbol = (value: string): Question => ({ $case: 'fileContainingSymbol', value });
  const filesOf = ({ messageResponse }: ServerReflectionResponse) => {
    if (messageResponse?.$case !== 'fileDescriptorResponse') return messageResponse?.$case;
    return messageResponse.value.fileDescriptorProto.map(
      (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
    );
  };
  const errorOf = ({ messageResponse }: ServerReflectionResponse) =>
    messageResponse?.$case === 'errorResponse' ? messageResponse.value.errorCode : undefined;

  const curl = async (protocol: (typeof protocols)[number], ...rest: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(
      bufCommand,
      [
        'curl',
        '--protocol=grpc',
        '--http2-prior-knowledge',
        '--reflect',
        `--reflect-protocol=${protocol}`,
        ...rest,
      ],
      { timeout: 30000, env: { PATH: process.env['PATH'], HOME: '/nonexistent', NO_PROXY: '*' } },
    );
    return stdout;
  };

  for (const protocol of protocols) {
    it(`lets a stranger list services over ${protocol}`, async () => {
      const listed = await curl(protocol, '--list-services', `http://${served.address}`);
      expect(listed.trim().split('\n').sort()).to.deep.equal([...offered].sort());
    });

    it(`lets a stranger list methods over ${protocol}`, async () => {
      const listed = await curl(protocol, '--list-methods', `http://${served.address}`);
      for (const method of ['Prepare', 'Accept', 'Decide', 'Learn']) {
        expect(listed).to.include(`${paxosService}/${method}`);
      }
    });

    it(`lets a stranger call a method over ${protocol}`, async () => {
      const { protocolVersion, clusterId, from, to, incarnation } = headerToWire(headerOf());
      const request = JSON.stringify({ header: { protocolVersion, clusterId, from, to, incarnation } });
      const answer = await curl(
        protocol,
        '--data',
        request,
        `http://${served.address}/${paxosService}/Learn`,
      );
      expect(JSON.parse(answer)).to.deep.equal({
        header: { protocolVersion: 1, clusterId, from: '1', to: '2', incarnation: 'process-1' },
      });
    });
  }

  it('answers v1 and v1alpha alike', async () => {
    const questions: Question[] = [{ $case: 'listServices', value: '' }, symbol(paxosService)];
    expect(await ask(questions, AlphaClient)).to.deep.equal(await ask(questions));
  });

  it('finds the file of every kind of symbol', async () => {
    const symbols: Record<string, string> = {
      [paxosService]: 'synod/paxos/v1/paxos.proto',
      [`${paxosService}.Prepare`]: 'synod/paxos/v1/paxos.proto',
      'synod.paxos.v1.PrepareResponse': 'synod/paxos/v1/paxos.proto',
      'synod.paxos.v1.PrepareResponse.promise': 'synod/paxos/v1/paxos.proto',
      'synod.paxos.v1.PrepareResponse.result': 'synod/paxos/v1/paxos.proto',
      'grpc.health.v1.HealthCheckResponse.ServingStatus': 'grpc/health/v1/health.proto',
      'grpc.health.v1.HealthCheckResponse.NOT_SERVING': 'grpc/health/v1/health.proto',
      'google.rpc.BadRequest.FieldViolation': 'google/rpc/error_details.proto',
      'google.rpc.BadRequest.FieldViolation.description': 'google/rpc/error_details.proto',
    };
    const answers = await ask(Object.keys(symbols).map(symbol));
    for (const [index, [name, file]] of Object.entries(symbols).entries()) {
      expect(filesOf(answers[index]!)?.[0], name).to.equal(file);
    }
  });

  it('answers with a file and all it imports, the file itself first', async () => {
    const [bySymbol, byName, alone] = await ask([
      symbol(paxosService),
      { $case: 'fileByFilename', value: 'google/rpc/status.proto' },
      { $case: 'fileByFilename', value: 'synod/peer/v1/header.proto' },
    ]);
    expect(filesOf(bySymbol!)).to.deep.equal([
      'synod/paxos/v1/paxos.proto',
      'synod/log/v1/ballot.proto',
      'synod/peer/v1/header.proto',
    ]);
    expect(filesOf(byName!)).to.deep.equal(['google/rpc/status.proto', 'google/protobuf/any.proto']);
    expect(filesOf(alone!)).to.deep.equal(['synod/peer/v1/header.proto']);
  });

  it('gives out the bytes of the descriptor set as they are', async () => {
    const unknownField = Buffer.from([0xa0, 0x3f, 0x07]);
    const file = fromBinary(FileDescriptorSetSchema, descriptors).file.find(
      ({ name }) => name === 'grpc/health/v1/health.proto',
    )!;
    // An unknown field first: written again, it would come last.
    const odd = Buffer.concat([unknownField, toBinary(FileDescriptorProtoSchema, file)]);
    const length = Buffer.from([0x0a, (odd.length & 0x7f) | 0x80, odd.length >> 7]);
    const other = await serve((server) =>
      serveReflection(server, ['grpc.health.v1.Health'], Buffer.concat([length, odd])),
    );
    try {
      const health = symbol('grpc.health.v1.Health');
      const [answer] = await ask([health], ServerReflectionClient, other.address);
      const found = answer!.messageResponse;
      expect(found?.$case === 'fileDescriptorResponse' && found.value.fileDescriptorProto).to.deep.equal([
        odd,
      ]);
    } finally {
      await other.close();
    }
  });

  it('answers what it does not know with NOT_FOUND and goes on', async () => {
    const answers = await ask([
      symbol('synod.nowhere.v1.Nothing'),
      { $case: 'fileByFilename', value: 'nowhere.proto' },
      {
        $case: 'fileContainingExtension',
        value: { containingType: 'google.rpc.ErrorInfo', extensionNumber: 7 },
      },
      { $case: 'allExtensionNumbersOfType', value: 'synod.nowhere.v1.Nothing' },
      symbol(paxosService),
    ]);
    expect(answers.map(errorOf)).to.deep.equal([
      status.NOT_FOUND,
      status.NOT_FOUND,
      status.NOT_FOUND,
      status.NOT_FOUND,
      undefined,
    ]);
    expect(answers.at(-1)!.originalRequest?.messageRequest).to.deep.equal(symbol(paxosService));
    expect(answers.at(-1)!.validHost).to.equal('here');
  });

  it('knows no extensions of a type that it knows', async () => {
    const [answer] = await ask([{ $case: 'allExtensionNumbersOfType', value: 'google.rpc.ErrorInfo' }]);
    expect(answer!.messageResponse).to.deep.equal({
      $case: 'allExtensionNumbersResponse',
      value: { baseTypeName: 'google.rpc.ErrorInfo', extensionNumber: [] },
    });
  });

  it('refuses to offer a service that is not described', async () => {
    const error = await new Promise<Error>((resolve, reject) => {
      serve((server) =>
        resolve(thrown(() => serveReflection(server, ['synod.nowhere.v1.Service'], descriptors), RangeError)),
      ).then((other) => other.close(), reject);
    });
    expect(error.message).to.include('synod.nowhere.v1.Service');
  });

  it('describes every service, and the types that errors carry', () => {
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
    for (const service of [
      'synod.kv.v1.KVService',
      paxosService,
      'synod.peer.v1.PeerService',
      'synod.inspect.v1.InspectService',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]) {
      expect(registry.getService(service), service).to.not.equal(undefined);
    }
    expect(registry.getMessage('google.rpc.Status')).to.not.equal(undefined);
    expect(registry.getMessage('google.rpc.ErrorInfo')).to.not.equal(undefined);
  });

  it('finds the descriptors that the build left behind', async () => {
    const file = fileURLToPath(new URL('../../descriptors.binpb', import.meta.url));
    expect(Buffer.compare(await readFile(file), descriptors)).to.equal(0);
  });
});
