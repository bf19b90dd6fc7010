/** Told of what happens, at the very moment, for the log at level debug and for tests that stop the process there. */
export type Trace = (event: string, details: Record<string, unknown>) => void;
