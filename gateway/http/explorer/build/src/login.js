// What an answer of the gateway says about the caller's key, in words for the person at the page.

const WHOSE = {
  key: { refused: "This key or token was refused", carried: "Requests carry your key or token." },
  headers: {
    refused: "The key or token in the Headers pane was refused",
    carried: "Requests carry the Headers pane's key or token.",
  },
};

export function verdict({ status, headers }, answer, credential) {
  const errors = Array.isArray(answer?.errors) ? answer.errors : [];
  if (status === 401) {
    if (credential === "none") return bad("The gateway asks for an API key or token.");
    return bad(`${WHOSE[credential].refused}: it is wrong, expired or revoked.`);
  }
  if (status === 429) {
    const wait = headers.get("Retry-After");
    const when = /^\d+$/.test(wait ?? "") ? `Try again in ${wait} s` : "Try again later";
    return bad(`Rate-limited. ${when}: ${reason(errors, status)}`);
  }
  const forbidden = errors.filter((error) => error?.extensions?.code === "FORBIDDEN");
  if (status === 403 || forbidden.length) {
    const told = reason(forbidden.length ? forbidden : errors, status);
    return bad(`Your key or token has no right to this, or to a part of it. ${told}`);
  }
  if (status >= 500) return bad(reason(errors, status));
  return { isBad: false, text: WHOSE[credential]?.carried ?? "" };
}

// What somebody pastes, or null where no header could carry it.
export function credentialIn(pasted) {
  const text = pasted.trim().replace(/^bearer(\s+|$)/i, "");
  return /^[\x21-\x7e]+$/.test(text) ? text : null;
}

export const UNUSABLE = bad("That is no key or token: it has a blank or a foreign letter in it.");

function bad(text) {
  return { isBad: true, text };
}

function reason(errors, status) {
  const { message } = errors[0] ?? {};
  return typeof message === "string" ? message : `HTTP ${status}.`;
}
