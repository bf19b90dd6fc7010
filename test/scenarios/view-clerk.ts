import { randomUUID } from 'node:crypto';
import { ViewServiceService as definition, type PingResponse } from '../../gen/synod/view/v1/view.js';
import { parseAddress } from '../../src/rpc/address.js';
import { openChannel, unaryCall } from '../../src/rpc/channel.js';

/** A view as the wire has it: an empty name stands for nobody. */
export interface PlainView {
  readonly viewNumber: number;
  readonly primary: string;
  readonly backup: string;
}

/** Whether servers say which process of them it is that pings, as the product's do, or do not, as those of the labs. */
export type PingForm = 'with-incarnation' | 'plain';

export interface ViewClerkOptions {
  readonly viewService: string;
  /** The name that it pings under. */
  readonly name: string;
  readonly form: PingForm;
  /** Told of every call as it begins. */
  readonly called?: () => void;
}

const timeoutMs = 1000;

/** What the labs call a bare clerk: it pings under the name of a server that does not exist. */
export class ViewClerk {
  readonly name: string;
  readonly #options: ViewClerkOptions;
  readonly #channel;
  readonly #ping;
  readonly #getView;
  #incarnation = '';

  constructor(options: ViewClerkOptions) {
    this.name = options.name;
    this.#options = options;
    this.#channel = openChannel(parseAddress(options.viewService), { between: 'client-and-replica' });
    this.#ping = unaryCall(this.#channel, definition.ping);
    this.#getView = unaryCall(this.#channel, definition.getView);
    this.restart();
  }

  /** From now on it pings as another process of its server. */
  restart(): void {
    this.#incarnation = this.#options.form === 'with-incarnation' ? randomUUID() : '';
  }

  /** Answers the view that the service answers. */
  async ping(viewNumber: number): Promise<PlainView> {
    this.#options.called?.();
    const request = {
      server: this.name,
      viewNumber,
      serverIncarnation: this.#incarnation,
      viewServiceIncarnation: '',
    };
    return viewOf(await this.#ping(request, { timeoutMs }));
  }

  async view(): Promise<PlainView> {
    this.#options.called?.();
    return viewOf(await this.#getView({}, { timeoutMs }));
  }

  close(): void {
    this.#channel.close();
  }
}

function viewOf({ view }: Pick<PingResponse, 'view'>): PlainView {
  if (view === undefined) throw new Error('the view service answers without a view');
  const { viewNumber, primary, backup } = view;
  return { viewNumber, primary, backup };
}
