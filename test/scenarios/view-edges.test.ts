import { scenario } from './report.js';
import { eachTick, expectView, pingForms, ViewStage } from './view-stage.js';

const suite = 'view';
const timeoutMs = 30_000;
/** Thrice as long as a server may be silent. */
const tickLimit = 15;

describe('view', () => {
  for (const [form, suffix] of pingForms) {
    scenario(suite, `Backup without the state is not promoted${suffix}`, timeoutMs, ({ observe }) =>
      ViewStage.with(form, async (stage) => {
        observe(stage);
        const [ck1, ck2, ck3] = [stage.clerk('ck1'), stage.clerk('ck2'), stage.clerk('ck3')];
        await ck1.ping(0);
        await ck1.ping(1);
        await ck2.ping(0);
        await ck1.ping(2);
        await expectView(ck3, ck1, ck2, 2);
        await eachTick(tickLimit, async () => {
          await ck2.ping(0);
          await ck3.ping(0);
        });
        await expectView(ck3, ck1, ck2, 2);
      }),
    );
  }

  scenario(suite, 'Late ping of a process that is gone counts for nothing', timeoutMs, ({ observe }) =>
    ViewStage.with('with-incarnation', async (stage) => {
      observe(stage);
      const [old, ck1, ck2] = [stage.clerk('ck1'), stage.clerk('ck1'), stage.clerk('ck2')];
      await old.ping(0);
      await old.ping(1);
      await ck2.ping(0);
      await old.ping(2);
      await ck2.ping(2);
      await ck1.ping(0);
      await expectView(ck2, ck2, ck1, 3);
      await ck1.ping(3);
      await old.ping(0);
      await old.ping(3);
      await eachTick(tickLimit, async () => {
        await old.ping(0);
        await ck1.ping(3);
        await ck2.ping(3);
      });
      await expectView(ck2, ck2, ck1, 3);
      // Nor does it keep alive the name that it had.
      await eachTick(tickLimit, async () => {
        await old.ping(0);
        await ck2.ping((await ck2.view()).viewNumber);
      });
      await expectView(ck2, ck2, undefined, 4);
    }),
  );
});
