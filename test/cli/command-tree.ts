import type { Command } from 'commander';

/** The commands that do something, those below another included. */
export const leafCommands = (command: Command): Command[] =>
  command.commands.flatMap((child) => (child.commands.length === 0 ? [child] : leafCommands(child)));

/** The words that call a command, `synod` aside: `snapshot save`. */
export const pathOf = (command: Command): string[] =>
  command.parent === null ? [] : [...pathOf(command.parent), command.name()];
