type ErrorClass<Failure extends Error> = new (...parameters: never[]) => Failure;

/** What `promise` rejects with, which must be of the given class; fails if it resolves. */
export async function rejection<Failure extends Error>(
  promise: Promise<unknown>,
  errorClass: ErrorClass<Failure>,
): Promise<Failure> {
  return caught(await promise.then(resolvedInstead, (error: unknown) => error), errorClass);
}

/** What `action` throws, which must be of the given class; fails if it returns. */
export function thrown<Failure extends Error>(
  action: () => unknown,
  errorClass: ErrorClass<Failure>,
): Failure {
  try {
    action();
  } catch (error) {
    return caught(error, errorClass);
  }
  throw new Error(`expected ${errorClass.name}, but nothing was thrown`);
}

const resolvedInstead = (value: unknown): never => {
  throw new Error(`expected a rejection, but it resolved with ${JSON.stringify(value)}`);
};

function caught<Failure extends Error>(error: unknown, errorClass: ErrorClass<Failure>): Failure {
  if (error instanceof errorClass) return error;
  throw new Error(`expected ${errorClass.name}, got ${String(error)}`, { cause: error });
}
