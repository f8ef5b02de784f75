// A prettier plugin for JSON with comments around jsonc-parser's formatter; GraphiQL asks prettier to format
// variables and headers, and prettier's own way there is 540 kB of JavaScript parser and printer.
import { applyEdits, format } from "jsonc-parser";

export const parsers = {
  jsonc: {
    astFormat: "jsonc-text",
    parse: (text) => ({ text }),
    locStart: () => 0,
    locEnd: ({ text }) => text.length,
  },
};

export const printers = {
  "jsonc-text": {
    print: ({ node: { text } }) =>
      applyEdits(text, format(text, undefined, { insertSpaces: true, tabSize: 2, eol: "\n" })),
  },
};
