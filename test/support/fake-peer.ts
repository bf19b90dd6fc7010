import type { Enveloped } from '../../src/log/header.js';
import type { DoneEntry } from '../../src/log/done-map.js';
import type {
  Accept,
  AcceptReply,
  Decide,
  DecideReply,
  Learn,
  LearnReply,
  PaxosLink,
  Prepare,
  PrepareReply,
  ReachReply,
} from '../../src/paxos/messages.js';
import type { Call } from '../../src/rpc/link.js';
import { headerBetween } from './rosters.js';

interface Answers {
  prepare: (request: Prepare) => PrepareReply | 'silence' | 'lost' | Promise<PrepareReply>;
  accept: (request: Accept) => AcceptReply | 'silence' | 'lost';
  decide: (request: Decide) => DecideReply | 'silence' | 'lost';
  learn: (request: Learn) => LearnReply | 'silence' | 'lost';
  reach: () => ReachReply | 'silence' | 'lost' | Promise<ReachReply>;
}

/** A peer that answers as the test says; until told otherwise it is silent. It keeps what it was sent. */
export class FakePeer {
  readonly prepares: Prepare[] = [];
  readonly accepts: Accept[] = [];
  readonly decides: Decide[] = [];
  readonly learns: Learn[] = [];
  readonly reaches: undefined[] = [];
  readonly answers: Answers = {
    prepare: () => 'silence',
    accept: () => 'silence',
    decide: () => 'silence',
    learn: () => 'silence',
    reach: () => 'silence',
  };
  /** These ride on every answer. */
  done: DoneEntry[] = [];
  learnedThrough: number | undefined;
  readonly link: PaxosLink;

  constructor(
    readonly id: number,
    to: number,
  ) {
    this.link = {
      prepare: this.#call(to, this.prepares, (request: Prepare) => this.answers.prepare(request)),
      accept: this.#call(to, this.accepts, (request: Accept) => this.answers.accept(request)),
      decide: this.#call(to, this.decides, (request: Decide) => this.answers.decide(request)),
      learn: this.#call(to, this.learns, (request: Learn) => this.answers.learn(request)),
      reach: this.#call(to, this.reaches, () => this.answers.reach()),
    };
  }

  #call<Request, Reply>(
    to: number,
    sent: Request[],
    answer: (request: Request) => Reply | 'silence' | 'lost' | Promise<Reply>,
  ): Call<Enveloped<Request>, Enveloped<Reply>> {
    return ({ body }) => {
      sent.push(body);
      const reply = answer(body);
      if (reply === 'lost') return Promise.reject(new Error('lost'));
      if (reply === 'silence') return new Promise(() => undefined);
      return Promise.resolve(reply).then((said) => ({
        header: { ...headerBetween(this.id, to, this.done), learnedThrough: this.learnedThrough },
        body: said,
      }));
    };
  }
}
