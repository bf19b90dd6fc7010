import { readFile } from 'node:fs/promises';
import {
  createFileRegistry,
  fromBinary,
  type DescFile,
  type DescMessage,
  type FileRegistry,
} from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status, type Server } from '@grpc/grpc-js';
import {
  ServerReflectionService as definition,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../gen/grpc/reflection/v1/reflection.js';
import { ServerReflectionService as alphaDefinition } from '../../gen/grpc/reflection/v1alpha/reflection.js';
import { duplex } from '../rpc/handlers.js';
import { strictly } from '../rpc/strict.js';

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;

/** The compiled descriptors of everything under proto/, which the build leaves beside the compiled code. */
export const loadDescriptors = (): Promise<Uint8Array> =>
  readFile(new URL('../../descriptors.binpb', import.meta.url));

/**
 * Serves `grpc.reflection.v1.ServerReflection` and its older twin `v1alpha`, which some tools still ask first.
 * @param services full names of the services that are offered; only they are listed
 * @param descriptors a FileDescriptorSet with all imports
 * @throws RangeError if a service is not described
 */
export function serveReflection(server: Server, services: readonly string[], descriptors: Uint8Array): void {
  const described = new DescribedFiles(descriptors);
  const undescribed = services.find((service) => described.declaring(service) === undefined);
  if (undescribed !== undefined) throw new RangeError(`service ${undescribed} is not in the descriptors`);
  const listed = services.map((name) => ({ name }));
  const handler = duplex<ServerReflectionRequest, ServerReflectionResponse>((send) => ({
    receive: (request) =>
      send({
        validHost: request.host,
        originalRequest: request,
        messageResponse: answerTo(request, described, listed),
      }),
    finish: () => Promise.resolve(),
  }));
  server.addService(strictly(definition), { serverReflectionInfo: handler });
  server.addService(strictly(alphaDefinition), { serverReflectionInfo: handler });
}

/** What cannot be answered is an error of this one answer; the stream goes on. */
function answerTo(
  { messageRequest: request }: ServerReflectionRequest,
  described: DescribedFiles,
  service: { readonly name: string }[],
): Answer {
  switch (request?.$case) {
    case 'listServices':
      return { $case: 'listServicesResponse', value: { service } };
    case 'fileByFilename':
      return filesFrom(described, described.named(request.value), `file ${request.value}`);
    case 'fileContainingSymbol':
      return filesFrom(described, described.declaring(request.value), `symbol ${request.value}`);
    case 'fileContainingExtension':
      return failure(status.NOT_FOUND, 'no message has extensions here');
    case 'allExtensionNumbersOfType':
      if (described.declaring(request.value) === undefined) {
        return failure(status.NOT_FOUND, `type ${request.value} not found`);
      }
      return {
        $case: 'allExtensionNumbersResponse',
        value: { baseTypeName: request.value, extensionNumber: [] },
      };
    case undefined:
      return failure(status.INVALID_ARGUMENT, 'the request asks for nothing that is known here');
  }
}

const failure = (errorCode: status, errorMessage: string): Answer => ({
  $case: 'errorResponse',
  value: { errorCode, errorMessage },
});

const filesFrom = (described: DescribedFiles, file: DescFile | undefined, sought: string): Answer =>
  file === undefined
    ? failure(status.NOT_FOUND, `${sought} not found`)
    : { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: described.closureOf(file) } };

/** The files of a FileDescriptorSet by name and by every symbol they declare. */
class DescribedFiles {
  readonly #registry: FileRegistry;
  readonly #bySymbol = new Map<string, DescFile>();
  /** Each file's FileDescriptorProto as the compiler wrote it. */
  readonly #bytes = new Map<DescFile, Buffer>();

  /** @throws Error if an import is missing */
  constructor(descriptors: Uint8Array) {
    const set = fromBinary(FileDescriptorSetSchema, descriptors);
    this.#registry = createFileRegistry(set);
    const slices = fileSlices(descriptors);
    for (const [index, { name }] of set.file.entries()) {
      const file = this.named(name);
      const bytes = slices[index];
      if (file === undefined || bytes === undefined) continue;
      this.#bytes.set(file, bytes);
      for (const symbol of symbolsOf(file)) this.#bySymbol.set(symbol, file);
    }
  }

  named(name: string): DescFile | undefined {
    return this.#registry.getFile(name);
  }

  /** The file that declares a service, method, message, field, oneof, enum or enum value. */
  declaring(symbol: string): DescFile | undefined {
    return this.#bySymbol.get(symbol);
  }

  /** A file and all it imports, the file itself first: clients take the first for the one they asked for. */
  closureOf(file: DescFile): Buffer[] {
    const closure = new Set([file]);
    // A set grows while it is walked, and the walk comes to what was added.
    for (const { dependencies } of closure) {
      for (const imported of dependencies) closure.add(imported);
    }
    return [...closure].flatMap((member) => this.#bytes.get(member) ?? []);
  }
}

/** The bytes of each file, uncopied: decoding and encoding again could lose options that this code does not know. */
function fileSlices(descriptors: Uint8Array): Buffer[] {
  const fileField = 1;
  const reader = new BinaryReader(descriptors);
  const slices: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field !== fileField) {
      reader.skip(wireType, field);
      continue;
    }
    const bytes = reader.bytes();
    slices.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
  return slices;
}

function* symbolsOf(file: DescFile): Generator<string> {
  for (const service of file.services) {
    yield service.typeName;
    for (const { name } of service.methods) yield `${service.typeName}.${name}`;
  }
  const scope = file.proto.package === '' ? '' : `${file.proto.package}.`;
  yield* symbolsIn(file, scope);
}

/** The types declared in a file or in a message, with what is nested in them. */
function* symbolsIn(
  { messages, enums }: Pick<DescFile, 'messages' | 'enums'>,
  scope: string,
): Generator<string> {
  for (const { typeName, values } of enums) {
    yield typeName;
    // Values are named beside their enum, not in it.
    for (const { name } of values) yield `${scope}${name}`;
  }
  for (const message of messages) yield* symbolsOfMessage(message);
}

function* symbolsOfMessage(message: DescMessage): Generator<string> {
  const { typeName } = message;
  yield typeName;
  for (const { name } of message.fields) yield `${typeName}.${name}`;
  for (const { name } of message.oneofs) yield `${typeName}.${name}`;
  yield* symbolsIn({ messages: message.nestedMessages, enums: message.nestedEnums }, `${typeName}.`);
}
