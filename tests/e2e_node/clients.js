// Sends operations to the endpoint given as the argument with the clients that frontends use, and prints what
// each makes of the answers. The operations come as JSON on standard input: [{query, variables}, ...].
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import { text } from "node:stream/consumers";

const url = process.argv[2];

function recording(contentTypes) {
  return async (...request) => {
    const response = await fetch(...request);
    contentTypes.push(response.headers.get("content-type"));
    return response;
  };
}

function urql(fetch) {
  const client = new Client({ url, fetch, exchanges: [fetchExchange], preferGetMethod: false });
  return async ({ query, variables }, isMutation) => {
    const asked = isMutation ? client.mutation(query, variables) : client.query(query, variables);
    const { data, error } = await asked.toPromise();
    if (error?.networkError) throw error.networkError;
    return { data: data ?? null, errors: error?.graphQLErrors ?? [] };
  };
}

function apollo(fetch) {
  const client = new ApolloClient({ link: new HttpLink({ uri: url, fetch }), cache: new InMemoryCache() });
  const options = { errorPolicy: "all", fetchPolicy: "no-cache" };
  return async ({ query, variables }, isMutation) => {
    const document = gql(query);
    const { data, error } = isMutation
      ? await client.mutate({ ...options, mutation: document, variables })
      : await client.query({ ...options, query: document, variables });
    if (error && !CombinedGraphQLErrors.is(error)) throw error;
    return { data: data ?? null, errors: error?.errors ?? [] };
  };
}

const operations = JSON.parse(await text(process.stdin));
const answers = {};
for (const [name, make] of Object.entries({ urql, apollo })) {
  const contentTypes = [];
  const ask = make(recording(contentTypes));
  const results = [];
  for (const operation of operations) {
    const { data, errors } = await ask(operation, operation.query.startsWith("mutation"));
    results.push({ data, codes: errors.map(({ extensions }) => extensions.code) });
  }
  answers[name] = { contentTypes, results };
}
console.log(JSON.stringify(answers));
