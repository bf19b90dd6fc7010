/** Two to three of them are the longest that a cluster is without a leader after one has died. */
export const defaultElectionTimeoutMs = 100;
/** Between two pings of a server to its view service. */
export const defaultPingIntervalMs = 100;
/** After how many pings that did not come a server counts as dead. */
export const defaultDeadPings = 5;
