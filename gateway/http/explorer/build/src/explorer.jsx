import "./workers.js";
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./fonts.css";
import "./page.css";
import { GraphiQL } from "graphiql";
import { useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { createFetcher } from "./fetcher.js";
import { verdict } from "./login.js";
import { Login } from "./login.jsx";
import { storageWithoutHeaders } from "./storage.js";

const { endpoint, tabs } = JSON.parse(document.getElementById("explorer-config").textContent);
const storage = storageWithoutHeaders(localStorage);
const NOTHING_TOLD = { isBad: false, text: "" };

// Nothing of the log-in is seen until the gateway asks for one: `dev` never does.
function Explorer() {
  const [isOpen, setIsOpen] = useState(false);
  const [told, setTold] = useState(NOTHING_TOLD);
  const latest = useRef(null);
  const [session, setSession] = useState(() => begin(null));

  // GraphiQL fetches the schema anew for every new fetcher.
  function begin(key) {
    const session = { key, fetcher: createFetcher(endpoint, { key, onAnswer }) };
    function onAnswer(response, answer, credential) {
      if (latest.current !== session) return; // The answer is to a key from before.
      if (response.status === 401) setIsOpen(true);
      setTold(verdict(response, answer, credential));
    }
    latest.current = session;
    return session;
  }

  function enter(key) {
    setTold(NOTHING_TOLD); // So that the same refusal is read out again.
    setSession(begin(key));
  }

  return (
    <>
      <Login
        isOpen={isOpen}
        hasKey={session.key !== null}
        told={isOpen ? told : NOTHING_TOLD}
        onKey={enter}
        onForget={() => enter(null)}
        onTold={setTold}
      />
      <GraphiQL
        fetcher={session.fetcher}
        storage={storage}
        defaultTabs={tabs}
        defaultEditorToolsVisibility="variables"
        shouldPersistHeaders={false}
        inputValueDeprecation
        schemaDescription
      >
        <GraphiQL.Logo>Helpdesk gateway</GraphiQL.Logo>
      </GraphiQL>
    </>
  );
}

// Monaco measures its font once, when an editor opens; a font that arrives later would misplace the caret.
await document.fonts.load('15px "Fira Code"').catch(() => undefined);

createRoot(document.getElementById("explorer")).render(<Explorer />);
