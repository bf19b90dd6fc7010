/** What stands in the text of a failed call, and how to say it to a person. */
const sayings: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED/, 'connection refused'],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, 'the host name does not resolve'],
  [/ENOENT/, 'there is no such socket'],
  [/EACCES|EPERM/, 'permission denied'],
  [/EHOSTUNREACH|ENETUNREACH/, 'there is no way to that host'],
  [/ECONNRESET|EPIPE|Connection dropped/, 'the connection broke'],
  [/Deadline exceeded|DEADLINE_EXCEEDED/, 'no answer in time'],
];

/** One line, without the library's words, on why a call to an endpoint failed. */
export function problemText(problem: string): string {
  const saying = sayings.find(([pattern]) => pattern.test(problem));
  return saying?.[1] ?? problem.replaceAll(/\s+/g, ' ').trim();
}
