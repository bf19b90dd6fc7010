import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const holderPath = fileURLToPath(new URL('./directory-holder.js', import.meta.url));

/** Processes that take a directory each; `end` kills those that are left. */
export class DirectoryHolders {
  private readonly children: ChildProcess[] = [];

  /** Starts one, which goes on living or ends by itself. */
  start(directory: string, by: 'socket' | 'file', then: 'hold' | 'end' = 'hold'): ChildProcess {
    const child = spawn(process.execPath, [holderPath, directory, by, then], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.children.push(child);
    return child;
  }

  async end(): Promise<void> {
    for (const child of this.children.splice(0)) await killed(child);
  }
}

/** The one line that a holder prints: `taken` or `in use: …`. */
export async function said(holder: ChildProcess): Promise<string> {
  const [line] = (await once(holder.stdout!, 'data')) as [Buffer];
  return line.toString();
}

/** Resolves once a process is gone by kill -9. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
