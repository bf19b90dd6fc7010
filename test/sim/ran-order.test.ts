import { expect } from 'chai';
import { encodeCommand } from '../../src/kv/command.js';
import { clientId, type Result, type WriteOperation } from '../../src/kv/operation.js';
import { RanOrder } from '../../src/sim/ran-order.js';

const write = (value: string): WriteOperation => ({ kind: 'put', key: 'k', value });
const command = (operation: WriteOperation): Uint8Array =>
  encodeCommand({
    kind: 'write',
    session: { clientId: clientId(1), sequence: 1, acknowledgedThrough: 0 },
    operation,
  });
const [one, two, three] = [write('1'), write('2'), write('3')];
const ran: Result = { kind: 'put' };
const refused: Result = { kind: 'refused', refusal: 'expired', detail: 'session 1 has ended' };

/** These writes by when they ran; those that did not run are left out. */
const inOrder = ({ ranAt }: RanOrder, writes: readonly WriteOperation[]): readonly WriteOperation[] =>
  writes
    .filter((operation) => ranAt(operation) !== undefined)
    .sort((first, second) => (ranAt(first) ?? 0) - (ranAt(second) ?? 0));

describe('the order in which the servers of a simulated world ran its writes', () => {
  it('is that of their slots, and in a slot that of its commands, whoever applied first', () => {
    const order = new RanOrder();
    order.applied(4, [command(three)], [ran]);
    const opened = encodeCommand({ kind: 'open-session' });
    const answers: Result[] = [ran, { kind: 'session-opened', clientId: clientId(2) }, ran];
    order.applied(3, [command(two), opened, command(one)], answers);
    order.applied(4, [command(three)], [ran]);
    expect(inOrder(order, [one, two, three])).to.deep.equal([two, one, three]);
  });

  it('does not have what nobody applied', () => {
    const { ranAt } = new RanOrder();
    expect(ranAt(one)).to.equal(undefined);
  });

  it('has a write that came twice where it came first', () => {
    const order = new RanOrder();
    order.applied(0, [command(one)], [ran]);
    order.applied(1, [command(two), command(one)], [ran, ran]);
    expect(inOrder(order, [two, one])).to.deep.equal([one, two]);
  });

  it('has a write that was refused at first where it ran', () => {
    const order = new RanOrder();
    order.applied(0, [command(one), command(three)], [refused, refused]);
    order.applied(1, [command(two), command(one)], [ran, ran]);
    expect(inOrder(order, [one, two, three])).to.deep.equal([two, one]);
  });

  it('does not have what another server ran something else in place of', () => {
    const order = new RanOrder();
    order.applied(0, [command(one)], [ran]);
    order.applied(0, [command(two)], [ran]);
    order.applied(1, [command(three)], [ran]);
    expect(inOrder(order, [one, two, three])).to.deep.equal([two, three]);
  });
});
