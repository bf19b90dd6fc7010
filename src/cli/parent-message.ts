import { z } from 'zod';

/** What a replica's process tells the `dev` that started it. */
const parentMessage = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('listening'), address: z.string() }),
  z.object({
    kind: z.literal('failed'),
    /** One line. */
    message: z.string(),
  }),
]);

export type ParentMessage = z.infer<typeof parentMessage>;

/** The message, or undefined if it is none. */
export function readParentMessage(value: unknown): ParentMessage | undefined {
  return parentMessage.safeParse(value).data;
}
