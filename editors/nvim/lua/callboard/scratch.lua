--- A window with text that is only read, for details.
local M = {}

--- Shows lines in a window that `q` closes.
---@param opts { name: string, lines: string[], filetype: string?, layout: 'float'|'split'|'tab'? }
---@return integer bufnr
function M.show(opts)
  local bufnr = vim.fn.bufnr('^' .. vim.fn.escape(opts.name, '[]*?\\^$.~') .. '$')
  if bufnr == -1 then
    bufnr = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(bufnr, opts.name)
  end
  vim.bo[bufnr].buftype = 'nofile'
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].swapfile = false
  vim.bo[bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, opts.lines)
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].filetype = opts.filetype or ''
  vim.keymap.set(
    'n',
    'q',
    '<Cmd>close<CR>',
    { buffer = bufnr, nowait = true, desc = 'Callboard: close' }
  )
  require('callboard.channel').window(bufnr, opts.layout or 'float', 20)
  return bufnr
end

return M
