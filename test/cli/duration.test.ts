import { expect } from 'chai';
import { formatDuration, parseDuration } from '../../src/cli/duration.js';

describe('Durations on the command line', () => {
  it('are milliseconds, seconds or minutes', () => {
    const texts = ['1ms', '500ms', '5s', '1.5s', '1m', '1440m'];
    expect(texts.map(parseDuration)).to.deep.equal([1, 500, 5000, 1500, 60_000, 86_400_000]);
  });

  it('are refused without a unit, with another, below 1 ms and above a day', () => {
    for (const text of ['', '5', '5h', '-1s', '0s', '0.5ms', '1441m', '1e3ms', 's', ' 5s', '99999999999s']) {
      expect(() => parseDuration(text), text).to.throw(RangeError, '500ms, 5s or 1m');
    }
  });

  it('are printed short', () => {
    const durations = [0, 7.4, 999, 1000, 1549, 59_000, 60_000, 90_000, 120_000];
    expect(durations.map(formatDuration).join()).to.equal('0ms,7ms,999ms,1s,1.5s,59s,1m,90s,2m');
  });
});
