import js from "@eslint/js";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript-eslint";

export default ts.config(
  // The types of the wire are made from the server's; its tests hold them.
  { ignores: ["node_modules", "dist", "src/protocol.ts"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...ts.configs.strictTypeChecked, ...ts.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ["./tsconfig.json", "./webview/tsconfig.json", "./test/tsconfig.json"],
        tsconfigRootDir: dirname(fileURLToPath(import.meta.url)),
      },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", name: "test", package: "node:test" }] },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "What agents say is made into nodes, never into HTML." },
        { property: "outerHTML", message: "What agents say is made into nodes, never into HTML." },
        { property: "insertAdjacentHTML", message: "What agents say is made into nodes, never into HTML." },
      ],
    },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: {
      globals: Object.fromEntries(
        [
          "console",
          "process",
          "URL",
          "setTimeout",
          "clearTimeout",
          "performance",
          "document",
          "window",
          "requestAnimationFrame",
          "Buffer",
          "TextDecoder",
          "TextEncoder",
          "getComputedStyle",
          "fetch",
        ].map((it) => [it, "readonly"]),
      ),
    },
  },
);
