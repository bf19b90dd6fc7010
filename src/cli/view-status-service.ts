import { ViewServiceService as definition } from '../../gen/synod/view/v1/view.js';
import { parseAddress } from '../rpc/address.js';
import { openChannel, unaryCall } from '../rpc/channel.js';
import type { CallOptions } from '../rpc/link.js';
import { CommandFailure } from './command-failure.js';
import { problemText } from './problem-text.js';

/** What `status --json` prints of a view service. */
export interface ViewReport {
  readonly viewService: string;
  /** 0 before the first view. */
  readonly viewNumber: number;
  /** Null before the first view. */
  readonly primary: string | null;
  /** Null while there is none. */
  readonly backup: string | null;
  /** Whether the primary has acknowledged the view. */
  readonly acknowledged: boolean;
  /** Whether the backup has the whole state, so that it can take over. */
  readonly backupReady: boolean;
  /** What keeps the views from going on; empty if nothing does. */
  readonly trouble: string;
}

export interface ViewStatus {
  readonly report: ViewReport;
  /** The addresses of all servers that have pinged. */
  readonly servers: readonly string[];
}

const orNull = (address: string): string | null => (address === '' ? null : address);

/** Asks a view service once how it stands. @throws CommandFailure if it does not answer */
export async function askViewService(viewService: string, options: CallOptions): Promise<ViewStatus> {
  const channel = openChannel(parseAddress(viewService), { between: 'client-and-replica' });
  try {
    const { view, acknowledged, backupReady, trouble, servers } = await unaryCall(
      channel,
      definition.getView,
    )({}, options);
    const { viewNumber = 0, primary = '', backup = '' } = view ?? {};
    return {
      report: {
        viewService,
        viewNumber,
        primary: orNull(primary),
        backup: orNull(backup),
        acknowledged,
        backupReady,
        trouble,
      },
      servers: servers.map(({ address }) => address),
    };
  } catch (error) {
    if (options.signal?.aborted) throw new CommandFailure({ kind: 'interrupted', message: 'interrupted' });
    const problem = problemText(error instanceof Error ? error.message : String(error));
    throw new CommandFailure({
      kind: 'unreachable',
      message: `the view service does not answer (${viewService}: ${problem})`,
      endpoints: [{ endpoint: viewService, problem }],
    });
  } finally {
    channel.close();
  }
}
