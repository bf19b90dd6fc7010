/** The largest message a client or a replica takes in. */
export const receiveLimitBytes = 8 * 1024 * 1024;
