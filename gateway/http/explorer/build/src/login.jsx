import { useId, useRef } from "react";
import { credentialIn, UNUSABLE } from "./login.js";

// Where a person enters their key. The field is no password field and has no name: browsers offer to keep
// the one and remember the other. What is entered leaves the field at once.
export function Login({ isOpen, hasKey, told, onKey, onForget, onTold }) {
  const id = useId();
  const field = useRef(null);

  function enter(event) {
    event.preventDefault();
    const key = credentialIn(field.current.value);
    field.current.value = "";
    if (key === null) onTold(UNUSABLE);
    else onKey(key);
  }

  function forget() {
    field.current.focus();
    onForget();
  }

  return (
    <section className="graphiql-container explorer-login" aria-label="Log-in">
      {isOpen && (
        <form onSubmit={enter}>
          <label htmlFor={`${id}field`}>API key or token</label>
          <input
            id={`${id}field`}
            ref={field}
            type="text"
            required
            autoComplete="off"
            autoCapitalize="none"
            autoCorrect="off"
            spellCheck="false"
            aria-describedby={`${id}told ${id}hint`}
            aria-invalid={told.isBad}
          />
          <button type="submit" className="graphiql-button">
            Use it
          </button>
          {hasKey && (
            <button type="button" className="graphiql-button" onClick={forget}>
              Forget it
            </button>
          )}
          <span id={`${id}hint`}>
            Kept in this page's memory alone: forgotten when you reload or close it. A key in the Headers pane wins.
          </span>
        </form>
      )}
      {/* Always there, as screen readers read out what comes into it. */}
      <p id={`${id}told`} role="status" className={told.isBad ? "explorer-bad" : ""}>
        {told.text}
      </p>
    </section>
  );
}
