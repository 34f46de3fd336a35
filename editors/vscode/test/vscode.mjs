// Stands in for the editor in unit tests: what they test uses none of it.
export const l10n = { t: (text) => text };
