import "./workers.js";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./fonts.css";
import "./page.css";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { createFetcher } from "./fetcher.js";
import { storageWithoutHeaders } from "./storage.js";

const { endpoint, tabs } = JSON.parse(document.getElementById("explorer-config").textContent);
const fetcher = createFetcher(endpoint);
const storage = storageWithoutHeaders(localStorage);

// Monaco measures its font once, when an editor opens; a font that arrives later would misplace the caret.
await document.fonts.load('15px "Fira Code"').catch(() => undefined);

createRoot(document.getElementById("explorer")).render(
  <GraphiQL
    fetcher={fetcher}
    storage={storage}
    defaultTabs={tabs}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders={false}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>Helpdesk gateway</GraphiQL.Logo>
  </GraphiQL>,
);
