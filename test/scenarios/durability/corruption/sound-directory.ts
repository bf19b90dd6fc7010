import { expect } from 'chai';
import { encodeCommand } from '../../../../src/kv/command.js';
import type { Enveloped } from '../../../../src/log/header.js';
import type { ReplicaId, Slot } from '../../../../src/log/ids.js';
import { encodeBatch } from '../../../../src/log/wire.js';
import type { Ballot } from '../../../../src/log/ballot.js';
import type { PaxosPeer } from '../../../../src/paxos/peer.js';
import { seededRandom, type Random } from '../../../../src/runtime/random.js';
import { shuffled } from '../../random-choices.js';
import type { FakeWorld } from '../../../support/fake-world.js';
import { AcceptorMemory } from './acceptor-memory.js';
import { imageOf, type Image } from './image-disk.js';
import { recoverDirectory, type RecoveredDirectory } from './recovered-directory.js';
import {
  appliedAt,
  areLevel,
  driven,
  everybody,
  giveDisk,
  live,
  newWorld,
  put,
  until,
  victim,
} from './worlds.js';

/** A directory whose power was cut, with its peers' as they were then, and what is known of all three. */
export interface SoundDirectory {
  readonly seed: number;
  readonly image: Image;
  readonly peerImages: ReadonlyMap<ReplicaId, Image>;
  readonly recovered: RecoveredDirectory;
  /** Whether the recovery reads a byte at all. */
  readonly isRead: (file: string, byte: number) => boolean;
  readonly memory: AcceptorMemory;
  /** Every decided value that any replica learned, and those that a majority has voted for and nobody knows yet. */
  readonly chosen: ReadonlyMap<Slot, Uint8Array>;
  /** What was put last under each key. */
  readonly entries: ReadonlyMap<string, string>;
}

/** Higher than the number of any batch that these replicas make. */
const firstNumber = 2 ** 50;
const writesBetweenStarts = 12;
const startCount = 2;

const names = async (world: FakeWorld, id: ReplicaId): Promise<string[]> => await world.copyOfDisk(id).list();

class Builder {
  readonly entries = new Map<string, string>();
  readonly chosen = new Map<Slot, Uint8Array>();
  #writes = 0;

  constructor(
    readonly world: FakeWorld,
    readonly random: Random,
  ) {}

  /** Puts at each replica in turn; now and then more than a sector, and sectors that are zero by their content. */
  async write(count: number): Promise<void> {
    for (let write = 0; write < count; write += 1) {
      this.#writes += 1;
      const key = `key ${this.random.below(20)}`;
      const text = this.random.hex(this.random.below(this.#writes % 7 === 0 ? 1800 : 120));
      const value = this.#writes % 23 === 0 ? `${text}${'\0'.repeat(1400)}` : text;
      await put(this.world, everybody[this.random.below(3)]!, key, value);
      this.entries.set(key, value);
    }
    await until(this.world, () => areLevel(this.world, everybody));
  }

  /** Cuts the power of all three and gives it back. */
  async restartAll(): Promise<void> {
    await this.world.clock.sleep(1500);
    for (const id of everybody) this.world.crash(id);
    for (const id of everybody) await this.world.restart(id);
    for (const id of everybody) this.listen(this.world.replicas.get(id)!.engine.peer);
    await until(this.world, () => areLevel(this.world, everybody));
  }

  listen(paxos: PaxosPeer): void {
    paxos.onDecided((slot, value) => this.chosen.set(slot, value));
  }

  async prepare(from: ReplicaId, to: ReplicaId, slot: Slot, ballot: Ballot): Promise<void> {
    const reply = await this.#call(from, to, { slot, ballot }, (paxos, request) =>
      paxos.handlePrepare(request),
    );
    expect(reply.kind).to.equal('promise');
  }

  async accept(from: ReplicaId, to: ReplicaId, slot: Slot, ballot: Ballot, value: Uint8Array): Promise<void> {
    const reply = await this.#call(from, to, { slot, ballot, value }, (paxos, request) =>
      paxos.handleAccept(request),
    );
    expect(reply.kind).to.equal('accept-ok');
  }

