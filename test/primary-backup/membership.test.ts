import { expect } from 'chai';
import { Membership } from '../../src/primary-backup/membership.js';
import type { ViewNews } from '../../src/primary-backup/messages.js';
import { serverAddress, serverIncarnation, viewServiceIncarnation } from '../../src/primary-backup/names.js';

const optional = (name: string) => (name === '-' ? undefined : serverAddress(name));

/** News as text: `2 a b` is view 2 of the primary a and the backup b; `!` says that it is acknowledged. */
const news = (text: string, viewService = 'v1', trouble = ''): ViewNews => {
  const [number = '', primary = '', backup = ''] = text.replace('!', '').trim().split(' ');
  return {
    view: { viewNumber: Number(number), primary: optional(primary), backup: optional(backup) },
    isAcknowledged: text.includes('!'),
    isBackupReady: false,
    viewService: viewServiceIncarnation(viewService),
    trouble,
  };
};

/** The server s after it has learned this, in this order. */
const serverThat = (...texts: readonly string[]): Membership => {
  const server = new Membership(serverAddress('s'), serverIncarnation('process'));
  for (const text of texts) server.learn(news(text));
  return server;
};

const standing = (viewNumber: number, sender = 'a', viewService = 'v1') => ({
  viewService: viewServiceIncarnation(viewService),
  viewNumber,
  sender: serverAddress(sender),
});

describe('a server of primary/backup among the views', () => {
  it('is the first primary, and says so to the view service before it takes calls', () => {
    const server = serverThat('0 - -');
    expect([server.part.kind, server.ping.viewNumber, server.standing]).to.deep.equal(['idle', 0, undefined]);
    expect(server.learn(news('1 s -'))).to.equal(true);
    expect(server.part).to.deep.equal({ kind: 'primary', backup: undefined, isAcknowledged: false });
    expect(server.ping.viewNumber).to.equal(1);
    expect(server.learn(news('1 s -'))).to.equal(false);
    expect(server.learn(news('1 s - !'))).to.equal(true);
    expect(server.part).to.deep.equal({ kind: 'primary', backup: undefined, isAcknowledged: true });
  });

  it('is uninitialized where a process before it was the primary, and acknowledges nothing', () => {
    for (const text of ['1 s - !', '5 s b', '2 s b !']) {
      const server = serverThat(text);
      expect(server.part.kind, text).to.equal('uninitialized');
      expect(server.ping.viewNumber, text).to.equal(0);
      expect(server.trouble).to.include('holds no data');
    }
  });

  it('says as a backup that it takes part once it has pulled the state in this very view', () => {
    const server = serverThat('3 a s');
    expect(server.ping.viewNumber).to.equal(0);
    server.hasPulled(2, 1);
    expect(server.ping.viewNumber).to.equal(0);
    server.hasPulled(3, 1);
    expect(server.ping.viewNumber).to.equal(3);
    server.learn(news('5 a s'));
    expect(server.part, 'the view between may have been without it').to.deep.include({ transfer: undefined });
    expect(server.ping.viewNumber).to.equal(0);
  });

  it('is promoted with the state of the view before, and with no other', () => {
    const ready = serverThat('3 a s');
    ready.hasPulled(3, 1);
    ready.learn(news('4 s b'));
    expect(ready.part.kind).to.equal('primary');
    expect(serverThat('3 a s', '4 s b').part.kind).to.equal('uninitialized');
    const late = serverThat('3 a s');
    late.hasPulled(3, 1);
    late.learn(news('5 s b'));
    expect(late.part.kind).to.equal('uninitialized');
  });

  it('keeps its state as a backup that must pull anew, and its place as a primary with another backup', () => {
    const backup = serverThat('3 a s');
    backup.hasPulled(3, 1);
    backup.mustPullAnew();
    expect(backup.ping.viewNumber).to.equal(3);
    backup.learn(news('4 s b'));
    expect(backup.part.kind).to.equal('primary');
    backup.learn(news('4 s b !'));
    backup.learn(news('5 s c'));
    expect(backup.part).to.deep.equal({ kind: 'primary', backup: 'c', isAcknowledged: false });
    backup.learn(news('6 c -'));
    expect(backup.part.kind).to.equal('idle');
    expect(backup.ping.viewNumber).to.equal(6);
  });

  it('takes no news of an earlier view, and takes back no acknowledgement', () => {
    const server = serverThat('1 s -', '1 s - !', '2 s b', '2 s b !');
    expect(server.learn(news('1 s -', 'v1', 'of then'))).to.equal(false);
    expect(server.trouble).to.equal('');
    expect(server.learn(news('2 s b'))).to.equal(false);
    expect(server.view.viewNumber).to.equal(2);
    expect(server.isAcknowledged).to.equal(true);
    expect(server.part).to.deep.equal({ kind: 'primary', backup: 'b', isAcknowledged: true });
  });

  it('refuses for good to go on under another view service than that of its views', () => {
    const server = serverThat('1 s -', '1 s - !');
    expect(server.learn(news('0 - -', 'v2'))).to.equal(true);
    expect(server.part.kind).to.equal('disowned');
    expect([server.ping.viewNumber, server.ping.viewService, server.standing]).to.deep.equal([
      0,
      'v1',
      undefined,
    ]);
    expect(server.trouble).to.include('start them anew');
    expect(server.learn(news('2 s b'))).to.equal(false);
    expect(server.judge({ standing: standing(1), transfer: 1 }).kind).to.equal('stale');
    const before = serverThat('0 - -');
    before.learn(news('1 s -', 'v2'));
    expect(before.part.kind, 'it had taken part in nothing').to.equal('primary');
  });

  it('follows only the primary of its own view, with the state that the primary counts on', () => {
    const server = serverThat('3 a s');
    const kindOf = (viewNumber: number, sender = 'a', viewService = 'v1', transfer = 4) =>
      server.judge({ standing: standing(viewNumber, sender, viewService), transfer }).kind;
    expect(kindOf(3)).to.equal('not-ready');
    server.hasPulled(3, 4);
    expect(kindOf(3)).to.equal('takes-part');
    expect(kindOf(2)).to.equal('stale');
    expect(kindOf(4)).to.equal('unknown-view');
    expect(kindOf(3, 'b')).to.equal('stale');
    expect(kindOf(3, 'a', 'v2')).to.equal('stale');
    expect(kindOf(3, 'a', 'v1', 3), 'sent before the transfer').to.equal('not-ready');
    expect(kindOf(3, 'a', 'v1', 5), 'another transfer has begun').to.equal('must-pull');
    server.learn(news('4 s b'));
    expect(kindOf(4), 'it is the primary now').to.equal('stale');
    expect(serverThat().judge({ standing: standing(1), transfer: 0 }).kind).to.equal('unknown-view');
  });

  it('tells what keeps the views from going on', () => {
    const server = serverThat('3 a s');
    expect(server.learn(news('3 a s', 'v1', 'view 3 waits'))).to.equal(true);
    expect(server.trouble).to.equal('view 3 waits');
    server.learn(news('4 b s'));
    expect(server.trouble).to.equal('');
  });
});
