import { Kind, parse } from "graphql";

// One POST per operation, one JSON answer: no sockets, no incremental delivery.
// `key` goes with every request that has no credential in the Headers pane; `onAnswer` hears how each went.
export function createFetcher(endpoint, { key, onAnswer }) {
  return async (operation, { headers: typed } = {}) => {
    const headers = new Headers({
      Accept: "application/graphql-response+json, application/json",
      "Content-Type": "application/json",
    });
    try {
      for (const [name, value] of Object.entries(typed ?? {})) headers.set(name, value);
      const credential = credentialOf(headers, key);
      if (credential === "key") headers.set("Authorization", `Bearer ${key}`);
      const response = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify(renamed(operation)) });
      const answer = await decode(response);
      onAnswer(response, answer, credential);
      // GraphiQL asks a second time for a schema that comes without `data`; a refusal would count twice.
      return response.ok || operation.operationName !== "IntrospectionQuery" ? answer : { ...answer, data: null };
    } catch (error) {
      return { errors: [{ message: `No answer from the gateway: ${error.message}` }] };
    }
  };
}

function credentialOf(headers, key) {
  if (headers.has("Authorization") || headers.has("X-API-Key")) return "headers";
  return key === null ? "none" : "key";
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