  async decide(from: ReplicaId, to: ReplicaId, slot: Slot, value: Uint8Array): Promise<void> {
    const reply = await this.#call(from, to, { slot, value }, (paxos, request) =>
      paxos.handleDecide(request),
    );
    expect(reply.kind).to.equal('decide-ok');
  }

  /** Lets a replica hear how far the log of another one reaches. */
  async hear(from: ReplicaId, to: ReplicaId): Promise<void> {
    await this.#call(from, to, { firstSlot: 0, lastSlot: 0 }, (paxos, request) => paxos.handleLearn(request));
  }

  /** A batch that nobody else makes; its slot changes the state. */
  valueOf(slot: Slot, origin: ReplicaId): Uint8Array {
    const { incarnation } = this.world.replicas.get(origin)!.roster;
    const commands = Array.from({ length: 1 + (slot % 5) * 40 }, () =>
      encodeCommand({ kind: 'open-session' }),
    );
    return encodeBatch({ origin, incarnation, number: firstNumber + slot, commands });
  }

  /** What a proposer that is one of the others sends to a replica, and what it takes in of the answer. */
  async #call<Request, Reply>(
    from: ReplicaId,
    to: ReplicaId,
    request: Request,
    handle: (paxos: PaxosPeer, request: Enveloped<Request>) => Promise<Enveloped<Reply>>,
  ): Promise<Reply> {
    const { roster } = this.world.replicas.get(from)!;
    const { header, body } = await handle(
      this.world.replicas.get(to)!.engine.peer,
      roster.envelope(to, request),
    );
    roster.admit(header);
    return body;
  }
}

/** Slots that the proposers leave behind, above the last one that is applied. */
const openSlots = 28;

/**
 * Slots that were under way when the power went. What replicas send each other here comes out of order, as if late; all
 * rounds are below those that proposers begin after a restart (rule R4). The lowest of the slots stays undecided, so nobody
 * is done with any of them.
 */
class OpenSlots {
  readonly #builder: Builder;

  constructor(builder: Builder) {
    this.#builder = builder;
  }

  async leaveFrom(first: Slot): Promise<void> {
    await this.#chosen(first);
    const ways: ((slot: Slot) => Promise<unknown>)[] = [
      (slot) => this.#decided(slot),
      (slot) => this.#chosen(slot),
      (slot) => this.#learned(slot),
      (slot) => this.#votedAlone(slot),
      (slot) => this.#votedTwice(slot),
      (slot) => this.#promised(slot),
    ];
    for (let index = 1; index < openSlots; index += 1) {
      const way = ways[this.#builder.random.below(ways.length)]!;
      // Now and then the records of two slots share a frame.
      const isShared = this.#builder.random.below(3) === 0;
      if (isShared) await Promise.all([way(first + index), this.#decided(first + index + 1)]);
      else await way(first + index);
      if (isShared) index += 1;
    }
    await this.#promised(first + openSlots + 1);
  }

  /** The victim and one other have voted, and nobody knows that this decides. */
  async #chosen(slot: Slot): Promise<Uint8Array> {
    const [proposer, voter] = shuffled(live, this.#builder.random) as [ReplicaId, ReplicaId];
    const value = this.#builder.valueOf(slot, proposer);
    const ballot = { round: 1, replica: proposer };
    for (const to of [victim, voter]) {
      await this.#builder.prepare(proposer, to, slot, ballot);
      await this.#builder.accept(proposer, to, slot, ballot, value);
    }
    this.#builder.chosen.set(slot, value);
    return value;
  }

  /** The victim has voted, and has learned that this decided. */
  async #decided(slot: Slot): Promise<void> {
    const value = await this.#chosen(slot);
    await this.#builder.decide(live[0]!, victim, slot, value);
  }

  /** The others have all voted for one value, and the victim has learned it without a vote of its own. */
  async #learned(slot: Slot): Promise<void> {
    const [second, third] = live as [ReplicaId, ReplicaId];
    const value = this.#builder.valueOf(slot, second);
    await this.#builder.accept(second, third, slot, { round: 1, replica: second }, value);
    await this.#builder.accept(third, second, slot, { round: 2, replica: third }, value);
    this.#builder.chosen.set(slot, value);
    await this.#builder.decide(second, victim, slot, value);
  }

  /** Nobody else has a vote; a later promise was given. */
  async #votedAlone(slot: Slot): Promise<void> {
    const [second, third] = live as [ReplicaId, ReplicaId];
    await this.#builder.accept(
      second,
      victim,
      slot,
      { round: 1, replica: second },
      this.#builder.valueOf(slot, second),
    );
    await this.#builder.prepare(third, victim, slot, { round: 2, replica: third });
  }

  async #votedTwice(slot: Slot): Promise<void> {
    const [second, third] = live as [ReplicaId, ReplicaId];
    const value = this.#builder.valueOf(slot, second);
    await this.#builder.accept(second, victim, slot, { round: 1, replica: second }, value);
    await this.#builder.accept(third, victim, slot, { round: 2, replica: third }, value);
  }

  async #promised(slot: Slot): Promise<void> {
    await this.#builder.prepare(live[0]!, victim, slot, { round: 2, replica: live[0]! });
  }
}

