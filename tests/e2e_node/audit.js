// Runs the official GraphQL over HTTP audits against the endpoint given as the first argument, with the headers
// given as JSON as the second; prints their results.
import { serverAudits } from "graphql-http";

const [, , url, more] = process.argv;

function fetchFn(target, init = {}) {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(JSON.parse(more))) headers.set(name, value);
  return fetch(target, { ...init, headers });
}

const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const { id, name, status, reason } = await audit.fn();
  results.push({ id, name, status, reason });
}
console.log(JSON.stringify(results));
