import { Kind, parse } from "graphql";

// One POST per operation, one JSON answer: no sockets, no incremental delivery.
export function createFetcher(endpoint) {
  return async (operation, { headers: typed } = {}) => {
    const headers = new Headers({
      Accept: "application/graphql-response+json, application/json",
      "Content-Type": "application/json",
    });
    try {
      for (const [name, value] of Object.entries(typed ?? {})) headers.set(name, value);
      const response = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify(renamed(operation)) });
      return await decode(response);
    } catch (error) {
      return { errors: [{ message: `No answer from the gateway: ${error.message}` }] };
    }
  };
}

async function decode(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: `HTTP ${response.status}, and not JSON: ${text.slice(0, 200)}` }] };
  }
}

// GraphiQL reads the operation's name off a changed text a moment after the change. Whoever runs it at once
// would send the name from before, so a name that the text does not define gives way.
function renamed(operation) {
  let names;
  try {
    const { definitions } = parse(operation.query);
    names = definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION).map(({ name }) => name?.value);
  } catch {
    return operation; // Syntax is for the gateway to judge.
  }
  if (names.includes(operation.operationName)) return operation;
  return { ...operation, operationName: names.length === 1 ? names[0] : undefined };
}
