// A client that fails over between replicas. Start a cluster with `npx synod dev`, then:
//   node examples/clerk.mjs [ENDPOINT ...]
import { Clerk } from 'synod';

const endpoints = process.argv.slice(2);
if (endpoints.length === 0) endpoints.push('127.0.0.1:7101', '127.0.0.1:7102', '127.0.0.1:7103');

const clerk = new Clerk({ endpoints });
await clerk.put('greeting', 'hello');
await clerk.append('greeting', ', world');
console.log('greeting:', await clerk.get('greeting'));

// A write has run at most once when it returns, however often it had to be sent.
console.log('hash chain grew from:', JSON.stringify(await clerk.putHash('chain', 'one')));

// Every call may have limits of its own.
console.log('missing:', await clerk.find('no such key', { timeoutMs: 2000 }));
await clerk.close();
