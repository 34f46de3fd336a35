-- The language server's configuration, for `vim.lsp.enable('callboard')` and `vim.lsp.config('callboard', {…})`.
return require('callboard.client').config()
