import { expect } from 'chai';
import { scenario } from './report.js';
import type { ViewClerk } from './view-clerk.js';
import { eachTick, expectView, pingForms, ViewStage } from './view-stage.js';

const suite = 'view';
const timeoutMs = 30_000;
/** How many ping intervals a change of the view may take, and how many nothing may change in. */
const tickLimit = 10;
const longTickLimit = 15;

/** The tests of each group follow one another on one view service, and each starts from where the last one ended. */
describe('view', () => {
  for (const [form, suffix] of pingForms) {
    describe(form, () => {
      let stage: ViewStage;
      let ck1: ViewClerk;
      let ck2: ViewClerk;
      let ck3: ViewClerk;

      before(async () => {
        stage = await ViewStage.start(form);
        [ck1, ck2, ck3] = [stage.clerk('ck1'), stage.clerk('ck2'), stage.clerk('ck3')];
      });
      after(() => stage.close());

      const viewScenario = (title: string, body: () => Promise<void>) =>
        scenario(suite, `${title}${suffix}`, timeoutMs, ({ observe }) => {
          observe(stage);
          return body();
        });

      viewScenario('First primary', async () => {
        await expectView(ck1, undefined, undefined, 0);
        await eachTick(tickLimit, async () => (await ck1.ping(0)).primary === ck1.name);
        await expectView(ck1, ck1, undefined, 1);
      });

      viewScenario('First backup', async () => {
        const { viewNumber } = await ck1.view();
        await eachTick(tickLimit, async () => {
          await ck1.ping(1);
          return (await ck2.ping(0)).backup === ck2.name;
        });
        await expectView(ck1, ck1, ck2, viewNumber + 1);
      });

      viewScenario('Backup takes over if primary fails', async () => {
        await ck1.ping(2);
        const { viewNumber } = await ck2.ping(2);
        await eachTick(tickLimit, async () => {
          const { primary, backup } = await ck2.ping(viewNumber);
          return primary === ck2.name && backup === '';
        });
        await expectView(ck2, ck2, undefined, viewNumber + 1);
      });

      viewScenario('Restarted server becomes backup', async () => {
        const { viewNumber } = await ck2.view();
        await ck2.ping(viewNumber);
        ck1.restart();
        await eachTick(tickLimit, async () => {
          await ck1.ping(0);
          const { primary, backup } = await ck2.ping(viewNumber);
          return primary === ck2.name && backup === ck1.name;
        });
        await expectView(ck2, ck2, ck1, viewNumber + 1);
      });

      viewScenario('Idle third server becomes backup if primary fails', async () => {
        const { viewNumber } = await ck2.view();
        await ck2.ping(viewNumber);
        await eachTick(tickLimit, async () => {
          await ck3.ping(0);
          const { primary, backup } = await ck1.ping(viewNumber);
          return primary === ck1.name && backup === ck3.name;
        });
        // In one step: no view between them was without a backup.
        await expectView(ck1, ck1, ck3, viewNumber + 1);
      });

      viewScenario('Restarted primary treated as dead', async () => {
        const { viewNumber } = await ck1.view();
        await ck1.ping(viewNumber);
        ck1.restart();
        await eachTick(tickLimit, async () => {
          await ck1.ping(0);
          await ck3.ping(viewNumber);
          return (await ck3.view()).primary !== ck1.name;
        });
        const view = await ck3.view();
        expect(view.primary).to.equal(ck3.name);
        expect(view.viewNumber).to.equal(viewNumber + 1);
      });

      viewScenario('Dead backup is removed from view', async () => {
        const before = await ck3.view();
        await eachTick(longTickLimit, async () => ck3.ping((await ck3.view()).viewNumber));
        // Without a backup there is none to remove, and no reason for another view.
        const changes = before.backup === '' ? 0 : 1;
        await expectView(ck3, ck3, undefined, before.viewNumber + changes);
      });

      viewScenario('Viewserver waits for primary to ack view', async () => {
        const { viewNumber } = await ck1.view();
        ck1.restart();
        await eachTick(longTickLimit, async () => {
          await ck1.ping(0);
          await ck3.ping(viewNumber);
          return (await ck1.view()).viewNumber > viewNumber;
        });
        await expectView(ck1, ck3, ck1, viewNumber + 1);
        // The primary has never acknowledged that view, and is silent from now on.
        await eachTick(
          longTickLimit,
          async () => (await ck1.ping(viewNumber + 1)).viewNumber > viewNumber + 1,
        );
        await expectView(ck2, ck3, ck1, viewNumber + 1);
      });

      viewScenario("Uninitialized server can't become primary", async () => {
        ck2.restart();
        await eachTick(tickLimit, async () => {
          const { viewNumber } = await ck1.view();
          await ck1.ping(viewNumber);
          await ck2.ping(0);
          await ck3.ping(viewNumber);
        });
        await eachTick(tickLimit, () => ck2.ping(0));
        expect((await ck2.view()).primary).not.to.equal(ck2.name);
      });
    });
  }
});
