// Sends operations to the endpoint given as the first argument with the clients that frontends use, and prints
// what each makes of the answers. They are set up as their first pages show, with the headers given as JSON as
// the second argument. The operations come as JSON on standard input: [{query, variables}, ...].
import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import { GraphQLClient } from "graphql-request";
import { text } from "node:stream/consumers";

const url = process.argv[2];
const headers = JSON.parse(process.argv[3]);

function recording(answers) {
  return async (...request) => {
    const response = await fetch(...request);
    answers.push([response.headers.get("content-type"), response.headers.get("content-encoding")]);
    return response;
  };
}

function urql(fetch, preferGetMethod = false) {
  const fetchOptions = { headers };
  const client = new Client({ url, fetch, fetchOptions, exchanges: [fetchExchange], preferGetMethod });
  return async ({ query, variables }, isMutation) => {
    const asked = isMutation ? client.mutation(query, variables) : client.query(query, variables);
    const { data, error } = await asked.toPromise();
    if (error?.networkError) throw error.networkError;
    return { data: data ?? null, errors: error?.graphQLErrors ?? [] };
  };
}

function apollo(fetch, useGETForQueries = false) {
  const link = new HttpLink({ uri: url, fetch, headers, useGETForQueries });
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
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

function graphqlRequest(fetch, method = "POST") {
  const client = new GraphQLClient(url, { fetch, headers, method, errorPolicy: "all" });
  return async ({ query, variables }) => {
    const asked = client.rawRequest(query, variables);
    // A request that was refused as such is thrown, with the answer in the error.
    const { data, errors } = await asked.catch((error) => {
      if (error.response?.errors) return error.response;
      throw error;
    });
    return { data: data ?? null, errors: errors ?? [] };
  };
}

const clients = {
  urql,
  apollo,
  "graphql-request": graphqlRequest,
  "urql by GET": (fetch) => urql(fetch, "force"),
  "apollo by GET": (fetch) => apollo(fetch, true),
};
const operations = JSON.parse(await text(process.stdin));
const answers = {};
for (const [name, make] of Object.entries(clients)) {
  const types = [];
  const ask = make(recording(types));
  const results = [];
  for (const operation of operations) {
    const { data, errors } = await ask(operation, operation.query.startsWith("mutation"));
    results.push({ data, codes: errors.map(({ extensions }) => extensions.code) });
  }
  answers[name] = { types, results };
}
console.log(JSON.stringify(answers));
