// Monaco asks for its workers by label; their files stand beside this script.
const files = { graphql: GRAPHQL_WORKER, json: JSON_WORKER };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(files[label] ?? EDITOR_WORKER, import.meta.url), { name: label }),
};