/** The end: the power of the victim goes, and the peers have written down how far its log reached. */
async function cutPower(builder: Builder): Promise<void> {
  const [second, third] = live as [ReplicaId, ReplicaId];
  const first = appliedAt(builder.world, victim) + 1;
  await new OpenSlots(builder).leaveFrom(first);
  for (const peer of live) await builder.hear(peer, victim);
  builder.world.crash(victim);
  // What the peers have heard of the victim's log rides in their next frames.
  const above = first + openSlots + 2;
  await builder.prepare(second, third, above, { round: 2, replica: second });
  await builder.prepare(third, second, above + 1, { round: 2, replica: third });
}

/** Lets three replicas live until the first one's directory has everything in it that can be damaged. */
export async function makeSoundDirectory(seed: number): Promise<SoundDirectory> {
  const random = seededRandom(seed);
  const world = await newWorld(random.below(2 ** 31));
  const builder = new Builder(world, random);
  for (const { engine } of world.replicas.values()) builder.listen(engine.peer);
  const isSnapshot = (name: string) => name.startsWith('snapshot-');
  await driven(
    world,
    until(world, () => areLevel(world, everybody)),
  );
  while (!(await names(world, victim)).some(isSnapshot)) await driven(world, builder.write(10));
  for (let start = 0; start < startCount; start += 1) {
    await driven(
      world,
      builder.restartAll().then(() => builder.write(writesBetweenStarts)),
    );
  }
  await driven(world, world.clock.sleep(1500));
  for (const id of everybody) world.crash(id);
  const disks = new Map<ReplicaId, Awaited<ReturnType<typeof giveDisk>>>();
  for (const id of everybody) {
    disks.set(id, await giveDisk(world, id, await imageOf(world.copyOfDisk(id))));
  }
  await driven(world, Promise.all(everybody.map((id) => world.restart(id))));
  await driven(
    world,
    until(world, () => areLevel(world, everybody)).then(() => builder.write(8)),
  );
  await driven(
    world,
    world.clock.sleep(1500).then(() => cutPower(builder)),
  );
  for (const id of live) world.crash(id);
  const images = new Map<ReplicaId, Image>();
  for (const [id, disk] of disks) images.set(id, await imageOf(disk.crash('everything')));
  return await described(seed, images, builder);
}

async function described(
  seed: number,
  images: ReadonlyMap<ReplicaId, Image>,
  { chosen, entries }: Builder,
): Promise<SoundDirectory> {
  const image = images.get(victim)!;
  const read = new Map([...image].map(([name, { length }]) => [name, new Uint8Array(length)]));
  const recovered = await recoverDirectory(image, victim, (file, offset, length) =>
    read.get(file)!.fill(1, offset, offset + length),
  );
  const isRead = (file: string, byte: number) => read.get(file)![byte] === 1;
  const memory = new AcceptorMemory(recovered);
  const peerImages = new Map(live.map((id) => [id, images.get(id)!]));
  for (const [id, peerImage] of peerImages) {
    const { point, peers } = await recoverDirectory(peerImage, id);
    expect(point.recovered.highestRound, 'rounds that the proposers have used').to.be.at.least(2);
    const known = peers.pins.find(({ replica }) => replica === victim)?.log.durableLsn;
    expect(known, `how far replica ${id} knows the log to reach`).to.equal(recovered.log.lastLsn);
  }
  return { seed, image, peerImages, recovered, isRead, memory, chosen, entries };
}
