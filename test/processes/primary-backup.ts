import { until } from '../support/until.js';
import { runCommand } from './command.js';

/** What of `synod status --json --view-service` is looked at. */
export interface ViewedStatus {
  readonly view: {
    readonly viewNumber: number;
    readonly primary: string | null;
    readonly backup: string | null;
    readonly acknowledged: boolean;
    readonly trouble: string;
  };
  readonly replicas: readonly {
    readonly id: number;
    readonly endpoint: string;
    readonly reachable: boolean;
    readonly serving?: boolean;
    readonly view?: { readonly role: string; readonly viewNumber: number };
  }[];
}

export async function viewedStatus(viewService: string): Promise<ViewedStatus> {
  const { how, stdout, stderr } = await runCommand(['status', '--json', '--view-service', viewService]);
  if (how !== 0) throw new Error(`synod status ended with ${how}: ${stderr}`);
  return JSON.parse(stdout) as ViewedStatus;
}

/** Waits until so many servers do their part in one acknowledged view, and one of them is a backup with the state. */
export const settledView = (viewService: string, serverCount: number): Promise<ViewedStatus> =>
  until(`${serverCount} servers serve, with a backup among them`, 20_000, async () => {
    const status = await viewedStatus(viewService);
    const { acknowledged, backup, viewNumber } = status.view;
    const serving = status.replicas.filter(
      ({ serving, view }) => serving === true && view?.viewNumber === viewNumber,
    );
    return acknowledged && backup !== null && serving.length === serverCount ? status : undefined;
  });
