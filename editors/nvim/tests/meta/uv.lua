---@meta
-- Neovim's own annotations leave libuv to another project; here it is anything.

---@type any
vim.uv = nil
