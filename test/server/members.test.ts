import { expect } from 'chai';
import {
  checkMembers,
  checkPositive,
  OptionsError,
  toleranceOf,
  type MemberOption,
} from '../../src/server/members.js';
import { thrown } from '../support/rejection.js';

const three: readonly MemberOption[] = [
  { id: 3, address: '127.0.0.1:8003' },
  { id: 1, address: '127.0.0.1:8001' },
  { id: 2, address: '127.0.0.1:8002' },
];

describe('a list of members', () => {
  it('is answered in order of ids, however it was written, and left as it was', () => {
    const given = [...three];
    const ids = (members: readonly MemberOption[]) => members.map(({ id }) => id);
    expect(ids(checkMembers(given, 2))).to.deep.equal([1, 2, 3]);
    expect(ids(given)).to.deep.equal([3, 1, 2]);
    expect(checkMembers([...three].reverse(), 2)).to.deep.equal(checkMembers(three, 2));
  });

  it('need not have dense ids', () => {
    const members = checkMembers(
      [
        { id: 700, address: '127.0.0.1:8001' },
        { id: 5, address: 'unix:///run/synod.sock' },
      ],
      5,
    );
    expect(members.map(({ id }) => id)).to.deep.equal([5, 700]);
  });

  it('has one spelling for each address', () => {
    const [member] = checkMembers([{ id: 1, address: 'unix:///run/synod.sock' }], 1);
    expect(member?.address).to.equal('unix:/run/synod.sock');
  });

  const refused = (options: readonly MemberOption[], me: number): string =>
    thrown(() => checkMembers(options, me), OptionsError).message;

  it('is refused with an id twice', () => {
    expect(refused([...three, { id: 2, address: '127.0.0.1:9000' }], 1)).to.include('id 2 is there twice');
  });

  it('is refused with an address twice, also in two spellings', () => {
    const message = refused(
      [
        { id: 1, address: 'unix:/run/synod.sock' },
        { id: 2, address: 'unix:///run/synod.sock' },
      ],
      1,
    );
    expect(message).to.include('unix:/run/synod.sock is there twice');
  });

  it('is refused without this replica, saying what to add', () => {
    const message = refused(three, 4);
    expect(message).to.include('3, 1, 2').and.to.include('4=HOST:PORT');
    expect(refused([], 1)).to.include('(none)');
  });

  it('is refused with an id or an address that cannot be', () => {
    for (const id of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      expect(refused([{ id, address: '127.0.0.1:8001' }], id)).to.include(String(id));
    }
    expect(refused([{ id: 1, address: 'nowhere' }], 1)).to.include('"nowhere"');
  });
});

describe('the tolerance of a cluster', () => {
  it('is told for each size', () => {
    expect(toleranceOf(1)).to.equal('1 replica: a majority is 1, so no failures are survived');
    expect(toleranceOf(3)).to.equal('3 replicas: a majority is 2, so 1 failure is survived');
    expect(toleranceOf(5)).to.equal('5 replicas: a majority is 3, so 2 failures are survived');
  });

  it('advises against even sizes', () => {
    expect(toleranceOf(4)).to.equal(
      '4 replicas: a majority is 3, so 1 failure is survived; 3 would survive as many',
    );
    expect(toleranceOf(2)).to.include('1 would survive as many');
  });
});

describe('a time in the options', () => {
  it('is a number above 0, or refused with its name and value', () => {
    expect(checkPositive('roundTimeoutMs', 0.5)).to.equal(0.5);
    for (const value of [0, -1, Number.NaN, Infinity]) {
      const { message } = thrown(() => checkPositive('roundTimeoutMs', value), OptionsError);
      expect(message).to.include('roundTimeoutMs').and.to.include(String(value));
    }
  });
});
