// Runs the extension-host tests in a real workbench: the extension from its own folder, the real server.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { story, until, World } from "./harness.mjs";

const extension = path.resolve(fileURLToPath(import.meta.url), "../../..");
const tests = path.resolve(extension, "../../target/vscode/host/index.js");
const world = new World({ "notes.md": "# Rounds\n\none\ntwo   \nthree\nsix   \n" });
const out = world.of("out.txt");
world.env.CALLBOARD_TEST_OUT = out;
fs.writeFileSync(out, "");

await story(world, [
  [
    "extension-host tests",
    async () => {
      // A built workbench takes these two payloads only with this flag.
      await world.start({ packed: false, extra: ["--enable-smoke-test-driver"] });
      let code;
      const remote = (file) => `vscode-remote://${world.host}${file}`;
      const window = await world.window({
        payload: [
          ["extensionDevelopmentPath", remote(extension)],
          ["extensionTestsPath", remote(tests)],
        ],
        prepare: (page) => page.exposeFunction("codeAutomationExit", (it) => (code = it)),
      });
      try {
        await until("the tests to end", () => code !== undefined, 180_000);
      } finally {
        process.stdout.write(fs.readFileSync(out, "utf8").replace(/^/gm, "  "));
      }
      if (code !== 0) throw new Error(`the tests ended with ${code}`);
      await window.context.close();
      world.windows.length = 0;
    },
  ],
]);
