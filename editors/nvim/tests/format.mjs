// Checks that every Lua file has the form of .stylua.toml, or gives it that form: `node format.mjs FOLDER [--write]`, where
// FOLDER holds StyLua as an npm package. StyLua's own program is no package of a registry; its library is.
import { createRequire } from 'node:module';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const [, , packages, flag] = process.argv;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { formatCode, Config, OutputVerification, IndentType, QuoteStyle, CallParenType } = createRequire(
  join(packages, 'package.json'),
)('@johnnymorganz/stylua');

// The library reads no file, so the settings are read here; one that is not known stops the check. It takes a configuration
// over, so each file gets its own.
let config;
const settings = {
  column_width: (value) => (config.column_width = Number(value)),
  indent_type: (value) => (config.indent_type = IndentType[value]),
  indent_width: (value) => (config.indent_width = Number(value)),
  quote_style: (value) => (config.quote_style = QuoteStyle[value]),
  call_parentheses: (value) => (config.call_parentheses = CallParenType[value]),
};
const lines = readFileSync(join(root, '.stylua.toml'), 'utf8').split('\n').filter(Boolean);
function configuration() {
  config = Config.new();
  for (const line of lines) {
    const [, key, value] = /^(\w+) = "?(.*?)"?$/.exec(line);
    settings[key](value);
  }
  return config;
}

let differing = 0;
const files = readdirSync(root, { recursive: true }).filter((it) => it.endsWith('.lua') && !it.endsWith('types.lua'));
for (const file of files.map((it) => join(root, it))) {
  const text = readFileSync(file, 'utf8');
  const formed = formatCode(text, configuration(), undefined, OutputVerification.None);
  if (formed === text) continue;
  differing += 1;
  if (flag === '--write') writeFileSync(file, formed);
  else console.log(`${relative(root, file)} is not formatted; run: node editors/nvim/tests/format.mjs ${packages} --write`);
}
console.log(`${files.length} files, ${differing} ${flag === '--write' ? 'formatted' : 'not formatted'}`);
process.exit(differing > 0 && flag !== '--write' ? 1 : 0);
