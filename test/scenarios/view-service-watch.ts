import { startViewService, type RunningViewService } from '../../src/index.js';
import { seededRandom } from '../../src/runtime/random.js';
import { ReceiverFaults } from './receiver-faults.js';

/** A view service that counts the RPCs it receives. It loses none. */
export class WatchedViewService {
  readonly #service: RunningViewService;
  readonly #receiver: ReceiverFaults;

  private constructor(service: RunningViewService, receiver: ReceiverFaults) {
    this.#service = service;
    this.#receiver = receiver;
  }

  /** At the intervals of the labs, which are the product's own. */
  static async start(address: string): Promise<WatchedViewService> {
    const receiver = new ReceiverFaults(seededRandom(0));
    const service = await startViewService({ address, serverInterceptors: [receiver.serverInterceptor] });
    return new WatchedViewService(service, receiver);
  }

  get address(): string {
    return this.#service.address;
  }

  /** RPCs received so far: those of servers and of clients. */
  get rpcCount(): number {
    return this.#receiver.rpcCount;
  }

  /** As the service has it now, without an RPC. */
  get view(): ReturnType<RunningViewService['view']> {
    return this.#service.view();
  }

  close(): Promise<void> {
    return this.#service.close();
  }
}
