// The browser's storage without request headers: they carry the caller's key, and GraphiQL's history plugin
// writes them down even where persisting headers is off.
const NAMESPACE = "graphiql:";

export function storageWithoutHeaders(storage) {
  const ownKeys = () => Object.keys(storage).filter((key) => key.startsWith(NAMESPACE));
  return {
    getItem: (key) => storage.getItem(key),
    setItem(key, value) {
      if (key !== `${NAMESPACE}headers`) storage.setItem(key, withoutHeaders(value));
    },
    removeItem: (key) => storage.removeItem(key),
    clear: () => ownKeys().forEach((key) => storage.removeItem(key)),
    get length() {
      return ownKeys().length;
    },
  };
}

function withoutHeaders(value) {
  try {
    return JSON.stringify(JSON.parse(value), (key, inner) => (key === "headers" ? null : inner));
  } catch {
    return value;
  }
}
