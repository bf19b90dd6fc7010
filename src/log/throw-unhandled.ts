/** Lets an error that nobody is there to be told of end the process, as any other that is not handled. */
export const throwUnhandled = (error: unknown): void => {
  void Promise.reject(error instanceof Error ? error : new Error(String(error)));
};
