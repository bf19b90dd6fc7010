import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CommandFailure } from '../../src/cli/command-failure.js';
import { openDevData, type WantedLayout } from '../../src/cli/dev-data.js';
import { rejection } from '../support/rejection.js';

const wanted: WantedLayout = { engine: 'paxos', replicas: 3, port: 7101 };

describe('The directory of synod dev', () => {
  let parent: string;
  let directory: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'synod-dev-data-'));
    directory = join(parent, 'some', 'data');
  });
  afterEach(() => rm(parent, { recursive: true }));

  /** Opens the directory, closes it again, and answers its cluster id. */
  const opened = async (drawn: string): Promise<string> => {
    const { clusterId, close } = await openDevData(directory, wanted, () => drawn);
    await close();
    return clusterId;
  };
  const refusal = (layout: WantedLayout = wanted): Promise<CommandFailure> =>
    rejection(
      openDevData(directory, layout, () => 'another'),
      CommandFailure,
    );

  it('is made with all its parents, and has the drawn cluster id from then on', async () => {
    expect(await opened('drawn')).to.equal('drawn');
    expect(await readdir(directory)).to.deep.equal(['dev.json']);
    expect(JSON.parse(await readFile(join(directory, 'dev.json'), 'utf8'))).to.deep.equal({
      formatVersion: 1,
      clusterId: 'drawn',
      engine: 'paxos',
      replicas: 3,
      port: 7101,
    });
    expect(await opened('another')).to.equal('drawn');
  });

  it('is made anew where its making was cut short', async () => {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'dev.json.new'), '{"form');
    await writeFile(join(directory, '.probe'), '');
    expect(await opened('drawn')).to.equal('drawn');
    expect(await readdir(directory)).to.deep.equal(['dev.json']);
  });

  it('is of one process at a time, also while it is made', async () => {
    const { close } = await openDevData(directory, wanted, () => 'drawn');
    const { exitCode, message } = await refusal();
    expect(exitCode).to.equal(78);
    expect(message).to.contain(`the data directory ${directory} is in use by`);
    await close();
    expect(await opened('another')).to.equal('drawn');
  });

  it('is free again after a refusal', async () => {
    expect(await opened('drawn')).to.equal('drawn');
    await refusal({ ...wanted, replicas: 5 });
    expect(await opened('another')).to.equal('drawn');
  });

  it('is refused for a cluster of another shape, with both and the way to run it', async () => {
    await opened('drawn');
    const fewer = await refusal({ ...wanted, replicas: 1 });
    expect(fewer.exitCode).to.equal(78);
    expect(fewer.message)
      .to.contain(`${directory} keeps a cluster of 3 replicas on ports 7101 to 7103 with the engine paxos`)
      .and.to.contain('this would be one of 1 replica on port 7101 with the engine paxos')
      .and.to.contain(`synod dev --data-dir ${directory} --replicas 3 --port 7101 --engine paxos`);
    const elsewhere = await refusal({ ...wanted, port: 7201 });
    expect(elsewhere.message).to.contain('ports 7201 to 7203');
  });

  it('is refused, and left as it is, where it has something else in it', async () => {
    await mkdir(directory, { recursive: true });
    for (const name of ['a', 'b', 'c', 'd']) await writeFile(join(directory, name), '');
    const { exitCode, message } = await refusal();
    expect(exitCode).to.equal(78);
    expect(message).to.contain('is not empty and has no dev.json').and.to.contain('(it has a, b, c, …)');
    expect(await readdir(directory)).to.deep.equal(['a', 'b', 'c', 'd']);
  });

  for (const text of [
    '',
    '{',
    '{}',
    '{"formatVersion":2,"clusterId":"x","engine":"paxos","replicas":3,"port":1}',
  ]) {
    it(`is refused where dev.json has ${text === '' ? 'nothing' : text}`, async () => {
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, 'dev.json'), text);
      const { exitCode, message } = await refusal();
      expect(exitCode).to.equal(78);
      expect(message).to.contain(
        `${join(directory, 'dev.json')} is not one that this version of synod dev writes`,
      );
    });
  }

  it('is refused where it is a file, or below one', async () => {
    directory = join(parent, 'file');
    await writeFile(directory, '');
    expect((await refusal()).message).to.equal(`${directory} cannot be read: not a directory`);
    directory = join(parent, 'file', 'below');
    expect((await refusal()).message).to.equal(`${directory} cannot be read: not a directory`);
  });
});
