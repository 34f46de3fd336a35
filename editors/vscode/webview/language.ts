// The words of the editor's language, as the extension hands them in. Imported before all else that has words.

import * as l10n from "@vscode/l10n";

const words = document.getElementById("root")?.dataset.words;
if (words !== undefined) l10n.config({ contents: words });
