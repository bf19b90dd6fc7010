import type { BaseClerk } from '../clerk/base-clerk.js';
import type { CallLimits } from '../clerk/attempts.js';
import type { Operation } from '../kv/operation.js';
import type { Answer } from './history.js';

/** Runs an operation through a clerk, for the recorder. @throws ClerkError */
export async function clerkAnswer(
  clerk: Pick<BaseClerk, 'find' | 'put' | 'append' | 'putHash'>,
  operation: Operation,
  limits: CallLimits = {},
): Promise<Answer> {
  switch (operation.kind) {
    case 'get': {
      const value = await clerk.find(operation.key, limits);
      return { kind: 'get', value: value ?? '', found: value !== undefined };
    }
    case 'put':
      await clerk.put(operation.key, operation.value, limits);
      return { kind: 'put' };
    case 'append':
      await clerk.append(operation.key, operation.value, limits);
      return { kind: 'append' };
    case 'put-hash': {
      const previousValue = await clerk.putHash(operation.key, operation.value, limits);
      return { kind: 'put-hash', previousValue };
    }
  }
}
